"""Every event of history can be undone, or says why not."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.changes.inverses import INVERSES, REASONS_AGAINST
from core.models import Base

CORE = Path(__file__).parent.parent.parent / "core"


def recorded() -> Iterator[str]:
    """Yield every text of core that reads like an event, but for names of files and columns."""
    for path in CORE.rglob("*.py"):
        if "changes" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            value = node.value if isinstance(node, ast.Constant) else None
            if isinstance(value, str) and re.fullmatch(r"[a-z_]+\.[a-z_]+", value):
                kind, _, what = value.partition(".")
                if kind not in Base.metadata.tables or what.endswith("ed"):
                    yield value


KINDS = {event.partition(".")[0] for event in INVERSES | REASONS_AGAINST}


def test_every_event_has_an_inverse_or_a_sentence():
    events = {each for each in recorded() if each.partition(".")[0] in KINDS}
    assert len(events) > 60
    assert events - INVERSES.keys() - REASONS_AGAINST.keys() == set()


def test_every_kind_of_event_is_known():
    """What `history.record` is called with belongs to a kind that the test above looks for."""
    calls = (
        node
        for path in CORE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "history.record"
    )
    named = {
        argument.value
        for call in calls
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }
    assert len(named) > 30
    assert {event for event in named if event.partition(".")[0] not in KINDS} == set()


def test_no_event_has_both():
    assert INVERSES.keys() & REASONS_AGAINST.keys() == set()


@pytest.mark.parametrize("sentence", sorted({*REASONS_AGAINST.values()}))
def test_a_reason_against_is_a_sentence(sentence: str):
    assert sentence[0].isupper()
    assert sentence.endswith(".")
