"""Downloads as history has them: who took which organizations away, and in which format."""

from sqlalchemy.orm import Session

from core import history, org_addresses, org_views
from core.errors import NotPermitted
from core.exports import Format
from core.models import Entry
from core.org_views import View
from core.permissions import Action, Actor, take_person

_LONGEST = 500


def begin(session: Session, actor: Actor, view: View, form: Format) -> Entry | None:
    """Write down that a person downloads all organizations of a view; staff only."""
    org_views.open_view(session, actor, view)
    person = take_person(session, actor.user_id or 0)
    if person is None:
        raise NotPermitted(Action.VIEW_ALL)
    which = org_addresses.to_query(view) or "all organizations"
    return history.record(
        session,
        actor,
        person.id,
        "organizations.downloaded",
        person,
        reason=f"{form.upper()}: {which}"[:_LONGEST],
        always=True,
    )
