"""News: what history says is read once, and brought to those who should hear of it.

Each chain knows from where on it has not been read. Reading moves that on in the transaction that
adds the lines to be told: nothing is lost and nothing is told twice, whoever is killed when.
"""

from collections.abc import Callable, Sequence
from itertools import groupby

from sqlalchemy import and_, delete, select
from sqlalchemy.orm import Session

from core.database import db
from core.mail import digests, outbox
from core.models import Alert, ChainHead, DigestItem, Entry, Membership, Organization, Role, User
from core.notifications import alerts, onboarding_alerts
from core.notifications.alerts import People

BATCH = 10
"""Chains, and lockouts, that are read in one transaction."""
ROUNDS = 200
_MEMBERSHIP = "memberships:"


def tell(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Read what is new and queue the mails that are due; return how many readers were seen to.

    After `ROUNDS` others wait for the next time: what is queued by then is sent before.
    """
    for is_any, hand_on in ((_is_any_news, _read_chains), (_is_any_lockout, _hand_on_lockouts)):
        for _ in range(ROUNDS):
            if is_stopping() or not _finds(is_any) or not db.run(hand_on):
                break
    return digests.run_due(is_stopping)


def _finds(is_any: Callable[[Session], bool]) -> bool:
    with db.read() as session:
        return is_any(session)


def _is_any_news(session: Session) -> bool:
    unread = select(ChainHead.chain).where(ChainHead.news_from.is_not(None)).limit(1)
    return session.scalar(unread) is not None


def _read_chains(session: Session) -> int:
    """Read some chains to their ends and return how many; others may be read elsewhere now."""
    heads = session.scalars(
        select(ChainHead)
        .where(ChainHead.news_from.is_not(None))
        .order_by(ChainHead.chain)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    entries = session.scalars(
        select(Entry)
        .join(
            ChainHead,
            and_(ChainHead.chain == Entry.chain, ChainHead.news_from <= Entry.position),
        )
        .where(Entry.chain.in_([head.chain for head in heads]))
        .order_by(Entry.chain, Entry.position)
    ).all()
    people = _find_people(session, entries)
    ids = {entry.org_id for entry in entries}
    found = session.scalars(select(Organization).where(Organization.id.in_(ids))).all()
    orgs = {org.id: org for org in found}
    for _, chain in groupby(entries, key=lambda entry: entry.chain):
        news = list(chain)
        org = orgs.get(news[0].org_id or 0)
        if org is not None:
            _tell_organization(session, org, news, people)
            onboarding_alerts.tell(session, org, news)
        elif _has_two_factor_changed(news) and (user_id := news[0].person_id):
            onboarding_alerts.tell_two_factor(session, user_id)
    for head in heads:
        head.news_from = None
    return len(heads)


def _find_people(session: Session, entries: Sequence[Entry]) -> People:
    changes = [change for entry in entries for change in entry.changes]
    rows = {change["row"] for change in changes if change["row"].startswith(_MEMBERSHIP)}
    membership_ids = [int(row.removeprefix(_MEMBERSHIP)) for row in rows]
    belong = select(Membership.id, Membership.user_id).where(Membership.id.in_(membership_ids))
    members = {f"{_MEMBERSHIP}{row}": user for row, user in session.execute(belong)}
    ids = {*members.values(), *(entry.actor_id for entry in entries)}
    ids |= {entry.person_id for entry in entries}
    for change in changes:
        if change["field"] == "user_id":
            ids |= {change["old"], change["new"]}
    known = select(User.id, User.name).where(User.id.in_(ids - {None}))
    return People(dict(session.execute(known).all()), members)


def _tell_organization(
    session: Session, org: Organization, entries: Sequence[Entry], people: People
) -> None:
    was_off = {was for was, _ in _changes_of("alerts_off", entries)}
    for told in (told for entry in entries for told in alerts.read(entry, people)):
        is_told = told.topic == alerts.ALWAYS or any(
            told.topic not in (off or "").split(", ") for off in {org.alerts_off, *was_off}
        )
        if is_told:
            digests.add_for_alert_address(
                session, org, told.topic, told.title, told.detail, page=told.page
            )
    for was, now in _changes_of("alert_email", entries):
        if was:
            outbox.enqueue(
                session, "alert_moved", was, org_id=org.id, organization=org.name, now=now
            )


def _changes_of(field: str, entries: Sequence[Entry]) -> list[tuple[str | None, str | None]]:
    """Return what a field of the organization was before and after each change of it."""
    return [
        (change["old"], change["new"])
        for entry in entries
        for change in entry.changes
        if change["field"] == field and change["row"] == f"organizations:{entry.org_id}"
    ]


def _has_two_factor_changed(entries: Sequence[Entry]) -> bool:
    fields = {change["field"] for entry in entries for change in entry.changes}
    return "two_factor_at" in fields


def _is_any_lockout(session: Session) -> bool:
    waits = select(DigestItem.id).where(DigestItem.reader == digests.LOCKOUTS).limit(1)
    return session.scalar(waits) is not None


def _hand_on_lockouts(session: Session) -> int:
    """Tell the organizations of owners who were locked out; whose account it is shows only here."""
    some = (
        select(DigestItem.id)
        .where(DigestItem.reader == digests.LOCKOUTS)
        .order_by(DigestItem.id)
        .limit(BATCH)
    )
    ids = session.scalars(some.with_for_update(skip_locked=True)).all()
    gone = (
        delete(DigestItem)
        .where(DigestItem.id.in_(ids))
        .returning(DigestItem.title, DigestItem.detail)
    )
    for email_key, place in session.execute(gone).all():
        owned = (
            select(Organization, User.name)
            .join(Membership, Membership.org_id == Organization.id)
            .join(User, User.id == Membership.user_id)
            .where(User.email_key == email_key, Membership.role == Role.OWNER)
            .order_by(Organization.id)
        )
        for org, name in session.execute(owned).all():
            if digests.is_alert_enabled(org, Alert.LOCKOUTS) and org.deleted_at is None:
                digests.add_for_alert_address(
                    session,
                    org,
                    Alert.LOCKOUTS,
                    f"Sign-in of {name} is locked for a while",
                    f"Too many wrong passwords, the last from {place}. {name} is an owner.",
                    page="members",
                )
    return len(ids)
