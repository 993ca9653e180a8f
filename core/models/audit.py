"""The audit log: entries in hash chains, and the head of each chain."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.models.orm import Base, partial_index


class Entry(Base):
    """An entry of the audit log: the changes made by one use case; it is never altered."""

    __tablename__ = "history"

    id: Mapped[int] = mapped_column(primary_key=True)
    chain: Mapped[str] = mapped_column(String(40))
    """`org:12`, or `person:5` for entries without an organization."""
    position: Mapped[int]
    at: Mapped[datetime]
    actor_id: Mapped[int | None] = mapped_column(index=True)
    """None if Orgdesk itself made the change."""
    org_id: Mapped[int | None]
    event: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(60))
    """The row that it is mainly about, such as `memberships:7`."""
    person_id: Mapped[int | None] = mapped_column(index=True)
    """The person who was affected, if any."""
    changes: Mapped[list[dict[str, Any]]]
    """`[{"row": "memberships:7", "field": "role", "old": "member", "new": "admin"}, …]`."""
    reason: Mapped[str] = mapped_column(String(500))
    mac: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        UniqueConstraint("chain", "position"),
        Index("ix_history_org_id_id", "org_id", "id"),
    )


class ChainHead(Base):
    """The last entry of a hash chain, which reveals entries missing at the end."""

    __tablename__ = "chain_heads"

    chain: Mapped[str] = mapped_column(String(40), primary_key=True)
    position: Mapped[int]
    mac: Mapped[str] = mapped_column(String(64))
    news_from: Mapped[int | None]
    """The first position that was not dispatched yet; None if all were."""

    __table_args__ = (partial_index("news_from IS NOT NULL", "ix_chain_heads_news_from", "chain"),)
