"""What probable duplicates are found by, the pairs that were found, and those that are none."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.models.orm import NEVER_REUSE_IDS, Audited, Base, sorted_by_bytes


class UnmatchedOrganization(Base):
    """An organization to be matched with the others; triggers add it whenever it has changed."""

    __tablename__ = "unmatched_organizations"

    id: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[int]

    __table_args__ = (NEVER_REUSE_IDS,)


class DuplicateKey(Base):
    """Something that an organization shares with its duplicates, such as `website:acme.com`."""

    __tablename__ = "duplicate_keys"

    org_id: Mapped[int] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(sorted_by_bytes(160), primary_key=True)

    __table_args__ = (
        Index("ix_duplicate_keys_key_org_id", "key", "org_id"),
        {"sqlite_with_rowid": False},
    )


class DuplicatePair(Base):
    """Two organizations that may be one, the one with the smaller id first."""

    __tablename__ = "duplicate_pairs"

    first_id: Mapped[int] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True
    )
    second_id: Mapped[int] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    score: Mapped[int]
    """How likely it is, in percent."""
    reasons: Mapped[str] = mapped_column(String(60))
    """Values of `core.organizations.look_alikes.Reason`, joined by spaces."""

    __table_args__ = (
        Index("ix_duplicate_pairs_score_first_id_second_id", "score", "first_id", "second_id"),
        {"sqlite_with_rowid": False},
    )


class DuplicateGroup(Base):
    """A key that too many organizations share for their pairs to mean anything."""

    __tablename__ = "duplicate_groups"

    key: Mapped[str] = mapped_column(sorted_by_bytes(160), primary_key=True)
    size: Mapped[int]

    __table_args__ = (Index("ix_duplicate_groups_size_key", "size", "key"),)


class NotDuplicate(Audited, Base):
    """Two organizations that someone has looked at: they are not the same.

    It refers to them by plain ids, as it stays when one of them is purged.
    """

    __tablename__ = "not_duplicates"

    id: Mapped[int] = mapped_column(primary_key=True)
    first_id: Mapped[int]
    """The smaller id."""
    second_id: Mapped[int]
    organizations: Mapped[str] = mapped_column(String(40))
    """Their Organization IDs in words, `ORG-… and ORG-…`, for history."""
    user_id: Mapped[int]
    """Who said so."""
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("first_id", "second_id"), NEVER_REUSE_IDS)
