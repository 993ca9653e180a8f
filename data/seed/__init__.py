"""Fill an empty database with sample data: `python -m data.seed` for the demo.

`python -m data.seed --organizations 1000000` generates data to measure with, in DATABASE_URL.
"""

import colorsys
import io
from random import Random
from typing import Annotated

import pyotp
import typer
from PIL import Image, ImageDraw
from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.orm import Session

from core.accounts import passwords
from core.base import clock
from core.database import counters, db
from core.duplicates import matching
from core.models import Logo, Membership, Organization, UnmatchedOrganization, User
from core.ops import startup
from core.profile import logos
from data.seed import loading
from data.seed.generator import SECRET, SampleData

DEMO_ORGANIZATIONS = 60
DEMO_PASSWORD = "a small believable world"  # noqa: S105
LOGOS = 20
MATCHED_AT_ONCE = 4_000
DEMO_ORGANIZATION = 1


def main(
    organizations: Annotated[int, typer.Option(min=1, help="How many organizations.")] = (
        DEMO_ORGANIZATIONS
    ),
    *,
    code: Annotated[bool, typer.Option("--code", help="Only print a two-factor code.")] = (False),
) -> None:
    """Fill the database in DATABASE_URL, if it is empty, and print the login details."""
    if code:
        typer.echo(_code())
        return
    startup.prepare()
    if not _is_empty():
        typer.echo("The database already has accounts, so nothing was added.")
    else:
        _fill(SampleData(organizations, clock.now(), passwords.hash(DEMO_PASSWORD), _store_logos()))
    _print_logins()


def _is_empty() -> bool:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(User)) == 0


def _fill(sample: SampleData) -> None:
    with loading.begin(db.engine(), sample) as connection:
        for number in loading.load(connection, sample):
            typer.echo(f"\r{number:,} of {sample.organizations:,} organizations", nl=False)
        counters.recount(connection)
        _match(connection)
    typer.echo()


def _match(connection: Connection) -> None:
    """Find duplicates now, which the worker of a running app would take minutes for."""
    with Session(connection) as session:
        session.execute(delete(UnmatchedOrganization))
        every = select(Organization.id)
        session.execute(insert(UnmatchedOrganization).from_select(["org_id"], every))
        while matching.match_some(session, limit=MATCHED_AT_ONCE):
            pass
        session.commit()


def _store_logos() -> list[str]:
    """Store some generated logos, and return their digests."""
    drawn = [logos.clean(_draw(Random(number))) for number in range(LOGOS)]
    unique = {logo.digest: logo for logo in drawn}
    rows = [
        {"digest": digest, "png": logo.png, "thumbnail": logo.thumbnail}
        for digest, logo in unique.items()
    ]
    with db.engine().begin() as connection:
        connection.execute(insert(Logo).values(created_at=clock.now()), rows)
    return list(unique)


def _draw(random: Random) -> bytes:
    """Return a PNG of a simple white shape on a color."""
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
    for number, height in enumerate((120, 200, 280)):
        left = 112 + number * 104
        pen.rounded_rectangle((left, 400 - height, left + 72, 400), 16, "white")


def _as_png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _print_logins() -> None:
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
            .where(Organization.id == DEMO_ORGANIZATION)
            .order_by(Membership.id)
        ).all()
    one_of_each = {
        role: (email, f"{role} of {name}", since) for email, since, role, name in reversed(people)
    }
    typer.echo(f"Log in with the password: {DEMO_PASSWORD}")
    for email, role, since in [*staff, *one_of_each.values()]:
        typer.echo(f"  {email:<40} {role}{', with two-factor' if since else ''}")
    typer.echo(f"Two-factor code for all of them: {_code()}; `make code` prints the next one.")
    typer.echo(f"Or add this key to an authenticator app: {SECRET}")


def _code() -> str:
    """Return the current two-factor code of all sample accounts, and how long it works."""
    now = clock.now()
    totp = pyotp.TOTP(SECRET)
    left = totp.interval - now.timestamp() % totp.interval
    return f"{totp.at(now)} (works for {left + totp.interval:.0f} s, once per account)"
