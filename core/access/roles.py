"""The permissions of roles, for display: from the same table that decides about them."""

from dataclasses import dataclass

import pandas as pd

from core.access.permissions import ALLOWED, Action, rights_of
from core.models import Role


@dataclass(frozen=True)
class Difference:
    """The actions that a change of role would add, remove and keep."""

    gained: list[Action]
    lost: list[Action]
    kept: list[Action]


def difference(old: Role, new: Role) -> Difference:
    """Return the actions gained, lost and kept by a change of role."""
    before, after = rights_of(old), rights_of(new)
    return Difference(
        gained=[action for action in Action if action in after - before],
        lost=[action for action in Action if action in before - after],
        kept=[action for action in Action if action in before & after],
    )


def label(action: Action) -> str:
    """Return the name of an action for tables and lists, with a capital."""
    return action.value[0].upper() + action.value[1:]


def table() -> pd.DataFrame:
    """Return the permissions of each role. Columns: permission, member, admin, owner."""
    return pd.DataFrame(
        {"permission": label(action)} | {role.value: role in who for role in Role}
        for action, who in ALLOWED.items()
        if who & set(Role)
    )
