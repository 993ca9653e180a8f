"""The tables of the staff's desk: what carries organizations from a free account to production."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import UNIQUE_FOREVER, Base, one_of
from core.kinds import Stage


class Move(Base):
    """One move of an organization from a stage to another, as it was made; it is never altered."""

    __tablename__ = "moves"

    id: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[int] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    from_stage: Mapped[Stage] = mapped_column(one_of(Stage, "from_stage"))
    to_stage: Mapped[Stage] = mapped_column(one_of(Stage, "to_stage"))
    actor_id: Mapped[int | None]
    """Who moved it; like in history it outlives the account."""
    rep_id: Mapped[int | None]
    """The sales rep who carried it at that moment."""
    days: Mapped[int]
    """Working days spent in the stage that was left."""
    is_override: Mapped[bool] = mapped_column(default=False)
    """Whether an administrator let it through a gate whose checks had failed."""
    missing: Mapped[str] = mapped_column(Text, default="")
    """The checks that had failed when it was let through, a line for each."""
    reason: Mapped[str] = mapped_column(String(500), default="")

    __table_args__ = (
        Index("ix_moves_org_id_id", "org_id", "id"),
        Index("ix_moves_at", "at", "from_stage", "to_stage", "days", "rep_id"),
        Index("ix_moves_rep_id_at", "rep_id", "at", "from_stage", "to_stage", "days"),
        UNIQUE_FOREVER,
    )
