"""The number of database queries of each page."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event

from pages.ui.navigation import PAGES
from tests.pages.conftest import Show
from tests.support.cast import Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

REDIRECTS = {"home", "welcome", "view"}
"""Pages that redirect most people to another page, which is counted itself."""
MAX_QUERIES = 8
"""Queries of one rerun, including the one for the session."""


@pytest.fixture
def queries(engine: Engine) -> Iterator[list[str]]:
    """The queries from now on."""
    sent: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", record)
    yield sent
    event.remove(engine, "before_cursor_execute", record)


@pytest.mark.parametrize("person", ["olga", "ada"])
@pytest.mark.parametrize("page", [page.address for page in PAGES if page.address not in REDIRECTS])
def test_a_page_needs_few_queries(
    show: Show, cast: Cast, queries: list[str], page: str, person: str
) -> None:
    screen = show(page, getattr(cast, person), org=cast.acme.public_id)
    assert not screen.exception
    queries.clear()
    screen.run()
    assert len(queries) <= MAX_QUERIES, "\n\n".join(queries)
