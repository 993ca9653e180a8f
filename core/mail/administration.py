"""The outbox as administrators see it: list mails, retry and cancel them.

Links of mails are opened by `accounts.administration.open_link`, which records it.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Any, Final, NamedTuple

import pandas as pd
from jinja2 import TemplateError
from sqlalchemy import ColumnElement, and_, case, select, union_all, update
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff
from core.base import clock, parameters
from core.base.errors import MailInProgress, NotFound
from core.base.settings import settings
from core.database.db import capped_count, frame
from core.database.search import has_words
from core.mail import messages
from core.mail.messages import Message
from core.mail.outbox import is_unclaimed
from core.models import Mail

PER_PAGE: Final = 50
"""Mails per page of `table`."""
MAX_COUNT: Final = 1_000
"""The highest number that `count_by_state` counts to; it returns one more for any above."""

_CANCELLED: Final = "Cancelled on the Mail page."


class State(StrEnum):
    """The delivery state of a mail."""

    WAITING = "waiting"
    RETRYING = "retrying"
    SENT = "sent"
    FAILED = "failed"


_IS_UNSENT: Final = and_(Mail.sent_at.is_(None), Mail.due_at.is_not(None))
_CONDITIONS: Final[dict[State, ColumnElement[bool]]] = {
    # Each condition is that of a partial index of `Mail`, so that the index is used.
    State.SENT: Mail.sent_at.is_not(None),
    State.FAILED: and_(Mail.sent_at.is_(None), Mail.due_at.is_(None)),
    State.RETRYING: and_(_IS_UNSENT, Mail.error.is_not(None)),
    State.WAITING: and_(_IS_UNSENT, Mail.error.is_(None)),
}
_STATE: Final = case(*((condition, state.value) for state, condition in _CONDITIONS.items()))


class MailDetails(NamedTuple):
    """A mail with its state and its content, in which a placeholder hides the link."""

    mail: Mail
    state: State
    content: Message
    has_link: bool
    """Whether it waits for an administrator to forward its link: see `get_link`."""


def table(
    session: Session,
    actor: Actor,
    *,
    states: Collection[State] = (),
    recipient: str = "",
    page: int = 1,
) -> pd.DataFrame:
    """Return one page of mails, newest first, and one more row if there is a next page.

    Filters by `states`, if any, and by addresses that contain `recipient`. Columns: id, recipient,
    subject, state, created_at, due_at, sent_at, attempts, error.
    """
    access_staff(session, actor, Action.READ_MAIL)
    page = parameters.page_number(page)
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


def _ids_of(states: Collection[State], recipient: str, limit: int) -> Any:
    """Return a query for ids, newest first, that reads at most `limit` mails of each state."""
    queries = [
        select(Mail.id).where(_CONDITIONS[state], *_is_to(recipient)).order_by(Mail.id.desc())
        for state in states or ()
    ]
    if len(queries) == 1:
        return queries[0]
    if not queries:
        return select(Mail.id).where(*_is_to(recipient)).order_by(Mail.id.desc())
    each = union_all(*(select(query.limit(limit).subquery()) for query in queries)).subquery()
    return select(each.c.id).order_by(each.c.id.desc())


def _is_to(recipient: str) -> list[ColumnElement[bool]]:
    return has_words(Mail.search_text, recipient)


def count_by_state(session: Session, actor: Actor) -> dict[State, int]:
    """Return the number of mails in each state, at most `MAX_COUNT` + 1 of each."""
    access_staff(session, actor, Action.READ_MAIL)
    numbers = [
        capped_count(select(Mail.id).where(condition), MAX_COUNT)
        for condition in _CONDITIONS.values()
    ]
    return dict(zip(_CONDITIONS, session.execute(select(*numbers)).one(), strict=True))


def get(session: Session, actor: Actor, mail_id: int) -> MailDetails:
    """Return a mail and its content; raises `NotFound`."""
    access_staff(session, actor, Action.READ_MAIL)
    found = session.execute(select(Mail, _STATE).where(Mail.id == mail_id)).one_or_none()
    if found is None:
        raise NotFound("mail")
    mail, state = found
    content = messages.render(mail, with_link=False)
    return MailDetails(mail, State(state), content, _waits_with_link(mail))


def get_link(session: Session, actor: Actor, mail_id: int) -> tuple[Mail, dict[str, str]]:
    """Return a mail and its link, which lets anyone who has it act for the recipient.

    Raises `NotFound` unless no mail server is configured and the mail is unsent, because only then
    an administrator has to forward it.
    """
    access_staff(session, actor, Action.READ_MAIL)
    mail = session.get(Mail, mail_id)
    if mail is None or not _waits_with_link(mail):
        raise NotFound("link")
    return mail, mail.context["link"]


def _waits_with_link(mail: Mail) -> bool:
    is_secret = "nonce" in (mail.context.get("link") or {})
    return is_secret and not settings().smtp_url and mail.sent_at is None


def retry(session: Session, actor: Actor, mail_id: int) -> Mail:
    """Make an unsent mail due now and return it; raises `NotFound`, `MailInProgress`."""
    return _change_unsent(session, actor, mail_id, due_at=clock.now(), attempts=0, error=None)


def retry_failed(session: Session, actor: Actor, *, recipient: str = "") -> int:
    """Make all failed mails due now and return their number.

    Filters by addresses that contain `recipient`. Mails that were cancelled here or withdrawn by
    a use case, such as a revoked invitation, are not retried.
    """
    access_staff(session, actor, Action.READ_MAIL)
    failed = [
        select(Mail.id).where(_CONDITIONS[state], Mail.error != _CANCELLED, *_is_to(recipient))
        for state in (State.RETRYING, State.FAILED)
    ]
    retried = session.scalars(
        update(Mail)
        .where(Mail.id.in_(union_all(*failed)), Mail.sent_at.is_(None), is_unclaimed())
        .values(due_at=clock.now(), attempts=0, error=None)
        .returning(Mail.id)
        .execution_options(synchronize_session=False)
    )
    return len(retried.all())


def cancel(session: Session, actor: Actor, mail_id: int) -> Mail:
    """Cancel an unsent mail and return it; raises `NotFound`, `MailInProgress`."""
    return _change_unsent(session, actor, mail_id, due_at=None, error=_CANCELLED)


def _change_unsent(session: Session, actor: Actor, mail_id: int, **values: Any) -> Mail:
    """Change an unsent mail that no process is sending at the moment."""
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
