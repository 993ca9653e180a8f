"""A small dataset: three organizations, one of them deleted, nine people, and pending actions.

Many of them fit into one database: every id follows from the number of the dataset.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, bindparam, insert, select, text

from core.access.permissions import Actor
from core.accounts import email_links
from core.base import clock, crypto, tokenizer
from core.members import invitation_rows
from core.models import (
    Audited,
    Base,
    Handover,
    Impersonation,
    Invitation,
    InvitationStatus,
    Link,
    Mail,
    Membership,
    Organization,
    Role,
    Session,
    Staff,
    Stage,
    User,
)
from core.organizations import public_ids
from core.profile import alert_address

PEOPLE: Final = ("olga", "adam", "mia", "otto", "oda", "nora", "sam", "sue", "ada")
"""Olga, Adam and Mia are members of Acme; Otto owns Otto Ltd; Oda is a member of none, or of 399;
Nora has not confirmed her address; Sam is a sales rep; Sue and Ada are administrators."""
STAFF: Final = {"sam": Staff.SALES, "sue": Staff.ADMINISTRATOR, "ada": Staff.ADMINISTRATOR}
ORGANIZATIONS: Final = ("acme", "otto", "gone")
INVITED: Final = ("otto", "oda", "newcomer", "oda")
"""Who is invited: three to Acme, by Adam, and the last to Otto Ltd."""
MAX_ROWS: Final = 16
"""The ids that each dataset has in every table; the next dataset starts that much later."""
FILLER_IDS: Final = 1_000_000
"""The first id of the organizations that only fill a list of memberships."""
GENERATED_IDS: Final = 2_000_000
"""The first id that sequences generate for use cases."""
CREATED_AT: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
PASSWORD_HASH: Final = "$first"

T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """The initial state of a dataset."""

    adam: Role = Role.ADMIN
    mia: Role = Role.MEMBER
    stage: Stage = Stage.FREE
    is_full: bool = True
    """Whether Acme's profile passes all checks for preproduction."""
    is_crowded: bool = False
    """Whether Oda is a member of 399 organizations."""
    deleted_for: timedelta = timedelta(days=5)
    room: int | None = None
    """How many members Acme may still add; None for no limit."""


@dataclass(frozen=True)
class Dataset:
    """A dataset; all of its ids follow from its number."""

    number: int
    options: Options = Options()

    def id(self, name: str) -> int:
        """Return the id of a person."""
        return self.number * MAX_ROWS + PEOPLE.index(name) + 1

    def org(self, name: str) -> int:
        """Return the id of an organization."""
        return self.number * MAX_ROWS + ORGANIZATIONS.index(name) + 1

    def actor(self, name: str) -> Actor:
        """Return a person as the actor of a use case."""
        return Actor(self.id(name), name.title())

    def email(self, name: str) -> str:
        """Return the email address of a person, also of one without an account."""
        return f"{name}.{self.number}@example.com"

    def invitation(self, index: int) -> int:
        """Return the id of an invitation."""
        return self.number * MAX_ROWS + index + 1

    def nonce(self, kind: str, index: int = 0) -> str:
        """Return the nonce of a link that exists from the beginning."""
        return f"{kind} {self.number} {index}"[:32]

    def token(self, kind: str, index: int = 0) -> str:
        """Return the token made from this nonce."""
        return crypto.token(kind, self.nonce(kind, index))

    def secret(self, kind: str, name: str) -> str:
        """Return the ticket or session cookie that a person has from the beginning."""
        return f"{kind} of {self.email(name)}"


def build(connection: Connection, datasets: Sequence[Dataset]) -> None:
    """Insert datasets into an empty database."""
    connection.execute(insert(User.__table__), [row for data in datasets for row in _people(data)])
    orgs = [row for data in datasets for row in _organizations(data)]
    connection.execute(insert(Organization.__table__), orgs)
    for kind, rows in (
        (Membership, _memberships),
        (Handover, _handovers),
        (Impersonation, _stand_ins),
        (Mail, _mails),
        (Invitation, _invitations),
        (Link, _links),
        (Session, _sessions),
    ):
        connection.execute(insert(kind.__table__), [row for data in datasets for row in rows(data)])
    _fill_memberships(connection, [data for data in datasets if data.options.is_crowded])
    _count_members(connection)
    connection.execute(
        text("UPDATE organizations SET deleted_at = :at WHERE id = :id").bindparams(
            bindparam("at", type_=Organization.__table__.c.deleted_at.type)
        ),
        [
            {"id": data.org("gone"), "at": clock.now() - data.options.deleted_for}
            for data in datasets
        ],
    )
    _start_sequences(connection)


def audited_rows(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return all audited rows by their name in history, without filler organizations."""
    rows: dict[str, dict[str, Any]] = {}
    for mapper in Base.registry.mappers:
        if not issubclass(mapper.class_, Audited):
            continue
        table = Base.metadata.tables[mapper.class_.__tablename__]
        own = {"organizations": table.c.id, "memberships": table.c.get("org_id")}.get(table.name)
        statement = select(table)
        if own is not None:
            statement = statement.where(~own.between(FILLER_IDS, GENERATED_IDS - 1))
        for row in connection.execute(statement).mappings():
            rows[f"{table.name}:{row['id']}"] = dict(row)
    return rows


def _people(data: Dataset) -> Iterable[dict[str, Any]]:
    for name in PEOPLE:
        yield {
            "id": data.id(name),
            "email": data.email(name),
            "email_key": data.email(name),
            "name": name.title(),
            "password_hash": PASSWORD_HASH,
            "password_epoch": 0,
            "staff": STAFF.get(name),
            "proven_at": None if name == "nora" else CREATED_AT,
            "two_factor_at": CREATED_AT if name in STAFF else None,
            "created_at": CREATED_AT,
            "version": 0,
        }


def _organizations(data: Dataset) -> Iterable[dict[str, Any]]:
    full = {
        "alert_email": "alerts@example.com",
        "overview": "Connects clinics.",
        "sales_email": "sales@example.com",
        "phone": "+49431979900",
        "website": "https://example.com",
    }
    for name in ORGANIZATIONS:
        limit = None if data.options.room is None else 3 + data.options.room
        is_full = name == "acme" and data.options.is_full
        public_id = public_ids.encode(data.org(name))
        yield (
            dict.fromkeys(full)
            | (full if is_full else {})
            | {
                "id": data.org(name),
                "public_id": public_id,
                "name": name.title(),
                "name_key": tokenizer.name_key(name),
                "search_text": tokenizer.search_text(name, public_id),
                "alert_email_new": data.email("alerts") if name == "acme" else None,
                "is_listed": False,
                "stage": data.options.stage if name == "acme" else Stage.FREE,
                "stage_entered_at": CREATED_AT,
                "created_at": CREATED_AT,
                "deleted_at": None,
                "member_count": 0,
                "member_limit": limit if name == "acme" else None,
                "version": 0,
            }
        )


def _memberships(data: Dataset) -> Iterable[dict[str, Any]]:
    inside = (
        ("acme", "olga", Role.OWNER),
        ("acme", "adam", data.options.adam),
        ("acme", "mia", data.options.mia),
        ("otto", "otto", Role.OWNER),
        ("gone", "olga", Role.OWNER),
        ("gone", "oda", Role.MEMBER),
    )
    for index, (org, person, role) in enumerate(inside):
        yield {
            "id": data.number * MAX_ROWS + index + 1,
            "org_id": data.org(org),
            "user_id": data.id(person),
            "role": role,
            "joined_at": CREATED_AT,
        }


def _handovers(data: Dataset) -> Iterable[dict[str, Any]]:
    is_owner = data.options.mia is Role.OWNER
    yield {
        "id": data.number * MAX_ROWS + 1,
        "org_id": data.org("acme"),
        "from_id": data.id("olga"),
        "to_id": data.id("mia"),
        "role_after": Role.MEMBER,
        "status": InvitationStatus.REVOKED if is_owner else InvitationStatus.PENDING,
        "created_at": clock.now(),
        "expires_at": clock.now() + timedelta(days=1),
    }


def _stand_ins(data: Dataset) -> Iterable[dict[str, Any]]:
    yield {
        "id": data.number * MAX_ROWS + 1,
        "org_id": data.org("acme"),
        "user_id": data.id("ada"),
        "reason": "They asked.",
        "started_at": clock.now(),
        "ends_at": clock.now() + timedelta(hours=1),
    }


def _mails(data: Dataset) -> Iterable[dict[str, Any]]:
    for index, name in enumerate(INVITED):
        nonce = data.nonce(invitation_rows.MAILED, index)
        link = {"page": "invitation", "kind": invitation_rows.MAILED, "nonce": nonce}
        yield {
            "id": data.invitation(index),
            "message_id": f"<{data.number}.{index}@test>",
            "template": "invitation",
            "context": {"organization": "Acme", "link": link},
            "recipient": data.email(name),
            "org_id": data.org("otto" if index == 3 else "acme"),
            "created_at": clock.now(),
            "due_at": clock.now(),
            "attempts": 0,
        }


def _invitations(data: Dataset) -> Iterable[dict[str, Any]]:
    for index, name in enumerate(INVITED):
        is_first = INVITED.index(name) == index
        nonce = data.nonce(invitation_rows.MAILED, index)
        yield {
            "id": data.invitation(index),
            "org_id": data.org("acme" if is_first else "otto"),
            "email": data.email(name),
            "email_key": data.email(name),
            "role": min(data.options.adam, Role.ADMIN, key=lambda role: role.rank)
            if index == 0
            else Role.MEMBER,
            "status": InvitationStatus.PENDING,
            "invited_by": data.id("adam" if is_first else "otto"),
            "nonce": nonce,
            "token_hash": crypto.fingerprint(crypto.token(invitation_rows.MAILED, nonce)),
            "created_at": clock.now(),
            "sent_at": clock.now(),
            "expires_at": clock.now() + invitation_rows.INVITATION_TTL,
            "mail_id": data.invitation(index),
        }


def _links(data: Dataset) -> Iterable[dict[str, Any]]:
    kinds = (
        (email_links.RESET, data.email("mia"), {"user_id": data.id("mia")}),
        (email_links.CONFIRM, data.email("nora"), {"user_id": data.id("nora")}),
        (alert_address.KIND, data.email("alerts"), {"org_id": data.org("acme")}),
    )
    for index, (kind, address, whose) in enumerate(kinds):
        yield {
            "id": data.number * MAX_ROWS + index + 1,
            "kind": kind,
            "nonce": data.nonce(kind),
            "token_hash": crypto.fingerprint(data.token(kind)),
            "user_id": None,
            "org_id": None,
            "email": address,
            "created_at": clock.now(),
            "expires_at": clock.now() + timedelta(minutes=20),
        } | whose


def _sessions(data: Dataset) -> Iterable[dict[str, Any]]:
    for name in ("mia", "ada"):
        for index, kind in enumerate(("token", "ticket")):
            held = crypto.fingerprint(data.secret(kind, name))
            yield {
                "id": data.id(name) * 2 + index,
                "user_id": data.id(name),
                "ticket_hash": held if kind == "ticket" else None,
                "token_hash": held if kind == "token" else None,
                "password_epoch": 0,
                "device": "Test",
                "ip_address": "127.0.0.1",
                "created_at": clock.now(),
                "last_seen_at": clock.now(),
                "expires_at": clock.now() + timedelta(hours=1),
            }


_NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers (n) AS"
    " (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 398)",
    "postgresql": "WITH numbers (n) AS (SELECT generate_series(0, 398))",
}


def _fill_memberships(connection: Connection, datasets: Sequence[Dataset]) -> None:
    """Make Oda a member of one organization less than the limit."""
    if not datasets:
        return
    numbers = _NUMBERS[connection.dialect.name]
    connection.execute(
        text(
            f"INSERT INTO organizations (id, public_id, name, name_key, search_text, is_listed,"
            f" stage, stage_entered_at, created_at, member_count, version) {numbers} SELECT"
            f" {FILLER_IDS} + n, 'FILLER-' || n, 'Filler', 'filler', '', false, 'free', created_at,"
            f" created_at, 0, 0 FROM numbers, users WHERE users.id = :first"
        ),
        {"first": datasets[0].id("olga")},
    )
    for data in datasets:
        connection.execute(
            text(
                f"INSERT INTO memberships (id, org_id, user_id, role, joined_at) {numbers} SELECT"
                f" {FILLER_IDS} + :number * 400 + n, {FILLER_IDS} + n, :oda, 'owner', created_at"
                " FROM numbers, users WHERE users.id = :oda"
            ),
            {"number": data.number, "oda": data.id("oda")},
        )


def _count_members(connection: Connection) -> None:
    connection.execute(
        text(
            "UPDATE organizations SET member_count ="
            " (SELECT count(*) FROM memberships WHERE org_id = organizations.id)"
            f" WHERE id < {FILLER_IDS}"
        )
    )


def _start_sequences(connection: Connection) -> None:
    """Start all sequences far above the ids of the datasets."""
    kinds = (
        User,
        Organization,
        Membership,
        Handover,
        Impersonation,
        Mail,
        Invitation,
        Link,
        Session,
    )
    if connection.dialect.name == "sqlite":
        connection.execute(text(f"UPDATE sqlite_sequence SET seq = {GENERATED_IDS}"))
        kinds = ()
    for kind in kinds:
        name = f"{kind.__tablename__}_id_seq"
        connection.execute(text(f"SELECT setval('{name}', {GENERATED_IDS})"))
