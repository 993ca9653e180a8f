"""Dialogs about one card of the board: flag, plan, snooze, withdraw, override."""

from collections.abc import Mapping

from core.access.permissions import Action, Actor, Rights, access
from core.database import db
from core.models import Organization
from core.onboarding import gates
from pages import ui
from pages.parts.onboarding import forms


def draw(actor: Actor, reps: Mapping[int, str], rights: Rights) -> None:
    """Draw the dialog that is open, about the card that opened it."""
    if Action.MOVE_STAGES not in rights:
        return
    ui.draw_dialog("card-flag", "Flag for onboarding", _flag, actor, reps)
    ui.draw_dialog("card-plan", "Plan", _plan, actor, reps)
    ui.draw_dialog("card-snooze", "Snooze", _snooze, actor)
    ui.draw_dialog("card-withdraw", "Withdraw", _withdraw, actor)
    if Action.OVERRIDE_GATE in rights:
        ui.draw_dialog("card-override", "Override", _override, actor)


def _flag(actor: Actor, reps: Mapping[int, str], org_id: int) -> None:
    forms.flag(actor, _find(actor, org_id), reps)


def _plan(actor: Actor, reps: Mapping[int, str], org_id: int) -> None:
    forms.plan(actor, _find(actor, org_id), reps)


def _snooze(actor: Actor, org_id: int) -> None:
    forms.snooze(actor, _find(actor, org_id))


def _withdraw(actor: Actor, org_id: int) -> None:
    forms.withdraw(actor, _find(actor, org_id))


def _override(actor: Actor, org_id: int) -> None:
    org = _find(actor, org_id)
    with db.read() as session:
        checks = gates.checks(session, org)
    forms.override(actor, org, [check.lack for check in checks if not check.is_met])


def _find(actor: Actor, org_id: int) -> Organization:
    with db.read() as session:
        return access(session, actor, org_id, Action.MOVE_STAGES)
