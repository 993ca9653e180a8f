"""Numbers and dates beyond what databases store: pages, routes and use cases say no, none fails."""

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from datetime import date
from importlib import import_module
from inspect import Parameter
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import Engine

import core
from core.base import parameters
from core.base.errors import DomainError
from core.database import db
from core.models import Role, Stage
from core.onboarding.statistics import Period
from pages.ui.navigation import PAGES
from tests.pages.conftest import Show
from tests.support.cast import Cast
from tests.web.test_web import BASE, serving, sign_in

NUMBERS = (2**31, 2**63, 10**20, -1)
ODD = (
    *(str(number) for number in NUMBERS),
    *("1_0", " 7", "٧", "1e3", "0x10", "7\n", "None", "a" * 3_000, "%00"),
    *("0001-01-01", "9999-12-31", "2026-W01-1", "2026-02-30", "2026-1-1"),
)
"""Values of addresses that no filter, id or date has."""
OURS = {"limit", "per_page"}
"""Numbers that no address contains."""
FILL: dict[Any, Any] = {
    str: "x",
    date: date.max,
    bool: False,
    Role: Role.MEMBER,
    Stage: Stage.FREE,
    Period: Period.QUARTER,
}


def _find_use_cases() -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield the functions of core that take a session, an actor and a number from elsewhere."""
    for module in pkgutil.walk_packages(core.__path__, "core."):
        if module.name.startswith(("core.web", "core.manage")):
            continue
        for name, function in vars(import_module(module.name)).items():
            if inspect.isfunction(function) and function.__module__ == module.name:
                first, parts = _split(function)
                is_use_case = first == ["session", "actor"] and not name.startswith("_")
                if is_use_case and any(map(_is_number, parts)) and all(map(_can_fill, parts)):
                    yield f"{module.name}.{name}", function


def _split(function: Callable[..., object]) -> tuple[list[str], list[Parameter]]:
    parts = list(inspect.signature(function).parameters.values())
    return [part.name for part in parts[:2]], parts[2:]


def _is_number(part: Parameter) -> bool:
    return str(part.annotation) in {"<class 'int'>", "int | None"} and part.name not in OURS


def _can_fill(part: Parameter) -> bool:
    return part.default is not Parameter.empty or _is_number(part) or part.annotation in FILL


USE_CASES = dict(_find_use_cases())


def test_no_use_case_fails_for_a_number_beyond_bounds(engine: Engine, cast: Cast) -> None:
    assert len(USE_CASES) > 60
    for name, function in USE_CASES.items():
        for number in NUMBERS:
            given, named = [], {}
            for part in _split(function)[1]:
                if _is_number(part) or part.default is Parameter.empty:
                    value = number if _is_number(part) else FILL[part.annotation]
                    if part.kind is Parameter.KEYWORD_ONLY:
                        named[part.name] = value
                    else:
                        given.append(value)
            with db.read() as session:
                try:
                    function(session, cast.ada, *given, **named)
                except DomainError:
                    continue
                except Exception as error:
                    raise AssertionError(f"{name}({number})") from error


PARAMETERS = {
    "organizations": "rep from to members activity profile stage sort rows at deleted columns q",
    "board": "rep only sort q",
    "charts": "rep weeks",
    "history": "before org q person field from to kind",
    "activity": "before org q person of field from to kind",
    "people": "older newer staff",
    "solutions": "before",
    "view": "id all",
    "mail": "state",
    "notes": "org",
}
"""The parameters of each page's address; every page has `org`."""


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("page", [page.address for page in PAGES])
def test_no_page_fails_for_an_odd_address(show: Show, cast: Cast, page: str) -> None:
    names = PARAMETERS.get(page, "org").split()
    values = cycle(ODD)
    for _ in range(3):
        screen = show(page, cast.ada, **{name: next(values) for name in names})
        assert not screen.exception, screen.query_params


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_no_route_fails_for_an_odd_address(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(monkeypatch, BASE) as client:
        cookie = {"cookie": sign_in(cast.ada)}
        for value in ODD:
            for name in ("rep", "from", "to", "members", "stage", "sort"):
                path = "/download/organizations.csv"
                response = client.head(path, params={name: value}, headers=cookie)
                assert response.status_code == 400, (name, value)
            for path in ("/logos/{}.png", "/assets/{}", "/download/organizations.{}"):
                response = client.get(path.format(value[:100].strip()), headers=cookie)
                assert response.status_code in {400, 404}, (path, value)


@pytest.mark.parametrize("text", [*ODD, "0", "00", "+1"])
def test_an_odd_number_is_no_id_and_no_date(text: str) -> None:
    assert parameters.find_row_id(text) is None
    with pytest.raises(ValueError, match=r"."):
        parameters.day(text)


def test_ids_and_dates_are_read() -> None:
    assert parameters.row_id(str(parameters.MAX_ID)) == 2**31 - 1
    assert parameters.day("2026-11-23") == date(2026, 11, 23)
