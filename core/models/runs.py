"""Runs, which are bulk jobs, and the list of what each is about."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.enums import ItemState, RunStatus
from core.models.orm import NEVER_REUSE_IDS, Base, partial_index


class Run(Base):
    """A bulk job over a list of items that was written down before it started."""

    __tablename__ = "runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    actor_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    """A name in `core.ops.run_types`."""
    params: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(String(500), default="")
    view: Mapped[str] = mapped_column(Text, default="")
    """The query of the list whose rows were all selected; empty if single rows were."""
    status: Mapped[RunStatus] = mapped_column(default=RunStatus.PROPOSED)
    undoes_run_id: Mapped[int | None]
    digest: Mapped[str] = mapped_column(String(64), default="")
    """SHA-256 of the kind, the parameters, the reason and the items."""
    total: Mapped[int]
    """Items; the following three are counts of those that were worked on."""
    done: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(index=True)
    started_at: Mapped[datetime | None]
    """When it was confirmed."""
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str] = mapped_column(String(500), default="")
    """Why it ended early, in a sentence."""
    dismissed_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_runs_actor_id_id", "actor_id", "id"),
        partial_index("status = 'going'", "ix_runs_going", "id"),
        partial_index("undoes_run_id IS NOT NULL", "ix_runs_undoes_run_id", "undoes_run_id", "id"),
        NEVER_REUSE_IDS,
    )


class RunItem(Base):
    """One item of a run, and what became of it."""

    __tablename__ = "run_items"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    """Its place in the list, from 1."""
    org_id: Mapped[int | None]
    entry_id: Mapped[int | None]
    """The entry of history that it undoes, if any."""
    input: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What is put into it, if the kind of the run needs more than its parameters."""
    base: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The values that the input was compared with."""
    state: Mapped[ItemState] = mapped_column(default=ItemState.WAITING)
    why: Mapped[str] = mapped_column(Text, default="")
    """Why it was refused or skipped, in a sentence."""

    __table_args__ = (
        Index("ix_run_items_run_id_state_n", "run_id", "state", "n"),
        partial_index("input IS NOT NULL", "ix_run_items_with_input", "run_id", "n"),
    )
