"""The stage moves of sample organizations: mostly forward, sometimes back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from core.models import Stage
from core.onboarding.stages import FORWARD, TRANSITIONS, Transition
from data.seed.names import SALES_IDS

ADMINISTRATOR_ID = 1
_MEAN_DAYS = {Stage.ONBOARDING: 16, Stage.PREPRODUCTION: 45}
"""Days in a stage, on average."""
_BACK_SHARE = 0.12
_OVERRIDE_SHARE = 0.08
_EVENTS = {
    Transition.FLAG: "stage.flagged",
    Transition.MOVE_ON: "stage.moved",
    Transition.WITHDRAW: "stage.withdrawn",
}
_BACK_REASONS = (
    "Their new interface engine arrives in spring.",
    "The contact has left; we start again with the successor.",
    "They asked for a break of a few weeks.",
)
_OVERRIDE_REASON = "The contract is signed; they will add it in the first week."
_MISSING_CHECKS = {
    Stage.PREPRODUCTION: "Add a phone number",
    Stage.PRODUCTION: "Add a logo",
}


@dataclass(frozen=True)
class Move:
    """A stage move, as stored in history and in the table of moves."""

    at: datetime
    start: Stage
    end: Stage
    actor_id: int
    event: str
    reason: str = ""
    missing: str = ""


def generate(random: Random, stage: Stage, created: datetime, now: datetime) -> Iterator[Move]:
    """Yield the moves that lead to a stage, in order."""
    ways = list(_ways(random, stage))
    for at, (start, to) in zip(_moments(random, stage, ways, created, now), ways, strict=True):
        way = TRANSITIONS[start, to]
        if way is Transition.MOVE_ON and random.random() < _OVERRIDE_SHARE:
            yield Move(
                *(at, start, to, ADMINISTRATOR_ID, "stage.overridden"),
                *(_OVERRIDE_REASON, _MISSING_CHECKS[to]),
            )
        else:
            reason = random.choice(_BACK_REASONS) if way is Transition.WITHDRAW else ""
            yield Move(at, start, to, random.choice(SALES_IDS), _EVENTS[way], reason)


def _ways(random: Random, stage: Stage) -> Iterator[tuple[Stage, Stage]]:
    here = Stage.FREE
    while True:
        if random.random() < _BACK_SHARE and here in FORWARD:
            yield here, FORWARD[here]
            yield FORWARD[here], here
        if here is stage:
            return
        yield here, FORWARD[here]
        here = FORWARD[here]


def _moments(
    random: Random,
    stage: Stage,
    ways: list[tuple[Stage, Stage]],
    created: datetime,
    now: datetime,
) -> Iterator[datetime]:
    """Yield the time of each move: stages last for weeks, the current one began recently."""
    is_underway = stage in _MEAN_DAYS
    recent = timedelta(days=random.uniform(0, 60) ** 2 / 60)
    end = max(created, now - recent) if is_underway else now
    stays = [random.expovariate(1 / _MEAN_DAYS.get(start, 30)) for start, _ in ways]
    room = (end - created) / timedelta(days=1)
    scale = min(1, room / (sum(stays) or 1))
    spare = room - scale * sum(stays)
    at = created + timedelta(days=spare * (1 if is_underway else random.random()))
    for stay in stays:
        at += timedelta(days=scale * stay)
        yield at
