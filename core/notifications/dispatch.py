"""Dispatch: read new history entries once, and add what they mean to digests.

The head of each history chain marks its first entry that has not been dispatched. The mark is
cleared in the transaction that adds the digest items, so nothing is lost or sent twice, even if a
process is killed.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final

from sqlalchemy import and_, delete, select
from sqlalchemy.orm import Session

from core.accounts import user_rows
from core.database import db
from core.mail import digests, outbox
from core.models import Alert, ChainHead, DigestItem, Entry, Membership, Organization, Role, User
from core.notifications import alerts, onboarding_alerts
from core.notifications.alerts import AlertItem, People

BATCH_SIZE: Final = 10
"""Chains, or lockouts, that are read in one transaction."""
MAX_BATCHES: Final = 200
_MEMBERSHIP: Final = "memberships:"


def run_due(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Dispatch new entries and lockouts, queue the digests that are due, and count those.

    Stops after `MAX_BATCHES`, so that queued mails are sent before more are queued.
    """
    for is_any, dispatch_batch in (
        (_is_any_undispatched, _dispatch_chains),
        (_is_any_lockout, _dispatch_lockouts),
    ):
        for _ in range(MAX_BATCHES):
            if is_stopping() or not _read(is_any) or not db.run(dispatch_batch):
                break
    return digests.run_due(is_stopping)


def _read(is_any: Callable[[Session], bool]) -> bool:
    with db.read() as session:
        return is_any(session)


def _is_any_undispatched(session: Session) -> bool:
    undispatched = select(ChainHead.chain).where(ChainHead.news_from.is_not(None)).limit(1)
    return session.scalar(undispatched) is not None


def _dispatch_chains(session: Session) -> int:
    """Dispatch some chains to their ends and return how many; skip those another process has."""
    heads = session.scalars(
        select(ChainHead)
        .where(ChainHead.news_from.is_not(None))
        .order_by(ChainHead.chain)
        .limit(BATCH_SIZE)
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
    _dispatch_entries(session, entries)
    for head in heads:
        head.news_from = None
    return len(heads)


def _dispatch_entries(session: Session, entries: Sequence[Entry]) -> None:
    people = _find_people(session, entries)
    ids = {entry.org_id for entry in entries}
    found = session.scalars(select(Organization).where(Organization.id.in_(ids))).all()
    orgs = {org.id: org for org in found}
    for _, chain in groupby(entries, key=lambda entry: entry.chain):
        of_chain = list(chain)
        org = orgs.get(of_chain[0].org_id or 0)
        if org is not None:
            _dispatch_organization(session, org, of_chain, people)
        elif _has_two_factor_changed(of_chain) and (user_id := of_chain[0].person_id):
            onboarding_alerts.compare_checks_of_owner(session, user_id)


def _find_people(session: Session, entries: Sequence[Entry]) -> People:
    changes = [change for entry in entries for change in entry.changes]
    rows = {change["row"] for change in changes if change["row"].startswith(_MEMBERSHIP)}
    membership_ids = [int(row.removeprefix(_MEMBERSHIP)) for row in rows]
    memberships = select(Membership.id, Membership.user_id).where(Membership.id.in_(membership_ids))
    members = {f"{_MEMBERSHIP}{row}": user for row, user in session.execute(memberships)}
    ids = {*members.values(), *(entry.actor_id for entry in entries)}
    ids |= {entry.person_id for entry in entries}
    for change in changes:
        if change["field"] == "user_id":
            ids |= {change["old"], change["new"]}
    return People(user_rows.find_names(session, ids), members)


def _dispatch_organization(
    session: Session, org: Organization, entries: Sequence[Entry], people: People
) -> None:
    """Add the items of entries, and inform the previous alert address of a new one.

    An alert is left out only if it was off before and after every entry.
    """
    choices = {org.alerts_off, *(old for old, _ in _changes_of("alerts_off", entries))}
    for entry in entries:
        with digests.caused_by(session, entry):
            for item in alerts.describe(entry, people):
                if _is_wanted(item, choices):
                    digests.add_for_alert_address(session, org, **item._asdict())
            onboarding_alerts.add_for_entry(session, org, entry)
    is_by_rep = all(entry.actor_id == org.rep_id for entry in entries)
    onboarding_alerts.compare_checks(session, org, is_by_rep=is_by_rep)
    for old, new in _changes_of("alert_email", entries):
        if old:
            outbox.enqueue(
                session, "alert_moved", old, org_id=org.id, organization=org.name, now=new
            )


def _is_wanted(item: AlertItem, choices: set[str | None]) -> bool:
    return item.topic == alerts.ALWAYS or any(
        item.topic not in (off or "").split(", ") for off in choices
    )


def _changes_of(field: str, entries: Sequence[Entry]) -> list[tuple[str | None, str | None]]:
    """Return the old and new values of a field of the organization, in the order of entries."""
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
    waiting = select(DigestItem.id).where(DigestItem.reader == digests.LOCKOUTS).limit(1)
    return session.scalar(waiting) is not None


def _dispatch_lockouts(session: Session) -> int:
    """Add alerts to the organizations of owners whose login is blocked.

    Only here is looked up whether the account exists, so that sign-in takes the same time.
    """
    batch = (
        select(DigestItem.id)
        .where(DigestItem.reader == digests.LOCKOUTS)
        .order_by(DigestItem.id)
        .limit(BATCH_SIZE)
    )
    ids = session.scalars(batch.with_for_update(skip_locked=True)).all()
    removed = (
        delete(DigestItem)
        .where(DigestItem.id.in_(ids))
        .returning(DigestItem.title, DigestItem.detail)
    )
    for email_key, origin in session.execute(removed).all():
        _add_lockout_alerts(session, email_key, origin)
    return len(ids)


def _add_lockout_alerts(session: Session, email_key: str, origin: str) -> None:
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
                f"Login blocked for {name}, an owner",
                f"Too many wrong passwords, most recently from {origin}.",
                page="members",
            )
