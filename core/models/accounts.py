"""The nouns beside an account: what proves who somebody is, and for whom an administrator acts."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.orm import Base


class SecondFactor(Base):
    """What a person's authenticator app shares with Orgdesk, encrypted."""

    __tablename__ = "second_factors"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    secret: Mapped[str | None] = mapped_column(String(200))
    offered: Mapped[str | None] = mapped_column(String(200))
    """A secret that waits for the first code made with it."""
    last_step: Mapped[int] = mapped_column(default=0)
    """The half minute, counted from 1970, of the last code taken: none is taken twice."""


class RecoveryCode(Base):
    """What stands in for a code of the authenticator app, once."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("user_id", "code_hash"),)


class Challenge(Base):
    """A password that was right, in one connection, and waits some minutes for the code.

    Nobody is signed in by it.
    """

    __tablename__ = "challenges"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    connection_hash: Mapped[str] = mapped_column(String(64), unique=True)
    password_epoch: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(index=True)


class StandIn(Base):
    """An administrator who may for a while do in one organization what its owners may."""

    __tablename__ = "stand_ins"

    id: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[int] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    reason: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    """When it was ended before its time, by whoever stood in."""

    __table_args__ = (
        Index(
            "uq_stand_ins_open",
            "org_id",
            "user_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
