"""The way from a free account to production: which moves there are, and what each gate asks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from core.members import membership_rows
from core.members.membership_rows import Owners
from core.models import Organization, Stage


class Way(StrEnum):
    """How an organization comes from one stage to another."""

    FLAG = "flag"
    MOVE_ON = "move on"
    WITHDRAW = "withdraw"


EDGES: Final = {
    (Stage.FREE, Stage.ONBOARDING): Way.FLAG,
    (Stage.ONBOARDING, Stage.PREPRODUCTION): Way.MOVE_ON,
    (Stage.PREPRODUCTION, Stage.PRODUCTION): Way.MOVE_ON,
    (Stage.ONBOARDING, Stage.FREE): Way.WITHDRAW,
    (Stage.PREPRODUCTION, Stage.ONBOARDING): Way.WITHDRAW,
    (Stage.PREPRODUCTION, Stage.FREE): Way.WITHDRAW,
    (Stage.PRODUCTION, Stage.PREPRODUCTION): Way.WITHDRAW,
}
"""Every move there is, from where to where; no stage is skipped on the way forward."""

FORWARD: Final = {start: end for (start, end), way in EDGES.items() if way is not Way.WITHDRAW}
"""Each stage and the one that follows it."""
BACK: Final = {
    stage: tuple(
        end for (start, end), way in EDGES.items() if start is stage and way is Way.WITHDRAW
    )
    for stage in Stage
}
"""Where an organization may be withdrawn to, always with a reason."""


@dataclass(frozen=True)
class Check:
    """One thing that the next stage needs, in words for when it is there and when it is not.

    `page` is where it is mended.
    """

    done: str
    lack: str
    is_met: bool
    page: str

    @property
    def name(self) -> str:
        """Return how it stands."""
        return self.done if self.is_met else self.lack


def checks(session: Session, org: Organization) -> list[Check]:
    """Return what the gate to the next stage looks at; empty where nothing is asked."""
    return checks_of(session, [org])[org.id]


def checks_of(session: Session, orgs: Sequence[Organization]) -> dict[int, list[Check]]:
    """Return the same for many organizations, by id; at most one query."""
    asked = [org.id for org in orgs if org.stage is Stage.PREPRODUCTION]
    owners = membership_rows.count_owners_of(session, asked) if asked else {}
    nobody = Owners(0, 0)
    return {
        org.id: _GATES[org.stage](org, owners.get(org.id, nobody)) if org.stage in _GATES else []
        for org in orgs
    }


def _needs_for_preproduction(org: Organization, _owners: Owners) -> list[Check]:
    return [
        Check(
            "Alert email address is confirmed",
            "Alert email address is not confirmed",
            bool(org.alert_email),
            "profile",
        ),
        _filled("Company overview", org.overview),
        _filled("Sales email", org.sales_email),
        _filled("Phone", org.phone),
        _filled("Public website", org.website),
    ]


def _filled(label: str, value: str | None) -> Check:
    return Check(f"{label} is filled in", f"{label} is empty", bool(value), "profile")


def _needs_for_production(org: Organization, owners: Owners) -> list[Check]:
    proven = owners.with_two_factor == owners.number
    return [
        Check("There are two owners", "There is only one owner", owners.number >= 2, "members"),
        Check("Every owner has two-factor", "An owner is without two-factor", proven, "members"),
        Check("The logo is there", "The logo is missing", org.logo is not None, "profile"),
    ]


_GATES: Final[dict[Stage, Callable[[Organization, Owners], list[Check]]]] = {
    Stage.ONBOARDING: _needs_for_preproduction,
    Stage.PREPRODUCTION: _needs_for_production,
}
