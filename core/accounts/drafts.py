"""Drafts: what people have typed into forms and not saved, kept for a day, for them alone.

A person has one draft of each form, whatever the tab or browser: a tab ends with its session, and
people want to continue wherever they log in next. Passwords and codes are never kept.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import Actor
from core.base import clock
from core.base.errors import InvalidInput
from core.models import Draft

DRAFT_TTL: Final = timedelta(days=1)
MAX_DRAFTS: Final = 20
"""Drafts per person; a new one replaces the oldest."""
MAX_TEXT: Final = 20_000
"""Characters of one field that are kept; a longer text is not kept at all."""
SETTLING: Final = timedelta(seconds=2)
"""How long after a save a draft of the same form is refused: it may have been sent before."""
_MAX_NAME: Final = 120
_MAX_FIELDS: Final = 20
"""Fields of a form, also of those whose text is the original again."""
_SECRET: Final = ("password", "code", "new")
"""Parts of the names of fields that are never kept, whatever a browser sends."""
_NOT_KEPT: Final = "This field isn't kept."


def is_secret(field: str) -> bool:
    """Return whether a field of this name is a password or a code."""
    return any(part in field for part in _SECRET)


def keep(
    session: Session, actor: Actor, form: str, field: str, text: str, *, original: str
) -> Draft | None:
    """Keep the text of one field of a form; a text equal to the `original` one is forgotten.

    The first `original` of a field counts until the draft is discarded. Return None without
    keeping anything shortly after `discard`. Raises `InvalidInput` for what is never kept, and
    `TooManyAttempts`.
    """
    _check(form, field, text, original)
    throttling.ensure_allowed(
        throttling.hit(session, "drafts of", str(actor.user_id), throttling.DRAFTS)
    )
    draft = _lock(session, actor, form)
    if draft is not None and not draft.texts and draft.updated_at > clock.now() - SETTLING:
        return None
    if draft is None or draft.updated_at <= clock.now() - DRAFT_TTL:
        draft = _empty(session, actor, form, draft)
    originals = {field: original} | draft.originals
    if len(originals) > _MAX_FIELDS:
        raise InvalidInput({"field": _NOT_KEPT})
    texts = draft.texts | {field: text}
    draft.texts = {name: kept for name, kept in texts.items() if kept != originals[name]}
    draft.originals, draft.updated_at = originals, clock.now()
    if not draft.texts:
        session.delete(draft)
    _drop_oldest(session, actor)
    return draft


def discard(session: Session, actor: Actor, form: str) -> None:
    """Discard the draft of a form, which was saved or given up."""
    _empty(session, actor, form, _lock(session, actor, form))


def list_drafts(session: Session, actor: Actor) -> Mapping[str, Draft]:
    """Return the actor's drafts by form."""
    mine = select(Draft).where(
        Draft.user_id == actor.user_id, Draft.updated_at > clock.now() - DRAFT_TTL
    )
    drafts: Sequence[Draft] = session.scalars(mine).all()
    return {draft.form: draft for draft in drafts if draft.texts}


def delete_all(session: Session, user_id: int) -> None:
    """Delete all drafts of a user."""
    session.execute(delete(Draft).where(Draft.user_id == user_id))


def _check(form: str, field: str, text: str, original: str) -> None:
    is_too_long = max(len(text), len(original)) > MAX_TEXT or len(f"{form}{field}") > _MAX_NAME
    if not form or not field or is_secret(field) or is_too_long:
        raise InvalidInput({"field": _NOT_KEPT})


def _lock(session: Session, actor: Actor, form: str) -> Draft | None:
    return session.get(Draft, (actor.user_id, form), with_for_update=True)


def _empty(session: Session, actor: Actor, form: str, draft: Draft | None) -> Draft:
    """Return the draft without its texts; create it if there is none."""
    if draft is None:
        draft = Draft(user_id=actor.user_id, form=form)
        session.add(draft)
    draft.texts, draft.originals, draft.updated_at = {}, {}, clock.now()
    session.flush()
    return draft


def _drop_oldest(session: Session, actor: Actor) -> None:
    mine = Draft.user_id == actor.user_id
    newest = select(Draft.form).where(mine).order_by(Draft.updated_at.desc(), Draft.form)
    kept = session.scalars(newest.limit(MAX_DRAFTS)).all()
    session.execute(delete(Draft).where(mine, Draft.form.not_in(kept)))
