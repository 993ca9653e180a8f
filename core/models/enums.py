"""The enums of columns."""

from enum import StrEnum


class Role(StrEnum):
    """A member's role in an organization, from the lowest to the highest."""

    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        """Return the position of the role: 0 for a member, 2 for an owner."""
        return list(Role).index(self)


class Staff(StrEnum):
    """A role in the company that runs Orgdesk."""

    OPS = "ops"
    SALES = "sales"
    ADMINISTRATOR = "administrator"


class Stage(StrEnum):
    """The onboarding stage of an organization."""

    FREE = "free"
    ONBOARDING = "onboarding"
    PREPRODUCTION = "preproduction"
    PRODUCTION = "production"


class InvitationStatus(StrEnum):
    """The status of an invitation or offer; pending past `expires_at` means expired."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REVOKED = "revoked"


class Alert(StrEnum):
    """A type of alert that an organization can switch off."""

    OWNERS = "owners"
    ROLES = "roles"
    CONTACT = "contact data"
    STAGE = "stage"
    INVITATIONS = "invitations"
    LOCKOUTS = "lockouts"


class RunStatus(StrEnum):
    """The status of a run; only one that is going is worked on."""

    PROPOSED = "proposed"
    GOING = "going"
    ENDED = "ended"
    CANCELLED = "cancelled"
    FAILED = "failed"


class ItemState(StrEnum):
    """What became of an item of a run."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    SKIPPED = "skipped"
    """Left out, most often because there was nothing to change."""
