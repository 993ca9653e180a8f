"""Fill an empty database with a made-up world: `python -m data.seed` for the demo.

`python -m data.seed --organizations 1000000` makes one to measure with, in DATABASE_URL.
"""

import colorsys
import io
from random import Random
from typing import Annotated

import pyotp
import typer
from PIL import Image, ImageDraw
from sqlalchemy import func, insert, select

from core.accounts import passwords
from core.base import clock
from core.database import counters, db, upgrade
from core.models import Logo, Membership, Organization, User
from core.profile import logos
from data.seed import loading
from data.seed.world import SECRET, World

DEMO_ORGANIZATIONS = 60
DEMO_PASSWORD = "a small believable world"  # noqa: S105
LOGOS = 20
SHOWN_ORGANIZATION = 1


def main(
    organizations: Annotated[int, typer.Option(min=1, help="How many organizations.")] = (
        DEMO_ORGANIZATIONS
    ),
    *,
    code: Annotated[bool, typer.Option("--code", help="Only print a code to sign in with.")] = (
        False
    ),
) -> None:
    """Fill the database in DATABASE_URL, if it is empty, and print who may sign in."""
    if code:
        typer.echo(_code())
        return
    upgrade.upgrade()
    if not _is_empty():
        typer.echo("There are people in this database already: nothing was added.")
    else:
        _fill(World(organizations, clock.now(), passwords.hash(DEMO_PASSWORD), _keep_logos()))
    _print_sign_ins()


def _is_empty() -> bool:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(User)) == 0


def _fill(world: World) -> None:
    with loading.begin(db.engine(), world) as connection:
        for number in loading.load(connection, world):
            typer.echo(f"\r{number:,} of {world.organizations:,} organizations", nl=False)
        counters.recount(connection)
    typer.echo()


def _keep_logos() -> list[str]:
    """Keep some made-up logos, and return their digests."""
    drawn = [logos.clean(_draw(Random(number))) for number in range(LOGOS)]
    kept = {logo.digest: logo for logo in drawn}
    rows = [
        {"digest": digest, "png": logo.png, "thumbnail": logo.thumbnail}
        for digest, logo in kept.items()
    ]
    with db.engine().begin() as connection:
        connection.execute(insert(Logo).values(created_at=clock.now()), rows)
    return list(kept)


def _draw(random: Random) -> bytes:
    """Return a PNG: a simple white figure on a colour."""
    red, green, blue = colorsys.hls_to_rgb(random.random(), 0.36, 0.6)
    ground = tuple(int(255 * part) for part in (red, green, blue))
    picture = Image.new("RGB", (512, 512), ground)
    random.choice((_cross, _rings, _hills, _bars))(ImageDraw.Draw(picture))
    return _as_png(picture)


def _cross(pen: ImageDraw.ImageDraw) -> None:
    pen.rounded_rectangle((216, 96, 296, 416), 24, "white")
    pen.rounded_rectangle((96, 216, 416, 296), 24, "white")


def _rings(pen: ImageDraw.ImageDraw) -> None:
    pen.ellipse((96, 136, 336, 376), outline="white", width=40)
    pen.ellipse((196, 136, 436, 376), outline="white", width=40)


def _hills(pen: ImageDraw.ImageDraw) -> None:
    pen.polygon([(56, 400), (216, 128), (376, 400)], "white")
    pen.polygon([(256, 400), (360, 232), (464, 400)], "white")


def _bars(pen: ImageDraw.ImageDraw) -> None:
    for place, height in enumerate((120, 200, 280)):
        left = 112 + place * 104
        pen.rounded_rectangle((left, 400 - height, left + 72, 400), 16, "white")


def _as_png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _print_sign_ins() -> None:
    with db.read() as session:
        staff = session.execute(
            select(User.email, User.staff, User.two_factor_at)
            .where(User.staff.is_not(None))
            .order_by(User.id)
        ).all()
        people = session.execute(
            select(User.email, User.two_factor_at, Membership.role, Organization.name)
            .join(Membership, Membership.user_id == User.id)
            .join(Organization, Organization.id == Membership.org_id)
            .where(Organization.id == SHOWN_ORGANIZATION)
            .order_by(Membership.id)
        ).all()
    one_of_each = {
        role: (email, f"{role} of {name}", since) for email, since, role, name in reversed(people)
    }
    typer.echo(f"Sign in with the password: {DEMO_PASSWORD}")
    for email, place, since in [*staff, *one_of_each.values()]:
        typer.echo(f"  {email:<40} {place}{', with a code' if since else ''}")
    typer.echo(f"The code of everybody: {_code()}; `make code` prints the next one.")
    typer.echo(f"Or let an authenticator app make them; its key: {SECRET}")


def _code() -> str:
    """Return the code that signs in whoever has two-factor in a made-up world, and until when."""
    now = clock.now()
    totp = pyotp.TOTP(SECRET)
    left = totp.interval - now.timestamp() % totp.interval
    return f"{totp.at(now)} (works for {left + totp.interval:.0f} s, once for each person)"
