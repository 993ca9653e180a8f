"""A small world: two organizations and a deleted one, nine people, what waits for them.

Many of them lie side by side in one database: every id follows from the number of the world.
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
"""Olga, Adam and Mia are in Acme; Otto owns Otto Ltd; Oda is in nothing, or in 399; Nora has not
proven her address; Sam is in sales, Sue and Ada are administrators."""
STAFF: Final = {"sam": Staff.SALES, "sue": Staff.ADMINISTRATOR, "ada": Staff.ADMINISTRATOR}
ORGANIZATIONS: Final = ("acme", "otto", "gone")
INVITED: Final = ("otto", "oda", "newcomer", "oda")
"""Who has an invitation: three to Acme, made by Adam, and the last to Otto Ltd."""
MOST: Final = 16
"""No world has more rows of a kind than this, so the next one begins so many ids later."""
CROWD: Final = 1_000_000
"""From this id on, organizations that only fill somebody's list of memberships."""
FIRST_OWN: Final = 2_000_000
"""The first id that a use case gives out."""
LONG_AGO: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
PASSWORD_HASH: Final = "$first"

T = TypeVar("T")


@dataclass(frozen=True)
class Start:
    """How a world begins."""

    adam: Role = Role.ADMIN
    mia: Role = Role.MEMBER
    stage: Stage = Stage.FREE
    is_full: bool = True
    """Whether Acme's profile lacks nothing that the gate looks at."""
    is_crowded: bool = False
    """Whether Oda belongs to 399 organizations."""
    deleted_for: timedelta = timedelta(days=5)
    room: int | None = None
    """For how many more members Acme has room."""


@dataclass(frozen=True)
class World:
    """One world of this number."""

    number: int
    start: Start = Start()

    def id(self, name: str) -> int:
        """Return a person's id."""
        return self.number * MOST + PEOPLE.index(name) + 1

    def org(self, name: str) -> int:
        """Return an organization's id."""
        return self.number * MOST + ORGANIZATIONS.index(name) + 1

    def actor(self, name: str) -> Actor:
        """Return a person who acts."""
        return Actor(self.id(name), name.title())

    def email(self, name: str) -> str:
        """Return a person's address; `newcomer` and whoever else has no account have one too."""
        return f"{name}.{self.number}@example.com"

    def invitation(self, place: int) -> int:
        """Return an invitation's id."""
        return self.number * MOST + place + 1

    def nonce(self, kind: str, place: int = 0) -> str:
        """Return what the token of a link that was there from the beginning is made of."""
        return f"{kind} {self.number} {place}"[:32]

    def token(self, kind: str, place: int = 0) -> str:
        """Return that token."""
        return crypto.token(kind, self.nonce(kind, place))

    def secret(self, kind: str, name: str) -> str:
        """Return the ticket or the cookie that somebody holds from the beginning."""
        return f"{kind} of {self.email(name)}"


def build(connection: Connection, worlds: Sequence[World]) -> None:
    """Put worlds into an empty database."""
    connection.execute(insert(User.__table__), [row for world in worlds for row in _people(world)])
    orgs = [row for world in worlds for row in _organizations(world)]
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
        connection.execute(insert(kind.__table__), [row for world in worlds for row in rows(world)])
    _crowd(connection, [world for world in worlds if world.start.is_crowded])
    _count_members(connection)
    connection.execute(
        text("UPDATE organizations SET deleted_at = :at WHERE id = :id").bindparams(
            bindparam("at", type_=Organization.__table__.c.deleted_at.type)
        ),
        [
            {"id": world.org("gone"), "at": clock.now() - world.start.deleted_for}
            for world in worlds
        ],
    )
    _leave_room(connection)


def snapshot(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return all audited rows by how history names them, without the crowd."""
    rows: dict[str, dict[str, Any]] = {}
    for mapper in Base.registry.mappers:
        if not issubclass(mapper.class_, Audited):
            continue
        table = Base.metadata.tables[mapper.class_.__tablename__]
        own = {"organizations": table.c.id, "memberships": table.c.get("org_id")}.get(table.name)
        statement = select(table)
        if own is not None:
            statement = statement.where(~own.between(CROWD, FIRST_OWN - 1))
        for row in connection.execute(statement).mappings():
            rows[f"{table.name}:{row['id']}"] = dict(row)
    return rows


def _people(world: World) -> Iterable[dict[str, Any]]:
    for name in PEOPLE:
        yield {
            "id": world.id(name),
            "email": world.email(name),
            "email_key": world.email(name),
            "name": name.title(),
            "password_hash": PASSWORD_HASH,
            "password_epoch": 0,
            "staff": STAFF.get(name),
            "proven_at": None if name == "nora" else LONG_AGO,
            "two_factor_at": LONG_AGO if name in STAFF else None,
            "created_at": LONG_AGO,
            "version": 0,
        }


def _organizations(world: World) -> Iterable[dict[str, Any]]:
    full = {
        "alert_email": "alerts@example.com",
        "overview": "Connects clinics.",
        "sales_email": "sales@example.com",
        "phone": "+49431979900",
        "website": "https://example.com",
    }
    for name in ORGANIZATIONS:
        limit = None if world.start.room is None else 3 + world.start.room
        is_full = name == "acme" and world.start.is_full
        public_id = public_ids.spell(world.org(name))
        yield (
            dict.fromkeys(full)
            | (full if is_full else {})
            | {
                "id": world.org(name),
                "public_id": public_id,
                "name": name.title(),
                "name_key": tokenizer.name_key(name),
                "search_text": tokenizer.search_text(name, public_id),
                "alert_email_new": world.email("alerts") if name == "acme" else None,
                "is_listed": False,
                "stage": world.start.stage if name == "acme" else Stage.FREE,
                "stage_entered_at": LONG_AGO,
                "created_at": LONG_AGO,
                "deleted_at": None,
                "member_count": 0,
                "member_limit": limit if name == "acme" else None,
                "version": 0,
            }
        )


def _memberships(world: World) -> Iterable[dict[str, Any]]:
    inside = (
        ("acme", "olga", Role.OWNER),
        ("acme", "adam", world.start.adam),
        ("acme", "mia", world.start.mia),
        ("otto", "otto", Role.OWNER),
        ("gone", "olga", Role.OWNER),
        ("gone", "oda", Role.MEMBER),
    )
    for place, (org, person, role) in enumerate(inside):
        yield {
            "id": world.number * MOST + place + 1,
            "org_id": world.org(org),
            "user_id": world.id(person),
            "role": role,
            "joined_at": LONG_AGO,
        }


def _handovers(world: World) -> Iterable[dict[str, Any]]:
    is_owner = world.start.mia is Role.OWNER
    yield {
        "id": world.number * MOST + 1,
        "org_id": world.org("acme"),
        "from_id": world.id("olga"),
        "to_id": world.id("mia"),
        "role_after": Role.MEMBER,
        "status": InvitationStatus.REVOKED if is_owner else InvitationStatus.PENDING,
        "created_at": clock.now(),
        "expires_at": clock.now() + timedelta(days=1),
    }


def _stand_ins(world: World) -> Iterable[dict[str, Any]]:
    yield {
        "id": world.number * MOST + 1,
        "org_id": world.org("acme"),
        "user_id": world.id("ada"),
        "reason": "They asked.",
        "started_at": clock.now(),
        "ends_at": clock.now() + timedelta(hours=1),
    }


def _mails(world: World) -> Iterable[dict[str, Any]]:
    for place, name in enumerate(INVITED):
        nonce = world.nonce(invitation_rows.MAILED, place)
        link = {"page": "invitation", "kind": invitation_rows.MAILED, "nonce": nonce}
        yield {
            "id": world.invitation(place),
            "message_id": f"<{world.number}.{place}@test>",
            "template": "invitation",
            "context": {"organization": "Acme", "link": link},
            "recipient": world.email(name),
            "org_id": world.org("otto" if place == 3 else "acme"),
            "created_at": clock.now(),
            "due_at": clock.now(),
            "attempts": 0,
        }


def _invitations(world: World) -> Iterable[dict[str, Any]]:
    for place, name in enumerate(INVITED):
        is_first = INVITED.index(name) == place
        nonce = world.nonce(invitation_rows.MAILED, place)
        yield {
            "id": world.invitation(place),
            "org_id": world.org("acme" if is_first else "otto"),
            "email": world.email(name),
            "email_key": world.email(name),
            "role": min(world.start.adam, Role.ADMIN, key=lambda role: role.rank)
            if place == 0
            else Role.MEMBER,
            "status": InvitationStatus.PENDING,
            "invited_by": world.id("adam" if is_first else "otto"),
            "nonce": nonce,
            "token_hash": crypto.fingerprint(crypto.token(invitation_rows.MAILED, nonce)),
            "created_at": clock.now(),
            "sent_at": clock.now(),
            "expires_at": clock.now() + invitation_rows.LASTS,
            "mail_id": world.invitation(place),
        }


def _links(world: World) -> Iterable[dict[str, Any]]:
    kinds = (
        (email_links.RESET, world.email("mia"), {"user_id": world.id("mia")}),
        (email_links.PROVE, world.email("nora"), {"user_id": world.id("nora")}),
        (alert_address.KIND, world.email("alerts"), {"org_id": world.org("acme")}),
    )
    for place, (kind, address, whose) in enumerate(kinds):
        yield {
            "id": world.number * MOST + place + 1,
            "kind": kind,
            "nonce": world.nonce(kind),
            "token_hash": crypto.fingerprint(world.token(kind)),
            "user_id": None,
            "org_id": None,
            "email": address,
            "created_at": clock.now(),
            "expires_at": clock.now() + timedelta(minutes=20),
        } | whose


def _sessions(world: World) -> Iterable[dict[str, Any]]:
    for name in ("mia", "ada"):
        for place, kind in enumerate(("token", "ticket")):
            held = crypto.fingerprint(world.secret(kind, name))
            yield {
                "id": world.id(name) * 2 + place,
                "user_id": world.id(name),
                "ticket_hash": held if kind == "ticket" else None,
                "token_hash": held if kind == "token" else None,
                "password_epoch": 0,
                "device": "Test",
                "place": "127.0.0.1",
                "created_at": clock.now(),
                "last_seen_at": clock.now(),
                "expires_at": clock.now() + timedelta(hours=1),
            }


_NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers (n) AS"
    " (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 398)",
    "postgresql": "WITH numbers (n) AS (SELECT generate_series(0, 398))",
}


def _crowd(connection: Connection, worlds: Sequence[World]) -> None:
    """Let Oda belong to as many organizations as leave room for one more."""
    if not worlds:
        return
    numbers = _NUMBERS[connection.dialect.name]
    connection.execute(
        text(
            f"INSERT INTO organizations (id, public_id, name, name_key, search_text, is_listed,"
            f" stage, stage_entered_at, created_at, member_count, version) {numbers} SELECT"
            f" {CROWD} + n, 'CROWD-' || n, 'Crowd', 'crowd', '', false, 'free', created_at,"
            f" created_at, 0, 0 FROM numbers, users WHERE users.id = :first"
        ),
        {"first": worlds[0].id("olga")},
    )
    for world in worlds:
        connection.execute(
            text(
                f"INSERT INTO memberships (id, org_id, user_id, role, joined_at) {numbers} SELECT"
                f" {CROWD} + :number * 400 + n, {CROWD} + n, :oda, 'owner', created_at"
                " FROM numbers, users WHERE users.id = :oda"
            ),
            {"number": world.number, "oda": world.id("oda")},
        )


def _count_members(connection: Connection) -> None:
    connection.execute(
        text(
            "UPDATE organizations SET member_count ="
            " (SELECT count(*) FROM memberships WHERE org_id = organizations.id)"
            f" WHERE id < {CROWD}"
        )
    )


def _leave_room(connection: Connection) -> None:
    """Let every id that a use case gives out be far from ours."""
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
        connection.execute(text(f"UPDATE sqlite_sequence SET seq = {FIRST_OWN}"))
        kinds = ()
    for kind in kinds:
        name = f"{kind.__tablename__}_id_seq"
        connection.execute(text(f"SELECT setval('{name}', {FIRST_OWN})"))
