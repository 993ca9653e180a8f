"""Kinds of runs: what a run can do to each of its items.

A kind is added in three steps. Its package has the parameters, a check, and a function for an item:

    class Params(kinds.Params):
        stage: Stage

    def _check(session: Session, actor: Actor, params: Params) -> None:
        access_staff(session, actor, Action.MOVE_STAGES)   # and what the parameters refer to

    def _apply(session: Session, actor: Actor, run: Run, item: RunItem, params: Params) -> None:
        ...                                                # the ordinary use case, for one item

    MOVE = Kind("move", Params, check=_check, apply=_apply, title=lambda params: "Move stages")

A function of its own proposes it, `runs.propose(session, actor, MOVE, params, items, reason=…)`;
the person confirms what was proposed, `runs.confirm(session, actor, run.id, shown=run.total)`; and
`core.ops.run_types` lists the kind: nothing else is ever run, whatever the database says.

`check` is called when the run is proposed and again in every transaction of the worker. `apply` is
called in a savepoint: a `DomainError` refuses the item with its sentence and changes nothing, and
`Skipped` leaves it out. Entries of history that it records have the number of the run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.base.errors import DomainError
from core.models import Run, RunItem


class Params(BaseModel):
    """The base class of parameters; anything unknown in a database is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=Params)


class Skipped(DomainError):
    """An item is left out, for the reason in the sentence; it is not counted as refused."""


@dataclass(frozen=True)
class Kind(Generic[P]):
    """A kind of run, by its name in the database."""

    name: str
    params: type[P]
    check: Callable[[Session, Actor, P], None]
    """Raises a `DomainError` if the actor may not do this now, or can no longer do it this way."""
    apply: Callable[[Session, Actor, Run, RunItem, P], None]
    title: Callable[[P], str]
    """Returns what the run does, in words for its list: `Flag for onboarding`."""
    noun: str = "organization"
    """What an item is called when they are counted."""

    def read(self, run: Run) -> P:
        """Return the parameters of a run, validated again."""
        return self.params.model_validate(run.params)


Kinds = Mapping[str, Kind[Any]]
