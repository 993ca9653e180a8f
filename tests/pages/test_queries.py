"""How often each page asks the database: a few times, whatever it shows."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event

from pages.ui.navigation import PAGES
from tests.pages.conftest import Show
from tests.support.cast import Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

LEAD_ON = {"home", "welcome", "view"}
"""Pages that send most people on to another one, which is counted itself."""
MOST = 8
"""Queries of one run, that for the session included."""


@pytest.fixture
def queries(engine: Engine) -> Iterator[list[str]]:
    """Every query sent from now on."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("person", ["olga", "ada"])
@pytest.mark.parametrize("page", [page.address for page in PAGES if page.address not in LEAD_ON])
def test_a_page_asks_the_database_a_few_times(
    show: Show, cast: Cast, queries: list[str], page: str, person: str
) -> None:
    screen = show(page, getattr(cast, person), org=cast.acme.public_id)
    assert not screen.exception
    queries.clear()
    screen.run()
    assert len(queries) <= MOST, "\n\n".join(queries)
