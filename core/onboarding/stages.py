"""The one way from a stage to another: every door ends here, and there is none beside it."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.audit import history
from core.base import clock, validation
from core.base.errors import GateNotMet, WrongStage
from core.models import Move, Organization, Stage
from core.onboarding import gates, working_days
from core.onboarding.gates import EDGES, Check, Way

_EVENTS = {
    Way.FLAG: "stage.flagged",
    Way.MOVE_ON: "stage.moved",
    Way.WITHDRAW: "stage.withdrawn",
}
OVERRIDDEN = "stage.overridden"
"""The event of a move whose failed checks an administrator overrode."""


def judge(session: Session, org: Organization, to: Stage, *, shown: Stage) -> list[Check]:
    """Return the checks that fail on the way from the stage that was shown to another.

    Raises `WrongStage` when the organization is elsewhere by now, or when no way leads there.
    """
    if org.stage is not shown:
        raise WrongStage(org.stage, shown)
    if (shown, to) not in EDGES:
        starts = [start for start, end in EDGES if end is to]
        raise WrongStage(org.stage, " or ".join(starts))
    if EDGES[shown, to] is Way.WITHDRAW:
        return []
    return [check for check in gates.checks(session, org) if not check.is_met]


def move(
    session: Session,
    actor: Actor,
    org: Organization,
    to: Stage,
    *,
    shown: Stage,
    reason: str = "",
    override: bool = False,
) -> Organization:
    """Move an organization that was taken with `access`; write down the move.

    Raises `WrongStage`, `GateNotMet` with what is missing unless failed checks are to be
    overridden, and `InvalidInput` where a reason is needed: on the way back, and to override.
    """
    failed = judge(session, org, to, shown=shown)
    if failed and not override:
        raise GateNotMet(to, {check.lack: check.page for check in failed})
    way = EDGES[shown, to]
    check = validation.Check()
    must_say = failed or way is Way.WITHDRAW
    cleaner = validation.reason if must_say else validation.optional(validation.reason)
    why = check("reason", cleaner, reason) or ""
    check.done()

    _write_down(session, actor, org, to, failed, why)
    org.stage, org.stage_entered_at, org.snoozed_until = to, clock.now(), None
    if to is Stage.FREE:
        org.rep_id, org.target_on, org.next_step, org.next_step_on = None, None, None, None
    history.record(session, actor, org, OVERRIDDEN if failed else _EVENTS[way], org, reason=why)
    return org


def _write_down(
    session: Session,
    actor: Actor,
    org: Organization,
    to: Stage,
    failed: Sequence[Check],
    reason: str,
) -> None:
    session.add(
        Move(
            org_id=org.id,
            at=clock.now(),
            from_stage=org.stage,
            to_stage=to,
            actor_id=actor.user_id,
            rep_id=org.rep_id,
            days=working_days.since(org.stage_entered_at),
            is_override=bool(failed),
            missing="\n".join(check.lack for check in failed),
            reason=reason,
        )
    )
