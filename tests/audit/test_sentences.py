"""The table of events, and the sentences that entries become."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from core.audit import events, sentences
from core.audit.sentences import Names, Part
from core.base.settings import PROJECT
from core.models import Entry

NAMES = Names({1: "Jonah", 2: "Mia"}, {"invitations:1": "new@example.com"})


def entry(event: str, *changes: tuple[str, Any, Any], **more: Any) -> Entry:
    """Return an entry by Jonah about the row `organizations:1`."""
    values = {"actor_id": 1, "person_id": None, "subject": "organizations:1"} | more
    rows = [
        {"row": values["subject"], "field": field, "old": old, "new": new}
        for field, old, new in changes
    ]
    at = datetime(2026, 11, 23, tzinfo=UTC)
    return Entry(event=event, changes=rows, reason="", at=at, **values)


def recorded_events() -> Iterator[str]:
    """Yield the name of every event in the files of core that record history.

    Logins are in the security log alone.
    """
    for path in sorted((PROJECT / "core").rglob("*.py")):
        source = path.read_text()
        if path.name == "events.py" or not re.search(r"import .*\bhistory\b|stage\.moved", source):
            continue
        for node in ast.walk(ast.parse(source)):
            value = str(node.value) if isinstance(node, ast.Constant) else ""
            if re.fullmatch(r"(?!login\.)[a-z_]+\.(?!py$)[a-z_]+", value):
                yield value


def test_every_event_has_a_sentence() -> None:
    found = set(recorded_events())
    assert len(found) > 60
    assert found - set(events.SENTENCES) == set()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("phone", "+15072842511", None), "removed the phone (was +1 507-284-2511)"),
        (("website", None, "https://a.example"), "set the public website to https://a.example"),
        (("twitter", "old", "new"), "changed the X handle from old to new"),
        (("rep_id", None, 2), "set the sales rep to Mia"),
        (("rep_id", 2, 9), "changed the sales rep from Mia to a deleted account"),
        (("next_step_on", None, "2026-12-03"), "set the due date of the next step to 3 Dec 2026"),
        (("alerts_off", "roles", "stage"), "turned off alerts: stage and turned on alerts: roles"),
        (("member_limit", 5, None), "removed the member limit (was 5)"),
        (("overview", None, "x" * 400), f"set the company overview to {'x' * 300}…"),
        (("nonce", "(private)", "(private)"), "made a change"),
    ],
)
def test_a_changed_field_is_a_clause(change: tuple[str, Any, Any], sentence: str) -> None:
    found = sentences.describe(entry("profile.changed", change), NAMES)
    assert str(found) == f"Jonah {sentence}"


def test_values_are_told_apart_from_words() -> None:
    found = sentences.describe(entry("profile.changed", ("twitter", "old", "new")), NAMES)
    assert found.parts == [
        Part("changed the X handle from "),
        Part("old", "old"),
        Part(" to "),
        Part("new", "new"),
    ]


def test_hidden_values_leave_the_fields() -> None:
    changed = entry("profile.changed", ("phone", "+15072842511", None), ("twitter", None, "a"))
    found = sentences.describe(changed, NAMES, hides_values=True)
    assert found.what == "changed the phone and the X handle"


def test_a_sentence_about_another_person_names_them() -> None:
    own = sentences.describe(entry("account.sessions_ended", person_id=1), NAMES)
    other = sentences.describe(entry("account.sessions_ended", person_id=2), NAMES)
    assert (own.what, other.what) == ("ended their sessions", "ended the sessions of Mia")


def test_an_entry_without_an_actor_is_by_orgdesk_or_by_a_stranger() -> None:
    purged = entry("organization.purged", actor_id=None)
    signed_up = entry("account.created", actor_id=None, person_id=2)
    assert str(sentences.describe(purged, NAMES)) == "Orgdesk purged the organization"
    assert str(sentences.describe(signed_up, NAMES)) == "Mia created an account"


def test_an_override_is_named() -> None:
    moved = entry("stage.overridden", ("stage", "onboarding", "preproduction"))
    what = "moved it from onboarding to preproduction with open checks (override)"
    assert sentences.describe(moved, NAMES).what == what


def test_an_event_of_a_later_version_lists_its_changes() -> None:
    unknown = entry("profile.polished", ("phone", None, "+15072842511"))
    assert sentences.describe(unknown, NAMES).what == "set the phone to +1 507-284-2511"
