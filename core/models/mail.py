"""The outbox, and the digests that collect items until they are sent together."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.orm import Base, partial_index, search_text_of

_IS_UNSENT = "sent_at IS NULL AND due_at IS NOT NULL"


class Mail(Base):
    """An email in the outbox."""

    __tablename__ = "mails"

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(String(80), unique=True)
    template: Mapped[str] = mapped_column(String(40))
    context: Mapped[dict[str, Any]]
    recipient: Mapped[str] = mapped_column(String(254))
    search_text: Mapped[str] = mapped_column(
        Text, default=search_text_of("recipient"), server_default=""
    )
    org_id: Mapped[int | None] = mapped_column(
        ForeignKey("organizations.id", ondelete="SET NULL"), index=True
    )
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    """When it is tried next; None once it was sent or has failed for good."""
    claimed_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None] = mapped_column(index=True)
    error: Mapped[str | None] = mapped_column(String(500))
    """The last response of the mail server."""
    entry_id: Mapped[int | None]
    """The history entry whose change it reports, if any."""

    __table_args__ = (
        partial_index("entry_id IS NOT NULL", "ix_mails_entry_id", "entry_id"),
        partial_index("due_at IS NOT NULL", "ix_mails_due_at", "due_at"),
        partial_index("sent_at IS NULL AND due_at IS NULL", "ix_mails_given_up", "id"),
        partial_index(f"{_IS_UNSENT} AND error IS NOT NULL", "ix_mails_retrying", "id"),
        partial_index(f"{_IS_UNSENT} AND error IS NULL", "ix_mails_waiting", "id"),
    )


class DigestItem(Base):
    """An item of a digest, until the digest's email is queued."""

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
    """The page it links to: `onboarding?org=ORG-7K3M9QX`."""
    at: Mapped[datetime]
    run_id: Mapped[int | None]
    """The run that caused it; it waits until that has ended."""
    entry_id: Mapped[int | None]
    """The entry of history that it tells of."""
    field: Mapped[str] = mapped_column(String(80), server_default="")
    """What has changed, such as `phone`: an undo of this takes the item back.

    Empty for what is told in any case.
    """

    __table_args__ = (
        Index("ix_digest_items_reader_id", "reader", "id"),
        partial_index("entry_id IS NOT NULL", "ix_digest_items_entry_id", "entry_id"),
    )


class Digest(Base):
    """When a reader's digest was sent last, and when it is due next."""

    __tablename__ = "digests"

    reader: Mapped[str] = mapped_column(String(80), primary_key=True)
    due_at: Mapped[datetime | None]
    """When the pending items are sent; None if there are none."""
    sent_at: Mapped[datetime | None]
    mail_id: Mapped[int | None] = mapped_column(
        ForeignKey("mails.id", ondelete="SET NULL"), index=True
    )
    """The last email."""
    is_off: Mapped[bool] = mapped_column(default=False)
    """Whether a person switched digests off."""

    __table_args__ = (partial_index("due_at IS NOT NULL", "ix_digests_due_at", "due_at"),)


class LastNotification(Base):
    """What the sales rep of an organization was notified of last, so as not to repeat it."""

    __tablename__ = "last_notifications"

    org_id: Mapped[int] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True
    )
    topic: Mapped[str] = mapped_column(String(20), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
