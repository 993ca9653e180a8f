"""The kinds of runs that there are. Nothing else is ever run, whatever the database says."""

from typing import Final

from pydantic import ValidationError

from core.bulk_edit import bulk_edit
from core.changes import run_undo
from core.imports import imports
from core.models import Run
from core.onboarding import bulk_flag
from core.runs.kinds import Kinds

RUN_TYPES: Final[Kinds] = {
    kind.name: kind for kind in (bulk_flag.FLAG, bulk_edit.EDIT, imports.IMPORT, run_undo.UNDO)
}


def title(kind: str, params: dict[str, object]) -> str:
    """Return what a run does, in words; only its kind if its parameters can't be read."""
    try:
        known = RUN_TYPES[kind]
        return known.title(known.params.model_validate(params))
    except (KeyError, ValidationError):
        return kind.capitalize()


def noun(kind: str) -> str:
    """Return what an item of a run is called when they are counted."""
    return RUN_TYPES[kind].noun if kind in RUN_TYPES else "item"


def title_of(run: Run) -> str:
    """Return what a run does, in words."""
    return title(run.kind, run.params)
