"""Measure whether forms that are open to strangers take as long for known addresses as for others.

`python -m tests.bench.strangers` sends each form with known and unknown addresses in turn, on both
engines, and prints the medians of the time and of the processor time. It exits with 1 if two times
differ by more than `GOAL` and the noise: what the median of every other time differs from that of
the times between. On a busy machine only the processor times say something.
"""

import logging
import statistics
import time
from typing import Annotated, Final, NamedTuple
from unittest import mock

import pandas as pd
import typer
from sqlalchemy import insert
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from core.accounts import passwords
from core.base import clock
from core.base.settings import PROJECT
from core.database import db
from core.models import User
from pages.ui import authentication
from tests.prove import workers
from tests.support.engines import use

GOAL: Final = 5.0
"""The largest difference of two medians, in milliseconds."""
_PASSWORD: Final = "nine copper kettles under a slow moon"


class Form(NamedTuple):
    """A form: the address of its page, and its fields, of which `{}` is the email."""

    page: str
    fields: tuple[str, ...]


class Taken(NamedTuple):
    """Milliseconds of time, and of the processor."""

    wall: float
    cpu: float


FORMS: Final = {
    "forgot password": Form("forgotten", ("{}",)),
    "sign up": Form("sign_up", ("Nora", "{}", _PASSWORD)),
    "log in": Form("", ("{}", "not the password of this account")),
}


def main(
    times: Annotated[int, typer.Option(min=3, help="Each form, with addresses of each kind.")] = 60,
    engine: Annotated[list[str], typer.Option()] = ["sqlite", "postgresql"],  # noqa: B006
) -> None:
    """Print the median time of each form for known and unknown addresses, and their difference."""
    logging.disable()
    figures = pd.DataFrame([row for each in engine for row in _measure(each, times)])
    typer.echo(figures.to_string(index=False, float_format="{:.1f}".format))
    if any(figures["difference_ms"].abs() > GOAL + figures["noise_ms"]):
        raise typer.Exit(1)


def _measure(engine: str, times: int) -> list[dict[str, object]]:
    with workers.started(engine, is_fast=False) as server, use(server.make("strangers")):
        _add_people(times)
        return [{"engine": engine, **_compare(name, form, times)} for name, form in FORMS.items()]


def _add_people(count: int) -> None:
    """Add confirmed accounts: known0@example.com, known1@example.com, …"""
    shared = {"password_hash": passwords.hash(_PASSWORD), "password_epoch": 0, "name": "Known"}
    moments = {"proven_at": clock.now(), "created_at": clock.now()}
    addresses = [f"known{number}@example.com" for number in range(count)]
    people = [
        {"email": address, "email_key": address, **shared, **moments} for address in addresses
    ]
    with db.writing_engine().begin() as connection:
        connection.execute(insert(User), people)


def _compare(name: str, form: Form, times: int) -> dict[str, object]:
    taken: dict[str, list[Taken]] = {"known": [], "unknown": []}
    for number in range(-1, times):  # the first of each warms up
        for kind, measured in sorted(taken.items(), reverse=bool(number % 2)):
            email = f"{kind}{number % times}@example.com"
            spent = _time(form, email, origin=f"2001:db8::{number + 1:x}")
            if number >= 0:
                measured.append(spent)
    walls = [[each.wall for each in measured] for measured in taken.values()]
    known, unknown = map(statistics.median, walls)
    figures = {"known_ms": known, "unknown_ms": unknown, "difference_ms": known - unknown}
    cpu = {
        f"{kind}_cpu_ms": statistics.median(each.cpu for each in measured)
        for kind, measured in taken.items()
    }
    return {"form": name, **figures, "noise_ms": max(map(_noise, walls)), **cpu}


def _noise(times: list[float]) -> float:
    return abs(statistics.median(times[::2]) - statistics.median(times[1::2]))


def _time(form: Form, email: str, *, origin: str) -> Taken:
    """Return the time from pressing the button to the end of the rerun."""
    screen = AppTest.from_file(str(PROJECT / "pages" / "frame.py"), default_timeout=60)
    screen._page_hash = calc_hash(form.page)
    with (
        mock.patch.object(authentication, "ip_address", return_value=origin),
        mock.patch.object(authentication, "connection_cookie", return_value=None),
    ):
        screen.run()
        for field, text in zip(screen.text_input, form.fields, strict=True):
            field.set_value(text.format(email))
        button = screen.button[0].click()
        began, worked = time.perf_counter(), time.process_time()
        button.run()
        wall, cpu = time.perf_counter() - began, time.process_time() - worked
    if screen.exception:
        raise SystemExit(str(screen.exception))
    return Taken(1000 * wall, 1000 * cpu)


if __name__ == "__main__":
    typer.run(main)
