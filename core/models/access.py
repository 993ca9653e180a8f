"""Impersonation, rate limits, and locks that belong to no organization or person."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.orm import Base


class Impersonation(Base):
    """An administrator's temporary right to act as an owner of one organization."""

    __tablename__ = "impersonations"

    id: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[int] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    reason: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    """When the administrator ended it, or when it was found to be over."""

    __table_args__ = (
        Index(
            "uq_impersonations_open",
            "org_id",
            "user_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class Throttle(Base):
    """The number of attempts in a window of a rate limit, or of failures since the last success."""

    __tablename__ = "throttles"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    hits: Mapped[int]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    blocked_until: Mapped[datetime | None]
    """When it may be tried again, where failures slow further attempts."""


class Lock(Base):
    """A lock for decisions that belong to no organization or person, and for background jobs."""

    __tablename__ = "locks"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    n: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None]
    """When a background job is due next."""

    __table_args__ = (CheckConstraint("n >= 0", name="counts_up"),)
