"""How deep tests go: `make test` takes samples, `make prove` everything.

`DEEP=1` runs long lists and many rounds whole. Without it, lists are sampled.

Every test of core runs on both engines before a change lands. `make test` has `ENGINES=first`,
which leaves out on PostgreSQL what SQLite repeats, and the four servers behind nginx;
`make test-postgresql` has `ENGINES=second`, which runs what was left out. Without either, as when a
few files are run by hand, all of them run.
"""

import os
from collections import defaultdict
from collections.abc import Sequence
from typing import Final, TypeVar

import pytest

T = TypeVar("T")

IS_DEEP: Final = os.environ.get("DEEP") == "1"
_ENGINES: Final = os.environ.get("ENGINES", "")
_ENGINES_DIFFER: Final = (
    *("tests/database/", "tests/access/", "tests/ops/", "tests/duplicates/", "tests/test_prove.py"),
    *("_races.py", "test_board.py", "test_table.py", "test_quick_search.py", "test_activity.py"),
    *("test_verification.py", "test_csv_export.py", "test_administration.py"),
)
"""Parts of paths of tests about locks, plans, searches and triggers: whole on both engines."""
_ONE_OF: Final = 3
_FOUR_SERVERS: Final = "tests/browser/test_several_processes.py"


def sample(items: Sequence[T], every: int) -> Sequence[T]:
    """Return every so many-th item, the first among them; all of them in `make prove`."""
    return items if IS_DEEP else items[::every]


def rounds(few: int, many: int) -> int:
    """Return how often something is repeated, here and in `make prove`."""
    return many if IS_DEEP else few


def list_left_out(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return the tests that this run leaves to the other one."""
    if _ENGINES not in ("first", "second"):
        return []
    second = {item for item in items if _FOUR_SERVERS in item.nodeid} | {*_list_repeated(items)}
    return [item for item in items if (item in second) == (_ENGINES == "first")]


def _list_repeated(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return tests on PostgreSQL that SQLite runs as well.

    Of each file every third test is none of them, beginning with the first, with all of its cases.
    """
    engines_of: dict[tuple[str, str], set[str]] = defaultdict(set)
    for item in items:
        engines_of[_function_of(item)].add(_engine_of(item))
    seen: dict[str, int] = defaultdict(int)
    repeated = set()
    for function, engines in engines_of.items():
        if engines == {"sqlite", "postgresql"} and not _do_engines_differ(function[0]):
            if seen[function[0]] % _ONE_OF:
                repeated.add(function)
            seen[function[0]] += 1
    return [
        item
        for item in items
        if _engine_of(item) == "postgresql" and _function_of(item) in repeated
    ]


def _function_of(item: pytest.Item) -> tuple[str, str]:
    file, _, name = item.nodeid.partition("::")
    return file, name.partition("[")[0]


def _engine_of(item: pytest.Item) -> str:
    case = getattr(item, "callspec", None)
    return str(case.params.get("engine", "")) if case else ""


def _do_engines_differ(file: str) -> bool:
    return any(part in file for part in _ENGINES_DIFFER)
