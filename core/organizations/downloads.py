"""Downloads as history has them: who took which organizations away, and in which format."""

from sqlalchemy.orm import Session

from core.access.permissions import Actor, lock_self
from core.audit import history
from core.models import Entry
from core.organizations import filters, org_views
from core.organizations.csv_export import Format
from core.organizations.org_views import View

_LONGEST = 500


def begin(session: Session, actor: Actor, view: View, form: Format) -> Entry | None:
    """Write down that a person downloads all organizations of a view; staff only."""
    org_views.open_view(session, actor, view)
    person = lock_self(session, actor)
    which = filters.to_query(view) or "all organizations"
    return history.record(
        session,
        actor,
        person.id,
        "organizations.downloaded",
        person,
        reason=f"{form.upper()}: {which}"[:_LONGEST],
        always=True,
    )
