"""The mails of Orgdesk as administrators see them: what waits, what failed, and trying it again."""

from collections.abc import Collection
from enum import StrEnum
from typing import Any, Final, NamedTuple

import pandas as pd
from jinja2 import TemplateError
from sqlalchemy import ColumnElement, and_, case, select, union_all, update
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff
from core.base import clock
from core.base.errors import MailInProgress, NotFound
from core.base.settings import settings
from core.database.db import capped_count, frame
from core.database.search import contains
from core.mail import messages
from core.mail.messages import Message
from core.mail.outbox import is_unclaimed
from core.models import Mail

PER_PAGE: Final = 50
"""How many mails stand on one page of `table`."""
COUNTED: Final = 1_000
"""Mails of one state are counted no further: one more stands for any number above."""

_CANCELLED: Final = "Cancelled on the Mail page."


class State(StrEnum):
    """What became of a mail so far."""

    WAITING = "waiting"
    RETRYING = "retrying"
    SENT = "sent"
    GIVEN_UP = "given up"


_IS_UNSENT: Final = and_(Mail.sent_at.is_(None), Mail.due_at.is_not(None))
_IS_IN: Final[dict[State, ColumnElement[bool]]] = {
    # Word for word as in the indexes of `Mail`, so that each state is found by its own.
    State.SENT: Mail.sent_at.is_not(None),
    State.GIVEN_UP: and_(Mail.sent_at.is_(None), Mail.due_at.is_(None)),
    State.RETRYING: and_(_IS_UNSENT, Mail.error.is_not(None)),
    State.WAITING: and_(_IS_UNSENT, Mail.error.is_(None)),
}
_STATE: Final = case(*((condition, state.value) for state, condition in _IS_IN.items()))


class Shown(NamedTuple):
    """A mail as an administrator sees it."""

    mail: Mail
    state: State
    content: Message
    link: str | None


def table(
    session: Session,
    actor: Actor,
    *,
    states: Collection[State] = (),
    recipient: str = "",
    page: int = 1,
) -> pd.DataFrame:
    """Return one page of mails, the newest first, and one more row where others follow.

    They are in one of these states, and go to addresses that contain `recipient`. Columns: id,
    recipient, subject, state, created_at, due_at, sent_at, attempts, error.
    """
    access_staff(session, actor, Action.READ_MAIL)
    ids = _ids_of(states, recipient, page * PER_PAGE + 1)
    ids = ids.offset((page - 1) * PER_PAGE).limit(PER_PAGE + 1)
    statement = select(
        Mail.id,
        Mail.recipient,
        Mail.template,
        Mail.context,
        _STATE.label("state"),
        Mail.created_at,
        Mail.due_at,
        Mail.sent_at,
        Mail.attempts,
        Mail.error,
    )
    found = statement.where(Mail.id.in_(ids.scalar_subquery())).order_by(Mail.id.desc())
    mails = frame(session, found)
    pairs = zip(mails.pop("template"), mails.pop("context"), strict=True)
    mails.insert(2, "subject", [_subject(template, context) for template, context in pairs])
    return mails


def _ids_of(states: Collection[State], recipient: str, most: int) -> Any:
    """Return a query for the newest mails in each state that may be on a page, newest first."""
    found = [
        select(Mail.id).where(_IS_IN[state], *_is_to(recipient)).order_by(Mail.id.desc())
        for state in states or ()
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        return select(Mail.id).where(*_is_to(recipient)).order_by(Mail.id.desc())
    each = union_all(*(select(one.limit(most).subquery()) for one in found)).subquery()
    return select(each.c.id).order_by(each.c.id.desc())


def _is_to(recipient: str) -> list[ColumnElement[bool]]:
    return [contains(Mail.recipient, recipient)] if recipient.strip() else []


def counts(session: Session, actor: Actor) -> dict[State, int]:
    """Return how many mails there are in each state, none counted further than `COUNTED` + 1."""
    access_staff(session, actor, Action.READ_MAIL)
    numbers = [
        capped_count(select(Mail.id).where(condition), COUNTED) for condition in _IS_IN.values()
    ]
    return dict(zip(_IS_IN, session.execute(select(*numbers)).one(), strict=True))


def show(session: Session, actor: Actor, mail_id: int) -> Shown:
    """Return a mail and what it says.

    Its link is there only while the administrator is the one who has to pass it on: there is no
    mail server, and the mail was not sent. Otherwise nobody but the recipient ever sees it.
    """
    access_staff(session, actor, Action.READ_MAIL)
    found = session.execute(select(Mail, _STATE).where(Mail.id == mail_id)).one_or_none()
    if found is None:
        raise NotFound("mail")
    mail, state = found
    link = mail.context.get("link")
    with_link = not settings().smtp_url and mail.sent_at is None
    address = messages.link_address(link) if link and with_link else None
    return Shown(mail, State(state), messages.render(mail, with_link=with_link), address)


def retry(session: Session, actor: Actor, mail_id: int) -> Mail:
    """Make a mail due at once, whatever became of it before, and return it."""
    return _change_unsent(session, actor, mail_id, due_at=clock.now(), attempts=0, error=None)


def retry_failed(session: Session, actor: Actor, *, recipient: str = "") -> int:
    """Make every mail due at once that could not be sent so far, and return how many there were.

    With `recipient`, those to addresses that contain it. What somebody cancelled stays cancelled,
    and what was taken back, such as a revoked invitation, stays so.
    """
    access_staff(session, actor, Action.READ_MAIL)
    failed = [
        select(Mail.id).where(_IS_IN[state], Mail.error != _CANCELLED, *_is_to(recipient))
        for state in (State.RETRYING, State.GIVEN_UP)
    ]
    tried = session.scalars(
        update(Mail)
        .where(Mail.id.in_(union_all(*failed)), Mail.sent_at.is_(None), is_unclaimed())
        .values(due_at=clock.now(), attempts=0, error=None)
        .returning(Mail.id)
        .execution_options(synchronize_session=False)
    )
    return len(tried.all())


def cancel(session: Session, actor: Actor, mail_id: int) -> Mail:
    """Give up a mail that was not sent yet, and return it."""
    return _change_unsent(session, actor, mail_id, due_at=None, error=_CANCELLED)


def _change_unsent(session: Session, actor: Actor, mail_id: int, **values: Any) -> Mail:
    """Change a mail that nobody is sending just now."""
    access_staff(session, actor, Action.READ_MAIL)
    if session.get(Mail, mail_id) is None:
        raise NotFound("mail")
    changed = session.scalar(
        update(Mail)
        .where(Mail.id == mail_id, Mail.sent_at.is_(None), is_unclaimed())
        .values(**values)
        .returning(Mail)
        .execution_options(populate_existing=True)
    )
    if changed is None:
        raise MailInProgress
    return changed


def _subject(template: str, context: dict[str, Any]) -> str:
    try:
        return messages.render_subject(template, context)
    except TemplateError:
        return template
