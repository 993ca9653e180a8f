"""Drafts: for their person alone, one for each form, for a day, and never a secret."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.accounts import drafts
from core.base.errors import InvalidInput
from core.database import db
from core.members import leaving
from core.models import Draft
from core.ops import cleanup
from tests.conftest import Clock
from tests.support.cast import Cast

FORM = "profile ORG-1"


def keep(session: Session, actor: Actor, form: str = FORM, **fields: str) -> None:
    for field, text in fields.items():
        drafts.keep(session, actor, form, field, text, original="")
    session.flush()


def texts(session: Session, actor: Actor) -> dict[str, dict[str, str]]:
    return {form: draft.texts for form, draft in drafts.list_drafts(session, actor).items()}


def test_the_fields_of_a_form_are_kept_for_their_person_alone(session: Session, cast: Cast) -> None:
    keep(session, cast.olga, phone="+1 50", overview="We heal.")
    keep(session, cast.olga, form="note ORG-1", text="Call back")
    keep(session, cast.olga, phone="+1 507")
    assert texts(session, cast.olga) == {
        FORM: {"phone": "+1 507", "overview": "We heal."},
        "note ORG-1": {"text": "Call back"},
    }
    assert texts(session, cast.mia) == {}


def test_the_first_original_counts(session: Session, cast: Cast) -> None:
    drafts.keep(session, cast.olga, FORM, "phone", "+1 50", original="+49 431")
    drafts.keep(session, cast.olga, FORM, "phone", "+1 507", original="+1 50")
    assert drafts.list_drafts(session, cast.olga)[FORM].originals == {"phone": "+49 431"}


def test_a_text_that_is_the_original_again_is_forgotten(session: Session, cast: Cast) -> None:
    drafts.keep(session, cast.olga, FORM, "phone", "+1", original="+49")
    drafts.keep(session, cast.olga, FORM, "phone", "+49", original="+1")
    session.flush()
    assert session.scalar(select(func.count()).select_from(Draft)) == 0
    drafts.keep(session, cast.olga, FORM, "phone", "+1", original="+49")
    assert texts(session, cast.olga) == {FORM: {"phone": "+1"}}


@pytest.mark.parametrize("field", ["password", "old_password", "new", "code", ""])
def test_secrets_are_never_kept(session: Session, cast: Cast, field: str) -> None:
    with pytest.raises(InvalidInput):
        drafts.keep(session, cast.olga, FORM, field, "secret", original="")
    assert texts(session, cast.olga) == {}


@pytest.mark.parametrize(
    ("form", "text"), [(FORM, "x" * (drafts.MAX_TEXT + 1)), ("f" * 200, "x"), ("", "x")]
)
def test_what_is_too_long_is_not_kept(session: Session, cast: Cast, form: str, text: str) -> None:
    with pytest.raises(InvalidInput):
        drafts.keep(session, cast.olga, form, "phone", text, original="")


def test_a_form_cannot_grow_without_end(session: Session, cast: Cast) -> None:
    with pytest.raises(InvalidInput):
        keep(session, cast.olga, **{f"field{n}": "x" for n in range(30)})


def test_fields_that_are_the_original_again_count_as_well(session: Session, cast: Cast) -> None:
    keep(session, cast.olga, phone="+1")
    for number in range(19):
        drafts.keep(session, cast.olga, FORM, f"field{number}", "x", original="x")
    with pytest.raises(InvalidInput):
        drafts.keep(session, cast.olga, FORM, "one_more", "x", original="x")


def test_the_oldest_draft_gives_way(session: Session, cast: Cast, clock: Clock) -> None:
    for number in range(drafts.MAX_DRAFTS + 3):
        clock.turn(timedelta(minutes=1))
        keep(session, cast.olga, form=f"note {number}", text="x")
    kept = texts(session, cast.olga)
    assert len(kept) == drafts.MAX_DRAFTS
    assert "note 2" not in kept
    assert "note 3" in kept


def test_a_text_that_was_sent_before_the_save_does_not_come_back(
    session: Session, cast: Cast, clock: Clock
) -> None:
    keep(session, cast.olga, text="Call back")
    drafts.discard(session, cast.olga, FORM)
    assert drafts.keep(session, cast.olga, FORM, "text", "Call back", original="") is None
    assert texts(session, cast.olga) == {}
    clock.turn(drafts.SETTLING)
    keep(session, cast.olga, text="Another one")
    assert texts(session, cast.olga) == {FORM: {"text": "Another one"}}


def test_a_discarded_draft_forgets_its_originals(
    session: Session, cast: Cast, clock: Clock
) -> None:
    drafts.keep(session, cast.olga, FORM, "phone", "+1 507", original="+49")
    drafts.discard(session, cast.olga, FORM)
    clock.turn(drafts.SETTLING)
    drafts.keep(session, cast.olga, FORM, "phone", "+1 508", original="+1 507")
    assert drafts.list_drafts(session, cast.olga)[FORM].originals == {"phone": "+1 507"}


def test_a_day_later_it_is_gone(session: Session, cast: Cast, clock: Clock) -> None:
    drafts.keep(session, cast.olga, FORM, "phone", "+1", original="+49")
    clock.turn(drafts.DRAFT_TTL)
    assert texts(session, cast.olga) == {}
    drafts.keep(session, cast.olga, FORM, "overview", "We heal.", original="")
    assert texts(session, cast.olga) == {FORM: {"overview": "We heal."}}
    clock.turn(drafts.DRAFT_TTL)
    assert cleanup.purge_drafts(session) == 1
    assert session.scalar(select(func.count()).select_from(Draft)) == 0


def test_it_goes_with_the_account(cast: Cast) -> None:
    db.run(drafts.keep, cast.mia, FORM, "phone", "+1", original="")
    db.run(leaving.delete_account, cast.mia)
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Draft)) == 0


def test_two_tabs_that_begin_together_keep_both_fields(cast: Cast) -> None:
    fields = [f"field{n}" for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        kept = [
            pool.submit(db.run, drafts.keep, cast.olga, FORM, field, "x", original="")
            for field in fields
        ]
        assert all(each.result() for each in kept)
    with db.read() as session:
        assert texts(session, cast.olga) == {FORM: dict.fromkeys(sorted(fields), "x")}
