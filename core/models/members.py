"""Memberships, invitations, and offers of ownership."""

from datetime import datetime
from typing import Final

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    case,
    literal_column,
    text,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from core.models.enums import InvitationStatus, Role
from core.models.orm import (
    NEVER_REUSE_IDS,
    PRIVATE,
    UNRECORDED,
    Audited,
    Base,
    partial_index,
    search_text_of,
    sorted_by_bytes,
)

ROLE_ORDER: Final[ColumnElement[int]] = literal_column(
    "CASE memberships.role WHEN 'owner' THEN 0 WHEN 'admin' THEN 1 ELSE 2 END"
)
"""The order of roles, owners first, literally as in its index, so that both engines use it."""


class Membership(Audited, Base):
    """A person's current membership in an organization."""

    __tablename__ = "memberships"

    id: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[int] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    role: Mapped[Role]
    joined_at: Mapped[datetime]
    found_by: Mapped[str] = mapped_column(
        sorted_by_bytes(400), default="", server_default="", info=UNRECORDED
    )
    """The search text of the user, for sorting and searching; maintained by triggers."""

    __table_args__ = (
        UniqueConstraint("org_id", "user_id"),
        Index("ix_memberships_org_id_role", "org_id", "role"),
        Index("ix_memberships_org_id_found_by", "org_id", "found_by", "role", "id"),
        Index("ix_memberships_org_id_joined_at", "org_id", "joined_at"),
        Index(
            "ix_memberships_org_id_role_order",
            "org_id",
            text("(CASE role WHEN 'owner' THEN 0 WHEN 'admin' THEN 1 ELSE 2 END)"),
            "found_by",
            "id",
        ),
        NEVER_REUSE_IDS,
    )

    @hybrid_property
    def rank(self) -> int:
        """Return the rank of the role, also in queries: roles in order, owners last."""
        return self.role.rank

    @rank.inplace.expression
    @classmethod
    def _rank(cls) -> ColumnElement[int]:
        return case({role: role.rank for role in Role}, value=cls.role)


class FormerMembership(Base):
    """A past membership, kept so that the person can be reinstated with the old role."""

    __tablename__ = "former_memberships"

    org_id: Mapped[int] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[Role]
    joined_at: Mapped[datetime]
    removed_at: Mapped[datetime] = mapped_column(index=True)
    removed_by: Mapped[int | None]
    """Who ended the membership; the person's own id if they left."""

    __table_args__ = (Index("ix_former_memberships_org_id_removed_at", "org_id", "removed_at"),)


class Invitation(Audited, Base):
    """An invitation of an email address to an organization."""

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[int] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(String(254), info=PRIVATE)
    email_key: Mapped[str] = mapped_column(String(512), index=True, info=UNRECORDED)
    search_text: Mapped[str] = mapped_column(
        Text, default=search_text_of("email"), server_default="", info=UNRECORDED
    )
    role: Mapped[Role]
    status: Mapped[InvitationStatus] = mapped_column(default=InvitationStatus.PENDING)
    invited_by: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    run_id: Mapped[int | None]
    """The import that made it, in place of a member who may invite."""
    nonce: Mapped[str] = mapped_column(String(32), info=PRIVATE)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True, info=UNRECORDED)
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    reminded_at: Mapped[datetime | None] = mapped_column(info=UNRECORDED)
    answered_at: Mapped[datetime | None]
    mail_id: Mapped[int | None] = mapped_column(
        ForeignKey("mails.id", ondelete="SET NULL"), info=UNRECORDED
    )

    __table_args__ = (
        Index("ix_invitations_org_id_id", "org_id", "id"),
        Index("ix_invitations_org_id_status", "org_id", "status", "expires_at"),
        partial_index(
            "status = 'pending' AND reminded_at IS NULL", "ix_invitations_unreminded", "sent_at"
        ),
        Index(
            "uq_invitations_pending",
            "org_id",
            "email_key",
            unique=True,
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        NEVER_REUSE_IDS,
    )


class Handover(Audited, Base):
    """An owner's offer to hand the ownership over to a member."""

    __tablename__ = "handovers"

    id: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[int] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    from_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    to_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    role_after: Mapped[Role]
    """The old owner's role after the offer is accepted."""
    status: Mapped[InvitationStatus] = mapped_column(default=InvitationStatus.PENDING)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_handovers_pending",
            "org_id",
            "from_id",
            unique=True,
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        Index("ix_handovers_org_id", "org_id"),
        NEVER_REUSE_IDS,
    )
