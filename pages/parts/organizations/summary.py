"""The summaries of organizations: the colors of their bars, and their recorded download."""

from typing import Final

import pandas as pd

from core.access.permissions import Actor
from core.models import Role, Stage
from core.organizations import downloads
from core.organizations.filters import Filters
from pages import ui
from pages.ui import badges
from pages.ui.summary import Save

STAGES: Final = {str(stage): badges.FILLS[stage] for stage in Stage}
ROLES: Final = {str(role): badges.FILLS[role] for role in Role}
PEOPLE: Final = {f"{role}s": badges.FILLS[role] for role in reversed(Role)}
MONTHS: Final = {"organizations": badges.FILLS[Role.OWNER]}


def save(actor: Actor, *, filters: Filters | None = None, org_id: int | None = None) -> Save:
    """Return what makes the file of a summary and records that the actor downloads it."""

    def make(title: str, rows: pd.DataFrame) -> bytes:
        return ui.change(downloads.summary_csv, actor, title, rows, filters=filters, org_id=org_id)

    return make
