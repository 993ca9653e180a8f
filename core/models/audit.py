"""The audit log: entries in hash chains, and the head of each chain."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.models.orm import Base, index_where


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
