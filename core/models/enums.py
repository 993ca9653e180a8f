"""The enumerations: what a person, an organization and an invitation can be."""

from enum import StrEnum


class Role(StrEnum):
    """What a person is in one organization, from the least to the most."""

    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        """Return 0 for a member, 1 for an admin, 2 for an owner."""
        return list(Role).index(self)


class Staff(StrEnum):
    """What a person is in the company that runs Orgdesk."""

    OPS = "ops"
    SALES = "sales"
    ADMINISTRATOR = "administrator"


class Stage(StrEnum):
    """How far an organization has come."""

    FREE = "free"
    ONBOARDING = "onboarding"
    PREPRODUCTION = "preproduction"
    PRODUCTION = "production"


class InvitationStatus(StrEnum):
    """What became of an invitation; one that is pending past `expires_at` counts as expired."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REVOKED = "revoked"


class Alert(StrEnum):
    """What the alert address of an organization may hear of."""

    OWNERS = "owners"
    ROLES = "roles"
    CONTACT = "contact data"
    STAGE = "stage"
    INVITATIONS = "invitations"
    LOCKOUTS = "lockouts"
