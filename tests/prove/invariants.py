"""The invariants I1 to I17, which hold whatever happens, also concurrently.

Most are SQL queries for violations, the same for both engines. What depends on the order of events
is checked by `replay`, and what depends on the outcomes of operations by `_broken_outcomes`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from core.access import throttling
from core.audit import verification
from core.base import crypto
from core.models import Entry, Mail, Throttle
from tests.prove import replay
from tests.prove.dataset import (
    FILLER_IDS,
    GENERATED_IDS,
    MAX_ROWS,
    PASSWORD_HASH,
    Dataset,
    audited_rows,
)
from tests.prove.rules import Operation, first_texts

NAMES: Final = tuple(f"I{number}" for number in range(1, 18))
ERRORS: Final = "errors"
"""No use case fails with anything but a domain error."""
SERIAL: Final = "serial"
"""Two concurrent operations have the same outcome as in one of the serial orders."""

_LIVE = "deleted_at IS NULL"
_RANK = "CASE {0}.role WHEN 'owner' THEN 2 WHEN 'admin' THEN 1 ELSE 0 END"

SQL: Final[dict[str, tuple[str, ...]]] = {
    "I1": (
        f"""SELECT id AS org_id, 'no owner' FROM organizations o WHERE {_LIVE}
            AND unclaimed_since IS NULL AND NOT EXISTS
            (SELECT 1 FROM memberships WHERE org_id = o.id AND role = 'owner')""",
        f"""SELECT o.id AS org_id, 'a deleted account is a member' FROM organizations o
            JOIN memberships m ON m.org_id = o.id JOIN users u ON u.id = m.user_id
            WHERE o.{_LIVE} AND u.deleted_at IS NOT NULL""",
    ),
    "I2": (
        """SELECT org_id, 'two memberships' FROM memberships
            GROUP BY org_id, user_id HAVING count(*) > 1""",
        """SELECT org_id, 'no role' FROM memberships
            WHERE role NOT IN ('member', 'admin', 'owner')""",
        f"""SELECT id AS org_id, 'members are counted wrong' FROM organizations o
            WHERE (id < {FILLER_IDS} OR id >= {GENERATED_IDS}) AND member_count <>
            (SELECT count(*) FROM memberships WHERE org_id = o.id)""",
        """SELECT id AS org_id, 'owners or admins are counted wrong' FROM organizations o
            WHERE owner_count <>
                (SELECT count(*) FROM memberships WHERE org_id = o.id AND role = 'owner')
            OR admin_count <>
                (SELECT count(*) FROM memberships WHERE org_id = o.id AND role = 'admin')
            OR unprotected_owner_count <>
                (SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id
                WHERE m.org_id = o.id AND role = 'owner' AND two_factor_at IS NULL)""",
        """SELECT m.org_id, 'a member is also a former member' FROM memberships m
            JOIN former_memberships f ON f.org_id = m.org_id AND f.user_id = m.user_id""",
    ),
    "I3": (
        f"""SELECT min(m.user_id) AS user_id, 'too many memberships' FROM memberships m
            JOIN organizations o ON o.id = m.org_id AND o.{_LIVE}
            GROUP BY m.user_id HAVING count(*) > 400""",
        """SELECT id AS org_id, 'too many members' FROM organizations
            WHERE member_count > member_limit""",
    ),
    "I4": (
        """SELECT o.id AS org_id, 'an invitation admitted twice, or never' FROM organizations o
            WHERE (SELECT count(*) FROM invitations WHERE org_id = o.id AND status = 'accepted')
            <> (SELECT count(*) FROM history
                WHERE org_id = o.id AND event = 'invitation.accepted')""",
        """SELECT i.org_id, 'accepted by another person' FROM invitations i
            WHERE i.status = 'accepted' AND NOT EXISTS (SELECT 1 FROM history h
                JOIN users u ON u.id = h.actor_id WHERE h.org_id = i.org_id
                AND h.event = 'invitation.accepted' AND u.email_key = i.email_key)""",
    ),
    "I5": (
        """SELECT org_id, 'two pending invitations of one address' FROM invitations
            WHERE status = 'pending' GROUP BY org_id, email_key HAVING count(*) > 1""",
    ),
    "I7": (
        f"""SELECT i.org_id, 'a pending invitation above the role of the inviter' FROM invitations i
            JOIN organizations o ON o.id = i.org_id AND o.{_LIVE}
            LEFT JOIN memberships m ON m.org_id = i.org_id AND m.user_id = i.invited_by
            WHERE i.status = 'pending' AND NOT EXISTS (SELECT 1 FROM impersonations a
                WHERE a.org_id = i.org_id AND a.user_id = i.invited_by AND a.ended_at IS NULL)
            AND (m.id IS NULL OR {_RANK.format("m")} < {_RANK.format("i")})""",
    ),
    "I8": (
        """SELECT min(id) AS user_id, 'two accounts of one address' FROM users
            WHERE email <> '' GROUP BY lower(email) HAVING count(*) > 1""",
        """SELECT min(id) AS user_id, 'two accounts of one key' FROM users
            GROUP BY email_key HAVING count(*) > 1""",
        f"""SELECT u.id AS user_id, 'proven with another password' FROM users u
            JOIN history h ON h.person_id = u.id AND h.event = 'account.proven'
            WHERE u.password_hash <> '{PASSWORD_HASH}'""",
    ),
    "I9": (
        """SELECT s.user_id, 'a session of a disabled person, or of an older password'
            FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.ended_at IS NULL
            AND (u.disabled_at IS NOT NULL OR u.deleted_at IS NOT NULL
                OR s.password_epoch <> u.password_epoch)""",
        """SELECT s.user_id, 'a session outlived what ends all' FROM sessions s
            JOIN history h ON h.person_id = s.user_id AND h.at > s.created_at
            WHERE s.ended_at IS NULL AND h.event IN ('account.password_changed',
                'account.password_reset', 'account.disabled', 'account.deleted')""",
    ),
    "I10": (
        """SELECT u.id AS user_id, 'more resets than links that were used' FROM users u
            WHERE (SELECT count(*) FROM history
                WHERE person_id = u.id AND event = 'account.password_reset')
            > (SELECT count(*) FROM links
                WHERE user_id = u.id AND kind = 'reset' AND used_at IS NOT NULL)""",
        """SELECT l.user_id, 'a reset link outlived a reset' FROM links l
            JOIN history h ON h.person_id = l.user_id AND h.at > l.created_at
            WHERE l.kind = 'reset' AND l.used_at IS NULL
            AND h.event IN ('account.password_reset', 'account.password_changed')""",
        """SELECT u.id AS user_id, 'passwords changed and counted differ' FROM users u
            WHERE u.password_epoch <> (SELECT count(*) FROM history WHERE person_id = u.id
                AND event IN ('account.password_reset', 'account.password_changed',
                    'account.deleted', 'account.two_factor_on', 'account.two_factor_replaced'))
            AND NOT EXISTS (SELECT 1 FROM history WHERE person_id = u.id
                AND event IN ('account.created', 'invitation.accepted'))""",
        """SELECT user_id, 'two links of a kind work' FROM links
            WHERE used_at IS NULL AND user_id IS NOT NULL
            GROUP BY user_id, kind HAVING count(*) > 1""",
    ),
    "I13": (
        """SELECT o.id AS org_id, 'moves and history differ' FROM organizations o
            WHERE (SELECT count(*) FROM moves WHERE org_id = o.id)
            <> (SELECT count(*) FROM history WHERE org_id = o.id AND event LIKE 'stage.%%')""",
    ),
    "I14": (
        """SELECT 0 AS user_id, 'no administrator' WHERE NOT EXISTS (SELECT 1 FROM users
            WHERE staff = 'administrator' AND disabled_at IS NULL AND deleted_at IS NULL)""",
    ),
    "I16": (
        """SELECT h.org_id, 'something happened to a deleted organization' FROM history h
            JOIN history b ON b.chain = h.chain AND b.position = h.position - 1
            WHERE b.event = 'organization.deleted'
            AND h.event NOT IN ('organization.restored', 'organization.purged')""",
        """SELECT h.org_id, 'something happened after the purge' FROM history h
            JOIN history b ON b.chain = h.chain AND b.position < h.position
            WHERE b.event = 'organization.purged'""",
    ),
    "I17": (
        """SELECT o.id AS org_id, 'a logo that is not there' FROM organizations o
            LEFT JOIN logos l ON l.digest = o.logo
            WHERE o.logo IS NOT NULL AND l.digest IS NULL""",
    ),
}

_BY_OTHERS = "AND actor_id <> person_id"
CAUSES: Final[dict[tuple[str, ...], str]] = {
    (
        "invitation",
        "invitation_role_changed",
    ): "'invitation.sent', 'invitation.resent', 'invitation.role_changed'",
    ("invitation_accepted",): "'invitation.accepted'",
    ("invitation_declined",): "'invitation.declined'",
    ("member_removed",): f"'member.removed') {_BY_OTHERS} AND event IN ('member.removed'",
    ("role_changed",): f"'member.role_changed') {_BY_OTHERS} AND event IN ('member.role_changed'",
    ("member_reinstated",): "'member.reinstated'",
    ("ownership_offered",): "'ownership.offered'",
    ("owner_named",): f"'ownership.named') {_BY_OTHERS} AND event IN ('ownership.named'",
}
"""Mail templates, and the events that queue one mail each, per organization."""
_CAPPED: Final = {"member_removed", "role_changed", "member_reinstated", "owner_named"}
"""Those of which one person causes another only some an hour."""
_PERSONAL_CAUSES: Final = {
    "password_changed": "'account.password_changed', 'account.password_reset'",
}


class Outcome(NamedTuple):
    """How an operation ended: `done`, `refused` or `failed`, and its result or error."""

    status: str
    what: Any


class Done(NamedTuple):
    """An operation that was run on a dataset, and its outcome."""

    number: int
    operation: Operation
    outcome: Outcome


class Broken(NamedTuple):
    """A violated invariant, the number of the dataset, and why."""

    name: str
    number: int
    why: str


def check(
    connection: Connection,
    datasets: Sequence[Dataset],
    before: dict[str, dict[str, Any]],
    done: Iterable[Done] = (),
) -> list[Broken]:
    """Return all violated invariants."""
    entries = [
        dict(row)
        for row in connection.execute(
            Entry.__table__.select().order_by(Entry.__table__.c.id)
        ).mappings()
    ]
    now = audited_rows(connection)
    mails = [
        dict(row)
        for row in connection.execute(Mail.__table__.select()).mappings()
        if not str(row["message_id"]).endswith("@test>")
    ]
    done = list(done)
    tokens = {data.number: data for data in datasets}
    broken = [
        *_broken_rows(connection),
        *_broken_history(connection),
        *_mails_without_cause(connection, mails, entries),
        *replay.check(before, now, entries),
        *_broken_outcomes(connection, done, tokens, entries),
    ]
    return [
        Broken(name, number_of(table, row_id, before, now), why)
        for name, table, row_id, why in broken
    ]


Violation = tuple[str, str, int, str]
"""The invariant, the table of a row, its id, and why."""


def number_of(
    table: str, row_id: int, before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]
) -> int:
    """Return the number of the dataset that a row belongs to; -1 if unknown."""
    if table == "data":
        return row_id
    if row_id < FILLER_IDS:
        return (row_id - 1) // MAX_ROWS if row_id else -1
    row = now.get(f"{table}:{row_id}") or before.get(f"{table}:{row_id}") or {}
    for field in ("org_id", "user_id", "created_by", "invited_by"):
        if (row.get(field) or FILLER_IDS) < FILLER_IDS:
            return (int(row[field]) - 1) // MAX_ROWS
    return -1


def _broken_rows(connection: Connection) -> Iterable[Violation]:
    for name, statements in SQL.items():
        for statement in statements:
            found = connection.exec_driver_sql(statement)
            column = next(iter(found.keys()))
            table = "organizations" if column == "org_id" else "users"
            for row_id, why in found:
                yield name, table, row_id, why
    for digest, png, thumbnail in connection.exec_driver_sql(
        "SELECT digest, png, thumbnail FROM logos"
    ):
        if not all(bytes(each).startswith(b"\x89PNG\r\n\x1a\n") for each in (png, thumbnail)):
            yield "I17", "data", -1, f"the logo {digest} is not a PNG"


def _broken_history(connection: Connection) -> Iterable[Violation]:
    """Yield what `manage verify` would find, but for the chains that datasets begin without."""
    with Session(connection) as session:
        found = list(verification.verify(session))
    for each in found:
        if isinstance(each, verification.Broken) and each.why != verification.ABSENT:
            kind, _, number = each.chain.partition(":")
            table = {"org": "organizations", "person": "users"}.get(kind, kind)
            yield "I11", table, int(number or 0), f"{each.chain} {each.position}: {each.why}"


def _mails_without_cause(
    connection: Connection, mails: list[dict[str, Any]], entries: list[dict[str, Any]]
) -> Iterable[Violation]:
    gone = {entry["org_id"] for entry in entries if entry["event"] == "organization.purged"}
    for templates, events in CAUSES.items():
        counted = f"SELECT org_id, count(*) FROM history WHERE event IN ({events}) GROUP BY org_id"
        caused = Counter(dict(connection.exec_driver_sql(counted).all()))
        queued = Counter(mail["org_id"] for mail in mails if mail["template"] in templates)
        capped = _count_capped(connection, events) if set(templates) & _CAPPED else Counter()
        for org in (caused.keys() | queued.keys()) - gone:
            if not 0 <= caused[org] - queued[org] <= capped[org]:
                why = f"{queued[org]} mails {templates} of {caused[org]} causes"
                yield "I12", "organizations", org, why
    for template, events in _PERSONAL_CAUSES.items():
        counted = f"SELECT count(*) FROM history WHERE event IN ({events})"
        causes = connection.exec_driver_sql(counted).scalar_one()
        sent = sum(mail["template"] == template for mail in mails)
        if sent != causes:
            yield "I12", "data", -1, f"{sent} mails {template} of {causes} causes"


def _count_capped(connection: Connection, events: str) -> Counter[int]:
    """Return how many mails per organization one person could not cause to another any more."""
    limit = throttling.PERSON_TO_PERSON[0][0]
    capped: Counter[str] = Counter()
    for row in connection.execute(Throttle.__table__.select()).all():
        if row.key.startswith("mails from:"):
            capped[row.key.rpartition(":")[2]] += max(0, row.hits - limit)
    pairs = connection.exec_driver_sql(
        f"SELECT DISTINCT org_id, actor_id, person_id FROM history WHERE event IN ({events})"
    )
    found: Counter[int] = Counter()
    for org_id, actor_id, person_id in pairs:
        found[org_id] += capped[crypto.fingerprint(f"{actor_id} to {person_id}")[:32]]
    return found


def _broken_outcomes(
    connection: Connection,
    done: list[Done],
    datasets: dict[int, Dataset],
    entries: list[dict[str, Any]],
) -> Iterable[Violation]:
    """Compare the outcomes of operations with what is stored."""
    for each in done:
        if each.outcome.status == "failed":
            yield ERRORS, "data", each.number, f"{each.operation}: {each.outcome.what}"
    yield from _lost_edits(done, datasets, entries)
    yield from _lost_throttle_hits(connection, done)
    claims = [each.outcome.what for each in done if each.operation.rule == "claim_mail"]
    claimed = Counter(mail_id for mail_id in claims if isinstance(mail_id, int))
    for mail_id, times in claimed.items():
        if times > 1:
            yield "I12", "data", -1, f"the mail {mail_id} was claimed {times} times"


def _lost_edits(
    done: list[Done], datasets: dict[int, Dataset], entries: list[dict[str, Any]]
) -> Iterable[Violation]:
    """Yield edits that succeeded but are not in history, or overwrote a newer value."""
    saved: defaultdict[tuple[int, str], list[tuple[Any, Any]]] = defaultdict(list)
    for entry in entries:
        if entry["event"] == "profile.changed":
            for change in entry["changes"]:
                saved[entry["org_id"], change["field"]].append((change["old"], change["new"]))
    for each in done:
        if (
            each.operation.rule not in {"save_profile", "save_contact"}
            or each.outcome.status != "done"
        ):
            continue
        who, field, text = each.operation.what
        data = datasets[each.number]
        typed = f"{text}@example.com" if field == "sales_email" else f"{who}_{text}"
        edits = saved[data.org("acme"), field]
        if [
            new for old, new in edits if new == typed and (old or "") == first_texts(data)[field]
        ] == []:
            yield "I6", "data", each.number, f"{each.operation} succeeded but was lost: {edits}"


def _lost_throttle_hits(connection: Connection, done: list[Done]) -> Iterable[Violation]:
    succeeded = Counter(each.number for each in done if each.operation.rule == "hit_throttle")
    keys_of = {
        row.key: row.hits
        for row in connection.execute(Throttle.__table__.select()).all()
        if row.key.startswith("hit_throttle:")
    }
    if sum(succeeded.values()) != sum(keys_of.values()):
        yield "I15", "data", -1, f"{sum(succeeded.values())} hits, counted {sum(keys_of.values())}"
