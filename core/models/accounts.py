"""Accounts: people, their sessions, emailed links and second factors."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text, true
from sqlalchemy.orm import Mapped, mapped_column

from core.models.enums import Staff
from core.models.orm import (
    NEVER_REUSE_IDS,
    PRIVATE,
    UNRECORDED,
    Audited,
    Base,
    partial_index,
    search_text_of,
)


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
    has_letter_keys: Mapped[bool] = mapped_column(
        default=True, server_default=true(), info=UNRECORDED
    )
    """Whether single letters are keys in tables and on the board."""
    search_text: Mapped[str] = mapped_column(
        Text, default=search_text_of("name", "email"), server_default="", info=UNRECORDED
    )
    version: Mapped[int] = mapped_column(default=0, info=UNRECORDED)

    __table_args__ = (
        Index("ix_users_staff", "staff", postgresql_where=text("staff IS NOT NULL")),
        partial_index("disabled_at IS NOT NULL", "ix_users_disabled_at", "disabled_at"),
        NEVER_REUSE_IDS,
    )


class Session(Base):
    """A person's session in one browser."""

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    ticket_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    password_epoch: Mapped[int]
    device: Mapped[str] = mapped_column(String(80))
    ip_address: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None] = mapped_column(String(80))


class Link(Base):
    """An emailed link that confirms an address or resets a password, once."""

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


class SecondFactor(Base):
    """The encrypted TOTP secret of a person."""

    __tablename__ = "second_factors"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    secret: Mapped[str | None] = mapped_column(String(200))
    offered: Mapped[str | None] = mapped_column(String(200))
    """A new secret, until it is confirmed by its first code."""
    last_step: Mapped[int] = mapped_column(default=0)
    """The TOTP time step of the last accepted code; codes are accepted once."""


class RecoveryCode(Base):
    """A recovery code, which replaces a code of the authenticator app once."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("user_id", "code_hash"),)


class Challenge(Base):
    """A login whose password was right and whose second factor is still missing.

    It belongs to one connection and expires after some minutes.
    """

    __tablename__ = "challenges"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    connection_hash: Mapped[str] = mapped_column(String(64), unique=True)
    password_epoch: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(index=True)


class Upload(Base):
    """A file that a person has sent and not used yet."""

    __tablename__ = "uploads"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    content: Mapped[bytes]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (NEVER_REUSE_IDS,)


class Draft(Base):
    """What a person has typed into a form and not saved; without texts, it was just discarded."""

    __tablename__ = "drafts"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    form: Mapped[str] = mapped_column(String(120), primary_key=True)
    """The name of the form, and what it is about, such as an Organization ID."""
    texts: Mapped[dict[str, Any]]
    """What was typed, by field."""
    originals: Mapped[dict[str, Any]]
    """What the fields contained before, which tells whether somebody else has changed it since."""
    updated_at: Mapped[datetime] = mapped_column(index=True)
