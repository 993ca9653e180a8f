"""The first steps of a new organization, until it is in onboarding."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access, may
from core.models import Invitation, InvitationStatus, Stage
from core.onboarding.stages import Check


def list_steps(session: Session, actor: Actor, org_id: int) -> list[Check]:
    """Return the first steps of a free organization, each with whether it is done; else none.

    Invitations that the actor can't see don't count.
    """
    org = access(session, actor, org_id, Action.VIEW)
    if org.stage is not Stage.FREE:
        return []
    pending = select(Invitation.id).where(
        Invitation.org_id == org_id, Invitation.status == InvitationStatus.PENDING
    )
    sees_invitations = may(session, actor, org_id, Action.VIEW_INVITATIONS)
    has_invited = sees_invitations and session.scalar(pending.limit(1)) is not None
    has_address = bool(org.alert_email or org.alert_email_new)
    return [
        Check("logo", "Logo added", "Add a logo", bool(org.logo), "profile", "Add logo"),
        Check(
            *("alert_email", "Alert email added", "Add an email address for alerts"),
            *(has_address, "profile", "Add alert email"),
        ),
        Check(
            *("invite", "Colleague invited", "Invite a colleague"),
            *(org.member_count > 1 or has_invited, "members", "Invite colleague"),
        ),
        Check(
            *("request", "Onboarding requested", "Request onboarding when you're ready"),
            *(org.requested_at is not None, "onboarding", "Request onboarding"),
        ),
    ]
