"""How made-up organizations came to the stage they are in: forward mostly, back now and then."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from core.models import Stage
from core.onboarding.stages import FORWARD, TRANSITIONS, Transition
from data.seed.names import SALES_IDS

ADMINISTRATOR_ID = 1
_LASTS = {Stage.ONBOARDING: 16, Stage.PREPRODUCTION: 45}
"""Days, on the average."""
_TURNS_BACK = 0.12
_IS_OVERRIDDEN = 0.08
_EVENTS = {
    Transition.FLAG: "stage.flagged",
    Transition.MOVE_ON: "stage.moved",
    Transition.WITHDRAW: "stage.withdrawn",
}
_WHY_BACK = (
    "Their new interface engine comes in spring.",
    "The contact has left; we start again with the successor.",
    "They asked for a break of some weeks.",
)
_WHY_OVERRIDDEN = "The contract is signed; they mend it in the first week."
_LACKS = {
    Stage.PREPRODUCTION: "Add a phone number",
    Stage.PRODUCTION: "Add a logo",
}


@dataclass(frozen=True)
class Step:
    """One move, as history and the table of moves tell it."""

    at: datetime
    start: Stage
    end: Stage
    actor_id: int
    event: str
    reason: str = ""
    missing: str = ""


def steps(random: Random, stage: Stage, created: datetime, now: datetime) -> Iterator[Step]:
    """Yield the moves that lead to a stage, the first one first."""
    ways = list(_ways(random, stage))
    for at, (start, to) in zip(_moments(random, stage, ways, created, now), ways, strict=True):
        way = TRANSITIONS[start, to]
        if way is Transition.MOVE_ON and random.random() < _IS_OVERRIDDEN:
            yield Step(
                *(at, start, to, ADMINISTRATOR_ID, "stage.overridden"),
                *(_WHY_OVERRIDDEN, _LACKS[to]),
            )
        else:
            why = random.choice(_WHY_BACK) if way is Transition.WITHDRAW else ""
            yield Step(at, start, to, random.choice(SALES_IDS), _EVENTS[way], why)


def _ways(random: Random, stage: Stage) -> Iterator[tuple[Stage, Stage]]:
    here = Stage.FREE
    while True:
        if random.random() < _TURNS_BACK and here in FORWARD:
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
    """Yield when each move was made: stages last some weeks, the last one began lately."""
    is_underway = stage in _LASTS
    lately = timedelta(days=random.uniform(0, 60) ** 2 / 60)
    end = max(created, now - lately) if is_underway else now
    stays = [random.expovariate(1 / _LASTS.get(start, 30)) for start, _ in ways]
    room = (end - created) / timedelta(days=1)
    scale = min(1, room / (sum(stays) or 1))
    spare = room - scale * sum(stays)
    at = created + timedelta(days=spare * (1 if is_underway else random.random()))
    for stay in stays:
        at += timedelta(days=scale * stay)
        yield at
