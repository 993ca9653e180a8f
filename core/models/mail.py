"""The tables of what is to be told: lines that wait for a mail, and when each reader is told."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.orm import Base, index_where


class Line(Base):
    """One thing that somebody is to hear of, until the mail that tells it is queued."""

    __tablename__ = "lines"

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

    __table_args__ = (Index("ix_lines_reader_id", "reader", "id"),)


class Digest(Base):
    """When somebody was told last, and is to be told next: one row for each reader."""

    __tablename__ = "digests"

    reader: Mapped[str] = mapped_column(String(80), primary_key=True)
    due_at: Mapped[datetime | None]
    """When the lines that wait are to be told; empty while none do."""
    told_at: Mapped[datetime | None]
    mail_id: Mapped[int | None] = mapped_column(
        ForeignKey("mails.id", ondelete="SET NULL"), index=True
    )
    """The mail that told last."""
    is_off: Mapped[bool] = mapped_column(default=False)
    """Whether a person asked for no digests."""

    __table_args__ = (index_where("due_at IS NOT NULL", "ix_digests_due_at", "due_at"),)


class Told(Base):
    """What the rep of an organization was told of it last, so that it is not told again."""

    __tablename__ = "told"

    org_id: Mapped[int] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True
    )
    topic: Mapped[str] = mapped_column(String(20), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
