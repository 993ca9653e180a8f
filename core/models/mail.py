"""The outbox, and the digests that collect items until they are sent together."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.orm import Base, index_where

_IS_UNSENT = "sent_at IS NULL AND due_at IS NOT NULL"


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


class DigestItem(Base):
    """One thing that somebody is to hear of, until the mail that tells it is queued."""

    __tablename__ = "digest_items"

    id: Mapped[int] = mapped_column(primary_key=True)
    reader: Mapped[str] = mapped_column(String(80))
    """`org:12`, the alert address of an organization, or `person:5`."""
    org_id: Mapped[int | None] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), index=True
    )
    topic: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(512))
    detail: Mapped[str] = mapped_column(Text)
    page: Mapped[str] = mapped_column(String(80))
    """Where the line leads: `onboarding?org=ORG-7K3M9QX`."""
    at: Mapped[datetime]

    __table_args__ = (Index("ix_digest_items_reader_id", "reader", "id"),)


class Digest(Base):
    """When somebody was told last, and is to be told next: one row for each reader."""

    __tablename__ = "digests"

    reader: Mapped[str] = mapped_column(String(80), primary_key=True)
    due_at: Mapped[datetime | None]
    """When the lines that wait are to be told; empty while none do."""
    sent_at: Mapped[datetime | None]
    mail_id: Mapped[int | None] = mapped_column(
        ForeignKey("mails.id", ondelete="SET NULL"), index=True
    )
    """The mail that told last."""
    is_off: Mapped[bool] = mapped_column(default=False)
    """Whether a person asked for no digests."""

    __table_args__ = (index_where("due_at IS NOT NULL", "ix_digests_due_at", "due_at"),)


class LastNotification(Base):
    """What the rep of an organization was told of it last, so that it is not told again."""

    __tablename__ = "last_notifications"

    org_id: Mapped[int] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True
    )
    topic: Mapped[str] = mapped_column(String(20), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
