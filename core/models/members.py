"""More tables about people: ownership on its way from one hand to another."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.enums import InvitationStatus, Role
from core.models.orm import UNIQUE_FOREVER, Audited, Base


class Handover(Audited, Base):
    """An owner's offer to a member to become the owner in the owner's place."""

    __tablename__ = "handovers"

    id: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[int] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    from_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    to_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    role_after: Mapped[Role]
    """What the old owner is once the offer is accepted."""
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
        UNIQUE_FOREVER,
    )
