"""Plan an import of any kind."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.imports import plan_members, plan_organizations
from core.imports.columns import What
from core.imports.plans import Plan
from core.imports.reader import Sheet


def plan(
    session: Session,
    actor: Actor,
    what: What,
    sheet: Sheet,
    columns: Sequence[str],
    *,
    file: str = "",
) -> Plan:
    """Return what the import of a file would do; `columns` has the field of each column.

    Nothing is changed. Ten thousand rows take some seconds.
    """
    if what is What.MEMBERS:
        return plan_members.plan(session, actor, sheet, columns, file=file)
    return plan_organizations.plan(session, actor, sheet, columns, file=file)
