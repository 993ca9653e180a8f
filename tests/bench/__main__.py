"""Measure Orgdesk over its own websocket, beside an empty page, and print one table."""

import os
import statistics
from dataclasses import asdict
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated, Any
from urllib.parse import urlsplit

import orjson
import pandas as pd
import typer
from sqlalchemy import func, select

from core import browsers, db, sessions
from core.models import Organization
from data import seed
from tests.bench import crowd, pages
from tests.bench.servers import Served, serve

ADMINISTRATOR = 1
"""The first person of every made-up world."""


def main(
    organizations: Annotated[int, typer.Option(min=1)] = 10_000,
    database: Annotated[str, typer.Option(help="Where the world is, or shall be.")] = "",
    json: Annotated[Path | None, typer.Option(help="Write all figures here.")] = None,
    beside: Annotated[Path | None, typer.Option(help="Figures of a smaller world.")] = None,
    people: Annotated[bool, typer.Option(help="Let 200 people click, too.")] = True,
) -> None:
    """Measure every page in a world of this size; it is made when it is not there."""
    kept = Path(gettempdir()) / "orgdesk-bench" / f"{organizations}.db"
    os.environ["DATABASE_URL"] = database or f"sqlite:///{kept}"
    _prepare(organizations)
    with serve("empty") as empty, serve("orgdesk") as server:
        figures = _measure(server, empty, organizations, people=people)
    _print(figures, beside)
    if json:
        json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))


def _prepare(organizations: int) -> None:
    seed.main(organizations)
    with db.read() as session:
        found = session.scalar(select(func.count()).select_from(Organization))
    if found != organizations:
        raise SystemExit(f"This database has {found:,} organizations already: name another.")


def _measure(server: Served, empty: Served, organizations: int, *, people: bool) -> dict[str, Any]:
    cookie, engine = _sign_in(server.url), db.engine().dialect.name
    with db.read() as session:
        org = session.scalars(select(Organization.public_id).order_by(Organization.id)).first()
    first = pages.first_rerun(server.url, cookie)
    costs = []
    for look in pages.looks(str(org)):
        typer.echo(f"\r\033[K{look.name}", nl=False, err=True)
        costs.append(
            pages.measure(
                *(server.url, empty.url, look, cookie), organizations=organizations, engine=engine
            ).as_row()
        )
    typer.echo("\r\033[K", nl=False, err=True)
    return {
        "pages": costs,
        "start": {"ready_s": round(server.started_in, 2), "first_rerun_ms": round(first, 1)},
        "crowd": asdict(crowd.gather(server, cookie)) if people else None,
    }


def _sign_in(url: str) -> str:
    ticket, token = sessions.new_token(), sessions.new_token()
    db.run(
        sessions.start,
        ADMINISTRATOR,
        ticket,
        device="the bench",
        place="127.0.0.1",
        second_factor=True,
    )
    db.run(sessions.redeem, ticket, token)
    return f"{browsers.cookie_name(host=urlsplit(url).netloc, takes_secure=True)}={token}"


def _print(figures: dict[str, Any], beside: Path | None) -> None:
    table = pd.DataFrame(figures["pages"]).set_index("page")
    if beside:
        smaller = pd.DataFrame(orjson.loads(beside.read_bytes())["pages"]).set_index("page")
        table["db_growth"] = (table["db_ms"] / smaller["db_ms"]).round(2)
        table["rerun_growth"] = (table["rerun_p50_ms"] / smaller["rerun_p50_ms"]).round(2)
    typer.echo(table.to_string())
    typer.echo(f"\nmedian of times_empty: {statistics.median(table['times_empty']):.2f}")
    for name in ("start", "crowd"):
        typer.echo(f"{name}: {figures[name]}")


if __name__ == "__main__":
    typer.run(main)
