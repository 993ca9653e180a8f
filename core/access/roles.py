"""Roles: what each may do, and what another one would change; from the table that decides."""

from dataclasses import dataclass

import pandas as pd

from core.access.permissions import ALLOWED, Action, rights_of
from core.models import Role


@dataclass(frozen=True)
class Difference:
    """What another role would change in what a person may do."""

    gained: list[Action]
    lost: list[Action]
    kept: list[Action]


def difference(old: Role, new: Role) -> Difference:
    """Return which actions are gained, lost and kept on the way from one role to another."""
    before, after = rights_of(old), rights_of(new)
    return Difference(
        gained=[action for action in Action if action in after - before],
        lost=[action for action in Action if action in before - after],
        kept=[action for action in Action if action in before & after],
    )


def permission(action: Action) -> str:
    """Return an action as tables and lists call it, with a capital."""
    return action.value[0].upper() + action.value[1:]


def table() -> pd.DataFrame:
    """Return what each role may (permission, member, admin, owner), from what decides it."""
    return pd.DataFrame(
        {"permission": permission(action)} | {role.value: role in who for role in Role}
        for action, who in ALLOWED.items()
        if who & set(Role)
    )
