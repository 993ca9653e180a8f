"""The audit log: entries in hash chains, the head of each chain, checkpoints over all heads."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.models.orm import Base, partial_index

HAS_MOVED: Final = "summed_position IS NULL OR summed_position <> position"
"""Condition of an index: heads that are to be part of the next checkpoint."""
IS_ABOUT_LOGO: Final = "event = 'logo.changed' OR event = 'logo.removed'"
"""Condition of an index: entries that name the pictures of logos."""


class Entry(Base):
    """An entry of the audit log: the changes made by one use case; it is never altered."""

    __tablename__ = "history"

    id: Mapped[int] = mapped_column(primary_key=True)
    chain: Mapped[str] = mapped_column(String(40))
    """`org:12`, or `person:5` for entries without an organization."""
    position: Mapped[int]
    at: Mapped[datetime]
    actor_id: Mapped[int | None]
    """None if Orgdesk itself made the change."""
    org_id: Mapped[int | None]
    event: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(60))
    """The row that it is mainly about, such as `memberships:7`."""
    person_id: Mapped[int | None]
    """The person who was affected, if any."""
    changes: Mapped[list[dict[str, Any]]]
    """`[{"row": "memberships:7", "field": "role", "old": "member", "new": "admin"}, …]`."""
    reason: Mapped[str] = mapped_column(String(500))
    mac: Mapped[str] = mapped_column(String(64))
    """HMAC of the entry and of the one before it."""
    seal: Mapped[int] = mapped_column(default=2, server_default="1")
    """What `mac` covers: 1 the columns before it, 2 those after it as well."""
    run_id: Mapped[int | None]
    """The bulk job that made the changes, if any."""
    undoes_id: Mapped[int | None]
    """The earlier entry of the same chain whose changes were undone, if any."""
    key_id: Mapped[str | None] = mapped_column(String(8))
    """The secret key of `mac`; None, in entries with seal 1, is the first one."""

    __table_args__ = (
        UniqueConstraint("chain", "position"),
        Index("ix_history_org_id_id", "org_id", "id"),
        partial_index(IS_ABOUT_LOGO, "ix_history_logos", "id"),
        Index("ix_history_actor_id_id", "actor_id", "id"),
        Index("ix_history_person_id_id", "person_id", "id"),
        Index("ix_history_event_id", "event", "id"),
        Index("ix_history_at_id", "at", "id"),
        partial_index("run_id IS NOT NULL", "ix_history_run_id_id", "run_id", "id"),
        partial_index("undoes_id IS NOT NULL", "ix_history_undoes_id", "undoes_id"),
    )


class EntryText(Base):
    """The words of an entry for full-text search; unlike history it can be made again."""

    __tablename__ = "history_texts"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """The id of the entry."""
    search_text: Mapped[str] = mapped_column(Text)


class SecretKey(Base):
    """A secret key that history was sealed with, by its id and proof; never the key itself."""

    __tablename__ = "secret_keys"

    id: Mapped[str] = mapped_column(String(8), primary_key=True)
    proof: Mapped[str] = mapped_column(String(64))
    """HMAC of a constant, by which the key is recognized."""
    public_key: Mapped[str] = mapped_column(String(64))
    """The Ed25519 key, in hexadecimal, that verifies checkpoints and receipts."""
    created_at: Mapped[datetime]


class ChainHead(Base):
    """The end of a hash chain, which reveals entries missing there.

    Every organization and every account has one from the beginning, with position 0 until its
    first entry.
    """

    __tablename__ = "chain_heads"

    chain: Mapped[str] = mapped_column(String(40), primary_key=True)
    position: Mapped[int]
    mac: Mapped[str] = mapped_column(String(64))
    news_from: Mapped[int | None]
    """The first position that was not dispatched yet; None if all were."""
    digest: Mapped[str | None] = mapped_column(String(64))
    """The running SHA-256 of all entries, which needs no key; see `core.audit.receipt_verifier`."""
    seal: Mapped[str | None] = mapped_column(String(64))
    """HMAC of chain, position, mac and digest; None if an upgrade found the chain broken."""
    key_id: Mapped[str | None] = mapped_column(String(8), ForeignKey("secret_keys.id"))
    """The secret key of `seal`."""
    summed_position: Mapped[int | None]
    """The position that is part of the newest checkpoint; None if the chain is not yet."""
    summed_digest: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (
        partial_index("news_from IS NOT NULL", "ix_chain_heads_news_from", "chain"),
        partial_index(HAS_MOVED, "ix_chain_heads_moved", "chain"),
    )


class Checkpoint(Base):
    """A signed sum of the heads of all chains; it is never altered."""

    __tablename__ = "checkpoints"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    chains: Mapped[int]
    entries: Mapped[int]
    total: Mapped[bytes]
    """LtHash: the sum of 1,024 numbers of 16 bits per head."""
    before: Mapped[str] = mapped_column(String(64))
    """The name of the checkpoint before it."""
    key_id: Mapped[str] = mapped_column(String(8))
    signature: Mapped[str] = mapped_column(String(128))
