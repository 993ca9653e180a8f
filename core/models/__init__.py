"""The nouns: every table of Orgdesk."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.base import clock, tokenizer
from core.models.accounts import Challenge, RecoveryCode, SecondFactor, StandIn
from core.models.enums import Alert, InvitationStatus, Role, Staff, Stage
from core.models.mail import Digest, Line, Told
from core.models.members import Handover
from core.models.onboarding import DefaultView, Move, Note, Run, RunRefusal, SavedView, ViewLook
from core.models.orm import PRIVATE, UNIQUE_FOREVER, UNRECORDED, Audited, Base, index_where

__all__ = [
    "Alert",
    "Audited",
    "Base",
    "Challenge",
    "DefaultView",
    "Digest",
    "Handover",
    "InvitationStatus",
    "Line",
    "Move",
    "Note",
    "RecoveryCode",
    "Role",
    "Run",
    "RunRefusal",
    "SavedView",
    "SecondFactor",
    "Staff",
    "Stage",
    "StandIn",
    "Told",
    "ViewLook",
]

IS_LARGE = "member_count > 10"
"""Few are: what they are narrowed and sorted by stands in an index of their own."""
_LOOKED_AT = "stage rep_id created_at last_active_at stage_entered_at name_key deleted_at".split()
_REP_STAGE = ("rep_id", "stage")
_HAS_STEP = "next_step_on IS NOT NULL"
_IS_UNSENT = "sent_at IS NULL AND due_at IS NOT NULL"
_COUNTED = ("logo", "alert_email", "overview", "sales_email", "phone", "website")
_IS_COMPLETE = " AND ".join(f"{column} IS NOT NULL" for column in _COUNTED)
_IS_INCOMPLETE = " OR ".join(f"{column} IS NULL" for column in _COUNTED)
"""As `core.models.organizations` has it, for indexes: what is narrowed by it is walked by id."""


def _now() -> datetime:
    return clock.now()


def _words_of_person(context: Any) -> str:
    new = context.get_current_parameters()
    return tokenizer.search_text(new["name"], new["email"])


class User(Audited, Base):
    """A person with an account."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), info=PRIVATE)
    email_key: Mapped[str] = mapped_column(String(512), unique=True, info=UNRECORDED)
    name: Mapped[str] = mapped_column(String(80), info=PRIVATE)
    password_hash: Mapped[str | None] = mapped_column(String(200), info=PRIVATE)
    password_epoch: Mapped[int] = mapped_column(default=0, info=UNRECORDED)
    staff: Mapped[Staff | None]
    proven_at: Mapped[datetime | None]
    two_factor_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(index=True)
    last_seen_at: Mapped[datetime | None] = mapped_column(info=UNRECORDED)
    search_text: Mapped[str] = mapped_column(
        Text, default=_words_of_person, server_default="", info=UNRECORDED
    )
    version: Mapped[int] = mapped_column(default=0, info=UNRECORDED)

    __table_args__ = (
        Index("ix_users_staff", "staff", postgresql_where=text("staff IS NOT NULL")),
        index_where("disabled_at IS NOT NULL", "ix_users_disabled_at", "disabled_at"),
        UNIQUE_FOREVER,
    )


class Session(Base):
    """One browser in which one person is signed in."""

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    ticket_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    password_epoch: Mapped[int]
    device: Mapped[str] = mapped_column(String(80))
    place: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None] = mapped_column(String(80))


class Link(Base):
    """A mailed link that proves an address or lets somebody choose a password, once."""

    __tablename__ = "links"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    nonce: Mapped[str] = mapped_column(String(32))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    org_id: Mapped[int | None] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), index=True
    )
    email: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class Organization(Audited, Base):
    """A customer of the platform."""

    __tablename__ = "organizations"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(16), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(String(400), info=UNRECORDED)
    search_text: Mapped[str] = mapped_column(Text, info=UNRECORDED)

    logo: Mapped[str | None] = mapped_column(ForeignKey("logos.digest"), index=True)
    alert_email: Mapped[str | None] = mapped_column(String(254))
    alert_email_new: Mapped[str | None] = mapped_column(String(254))
    alerts_off: Mapped[str | None] = mapped_column(String(100))
    """What the alert address does not hear of: values of `Alert`, joined by `, `."""
    overview: Mapped[str | None] = mapped_column(Text)
    sales_email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(20))
    website: Mapped[str | None] = mapped_column(String(500))
    twitter: Mapped[str | None] = mapped_column(String(15))
    is_listed: Mapped[bool] = mapped_column(default=False)
    confirmed_at: Mapped[datetime | None]

    stage: Mapped[Stage] = mapped_column(default=Stage.FREE)
    stage_entered_at: Mapped[datetime]
    rep_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    target_on: Mapped[date | None]
    next_step: Mapped[str | None] = mapped_column(String(200))
    next_step_on: Mapped[date | None]
    """The day on which the next step is due, the last one that is in time."""
    snoozed_until: Mapped[date | None]
    """The day from which on it may count as stuck again."""
    requested_at: Mapped[datetime | None]
    request_note: Mapped[str | None] = mapped_column(Text)

    created_at: Mapped[datetime]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    deleted_at: Mapped[datetime | None]
    last_active_at: Mapped[datetime] = mapped_column(
        default=_now, server_default=text("'2000-01-01 00:00:00'"), info=UNRECORDED
    )
    """As `core.accounts.presence` notes it; never before it was created."""
    member_count: Mapped[int] = mapped_column(default=0, info=UNRECORDED)
    member_limit: Mapped[int | None]
    """How many members it may have, if an administrator has set a limit."""
    version: Mapped[int] = mapped_column(default=0, info=UNRECORDED)

    __table_args__ = (
        Index("ix_organizations_stage_id", "stage", "id", "deleted_at"),
        Index("ix_organizations_name_key_id", "name_key", "id"),
        Index("ix_organizations_member_count_id", "member_count", "id", "deleted_at"),
        Index("ix_organizations_stage_entered_at_id", "stage_entered_at", "id"),
        Index("ix_organizations_created_at_id", "created_at", "id", "deleted_at"),
        Index("ix_organizations_last_active_at_id", "last_active_at", "id", "deleted_at"),
        index_where(IS_LARGE, "ix_organizations_large", "member_count", "id", *_LOOKED_AT),
        index_where(_IS_COMPLETE, "ix_organizations_is_complete", "id"),
        index_where(_IS_INCOMPLETE, "ix_organizations_is_incomplete", "id"),
        Index("ix_organizations_rep_id_stage_id", "rep_id", "stage", "id", "deleted_at"),
        Index("ix_organizations_stage_entered", "stage", "stage_entered_at", "id"),
        Index("ix_organizations_rep_entered", "rep_id", "stage", "stage_entered_at", "id"),
        index_where(_HAS_STEP, "ix_organizations_next_step_on", "next_step_on", "id"),
        index_where(_HAS_STEP, "ix_organizations_stage_next", "stage", "next_step_on", "id"),
        index_where(_HAS_STEP, "ix_organizations_rep_next", *_REP_STAGE, "next_step_on", "id"),
        index_where(
            "requested_at IS NOT NULL", "ix_organizations_requested_at_id", "requested_at", "id"
        ),
        index_where("deleted_at IS NOT NULL", "ix_organizations_deleted_at", "deleted_at"),
        index_where("is_listed", "ix_organizations_is_listed", "id"),
        UNIQUE_FOREVER,
    )


class Logo(Base):
    """A picture that we encoded, by the SHA-256 of its bytes; organizations may share one."""

    __tablename__ = "logos"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    png: Mapped[bytes]
    thumbnail: Mapped[bytes]
    created_at: Mapped[datetime]


class Membership(Audited, Base):
    """One person's place in one organization; a row here is always live."""

    __tablename__ = "memberships"

    id: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[int] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    role: Mapped[Role]
    joined_at: Mapped[datetime]
    found_by: Mapped[str] = mapped_column(
        String(400), default="", server_default="", info=UNRECORDED
    )
    """Name and address in small letters, to order and to search by; the database fills it in."""

    __table_args__ = (
        UniqueConstraint("org_id", "user_id"),
        Index("ix_memberships_org_id_role", "org_id", "role"),
        Index("ix_memberships_org_id_found_by", "org_id", "found_by", "role", "id"),
        Index("ix_memberships_org_id_joined_at", "org_id", "joined_at"),
        UNIQUE_FOREVER,
    )


class FormerMembership(Base):
    """What a removed person was, kept so that the old role can be given back."""

    __tablename__ = "former_memberships"

    org_id: Mapped[int] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[Role]
    joined_at: Mapped[datetime]
    removed_at: Mapped[datetime] = mapped_column(index=True)
    removed_by: Mapped[int | None]
    """Who ended the membership: somebody else, or the person, who left."""

    __table_args__ = (Index("ix_former_memberships_org_id_removed_at", "org_id", "removed_at"),)


class Invitation(Audited, Base):
    """An offer of a role in an organization to whoever reads mail at an address."""

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[int] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(String(254), info=PRIVATE)
    email_key: Mapped[str] = mapped_column(String(512), index=True, info=UNRECORDED)
    role: Mapped[Role]
    status: Mapped[InvitationStatus] = mapped_column(default=InvitationStatus.PENDING)
    invited_by: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    nonce: Mapped[str] = mapped_column(String(32), info=PRIVATE)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True, info=UNRECORDED)
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    reminded_at: Mapped[datetime | None] = mapped_column(info=UNRECORDED)
    answered_at: Mapped[datetime | None]
    mail_id: Mapped[int | None] = mapped_column(
        ForeignKey("mails.id", ondelete="SET NULL"), info=UNRECORDED
    )

    __table_args__ = (
        Index("ix_invitations_org_id_id", "org_id", "id"),
        Index("ix_invitations_org_id_status", "org_id", "status", "expires_at"),
        index_where(
            "status = 'pending' AND reminded_at IS NULL", "ix_invitations_unreminded", "sent_at"
        ),
        Index(
            "uq_invitations_pending",
            "org_id",
            "email_key",
            unique=True,
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        UNIQUE_FOREVER,
    )


class Mail(Base):
    """A message that is due, being sent, sent, or given up: the outbox."""

    __tablename__ = "mails"

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(String(80), unique=True)
    template: Mapped[str] = mapped_column(String(40))
    context: Mapped[dict[str, Any]]
    recipient: Mapped[str] = mapped_column(String(254))
    org_id: Mapped[int | None] = mapped_column(
        ForeignKey("organizations.id", ondelete="SET NULL"), index=True
    )
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    """When it is to be tried next; empty once it is sent or given up."""
    claimed_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None] = mapped_column(index=True)
    error: Mapped[str | None] = mapped_column(String(500))
    """What the mail server said last, in its own words."""

    __table_args__ = (
        index_where("due_at IS NOT NULL", "ix_mails_due_at", "due_at"),
        index_where("sent_at IS NULL AND due_at IS NULL", "ix_mails_given_up", "id"),
        index_where(f"{_IS_UNSENT} AND error IS NOT NULL", "ix_mails_retrying", "id"),
        index_where(f"{_IS_UNSENT} AND error IS NULL", "ix_mails_waiting", "id"),
    )


class Entry(Base):
    """One change, made by one use case: a line of history that nobody can alter."""

    __tablename__ = "history"

    id: Mapped[int] = mapped_column(primary_key=True)
    chain: Mapped[str] = mapped_column(String(40))
    """`org:12` or, where there is no organization, `person:5`."""
    position: Mapped[int]
    at: Mapped[datetime]
    actor_id: Mapped[int | None] = mapped_column(index=True)
    """Empty when Orgdesk itself did it."""
    org_id: Mapped[int | None]
    event: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(60))
    """The row it is about, such as `memberships:7`."""
    person_id: Mapped[int | None] = mapped_column(index=True)
    """The person it happened to, if it happened to one."""
    changes: Mapped[list[dict[str, Any]]]
    """`[{"row": "memberships:7", "field": "role", "old": "member", "new": "admin"}, …]`."""
    reason: Mapped[str] = mapped_column(String(500))
    mac: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        UniqueConstraint("chain", "position"),
        Index("ix_history_org_id_id", "org_id", "id"),
    )


class ChainHead(Base):
    """The last entry of each chain, so that a missing end is noticed too."""

    __tablename__ = "chain_heads"

    chain: Mapped[str] = mapped_column(String(40), primary_key=True)
    position: Mapped[int]
    mac: Mapped[str] = mapped_column(String(64))
    news_from: Mapped[int | None]
    """The first position that `dispatch` has not read yet; empty when it knows all of it."""

    __table_args__ = (index_where("news_from IS NOT NULL", "ix_chain_heads_news_from", "chain"),)


class Throttle(Base):
    """How often something was tried in one window of time."""

    __tablename__ = "throttles"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    hits: Mapped[int]
    ends_at: Mapped[datetime] = mapped_column(index=True)


class Lock(Base):
    """A row to be touched before deciding something that belongs to no organization or person."""

    __tablename__ = "locks"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    n: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None]
    """For work that several processes share: when it is to be done next."""

    __table_args__ = (CheckConstraint("n >= 0", name="counts_up"),)
