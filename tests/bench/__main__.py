"""Measure Orgdesk over its own websocket, compared with an empty page, and print a table."""

import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
import pandas as pd
import typer
from sqlalchemy import func, insert, select

from core.access.permissions import Actor
from core.base import clock
from core.database import db
from core.models import Organization, User
from tests.bench import downloads, flagging, load, pages
from tests.bench.servers import Server, serve
from tests.bench.setup import ADMINISTRATOR, prepare, sign_in


def main(
    organizations: Annotated[int, typer.Option(min=1)] = 10_000,
    database: Annotated[
        str, typer.Option(help="The URL of the database; it is filled if it is empty.")
    ] = "",
    json: Annotated[Path | None, typer.Option(help="Write all figures here.")] = None,
    beside: Annotated[
        Path | None, typer.Option(help="Figures of fewer organizations to compare with.")
    ] = None,
    people: Annotated[bool, typer.Option(help="Also let 200 people click.")] = True,
    files: Annotated[bool, typer.Option(help="Also download all organizations.")] = True,
    flags: Annotated[bool, typer.Option(help="Also flag 10,000 organizations, for good.")] = False,
    only: Annotated[str, typer.Option(help="Only measure pages whose name contains this.")] = "",
) -> None:
    """Measure every page with sample data of this size, which is generated if it does not exist.

    Each page alternates with the empty page, and the best of three rounds counts, which reduces the
    effect of other load on the machine.
    """
    prepare(organizations, database)
    with serve("empty") as empty, serve("orgdesk") as server:
        figures = _measure(server, empty, organizations, only)
        cookie = sign_in(server.url)
        found = downloads.measure(server, cookie, organizations) if files else ()
        figures["downloads"] = [asdict(each) for each in found]
        figures["flagging"] = (
            asdict(flagging.measure(server, cookie, _administrator())) if flags else None
        )
        figures["load"] = asdict(load.measure(server, cookie)) if people else None
    _print(figures, beside)
    if json:
        json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))


def _measure(server: Server, empty: Server, organizations: int, only: str) -> dict[str, Any]:
    cookie, engine = sign_in(server.url), db.engine().dialect.name
    newcomer = sign_in(server.url, _newcomer())
    with db.read() as session:
        org = session.scalars(select(Organization.public_id).order_by(Organization.id)).first()
        rep = session.scalar(select(func.min(Organization.rep_id)))
    first = pages.first_rerun(server.url, cookie)
    costs = []
    for request in pages.list_requests(str(org), rep or 0):
        if only not in request.name:
            continue
        typer.echo(f"\r\033[K{request.name}", nl=False, err=True)
        cookie_of_page = newcomer if request.name in pages.NEWCOMERS else cookie
        cost = pages.measure(
            *(server.url, empty.url, request, cookie_of_page),
            organizations=organizations,
            engine=engine,
        )
        costs.append(cost.as_row())
    typer.echo("\r\033[K", nl=False, err=True)
    return {
        "pages": costs,
        "start": {"ready_s": round(server.started_in, 2), "first_rerun_ms": round(first, 1)},
    }


def _administrator() -> Actor:
    with db.read() as session:
        return Actor(ADMINISTRATOR, session.get_one(User, ADMINISTRATOR).name)


def _newcomer() -> int:
    """Return the id of a person without organizations, who is created if necessary."""
    email = "newcomer@bench.example"
    with db.writing_engine().begin() as connection:
        existing = connection.scalar(select(User.id).where(User.email_key == email))
        values = {"email": email, "email_key": email, "name": "Nora Newcomer"}
        return existing or connection.scalar(
            insert(User).values(created_at=clock.now(), **values).returning(User.id)
        )


def _print(figures: dict[str, Any], beside: Path | None) -> None:
    table = pd.DataFrame(figures["pages"]).set_index("page")
    if beside:
        smaller = pd.DataFrame(orjson.loads(beside.read_bytes())["pages"]).set_index("page")
        table["db_growth"] = (table["db_ms"] / smaller["db_ms"]).round(2)
        table["rerun_growth"] = (table["rerun_p50_ms"] / smaller["rerun_p50_ms"]).round(2)
    typer.echo(table.to_string())
    typer.echo(f"\nmedian of times_empty: {statistics.median(table['times_empty']):.2f}")
    if figures["downloads"]:
        typer.echo(pd.DataFrame(figures["downloads"]).to_string(index=False))
    for name in ("start", "flagging", "load"):
        typer.echo(f"{name}: {figures[name]}")


if __name__ == "__main__":
    typer.run(main)
