"""What can be undone, by event: the inverse, or a sentence that says why there is none."""

from typing import Final

from core.changes import (
    member_inverses,
    merge_inverses,
    onboarding_inverses,
    organization_inverses,
    staff_inverses,
)
from core.changes.inverse import Inverse

INVERSES: Final[dict[str, Inverse]] = {
    **organization_inverses.INVERSES,
    **member_inverses.INVERSES,
    **merge_inverses.INVERSES,
    **onboarding_inverses.INVERSES,
    **staff_inverses.INVERSES,
}
_ABOUT_ACCOUNT: Final = "Only they can change it, in their user settings."
_SENT: Final = "The link has been sent, and stops working by itself."
_SECOND_FACTOR: Final = "Two-factor is set up on a device. Only its owner can do that again."
REASONS_AGAINST: Final[dict[str, str]] = {
    "profile.confirmed": "It says that someone checked the profile that day.",
    "organization.purged": "It was removed for good after 30 days.",
    "invitation.resent": "The new link has been sent. Revoke the invitation instead.",
    "invitation.declined": "Invite them again if they changed their mind.",
    "acting.started": "It happened. To stop acting as an owner, use the banner.",
    "acting.ended": "To act as an owner again, give a new reason.",
    "organizations.downloaded": "A file that was downloaded can't be called back.",
    "history.downloaded": "A file that was downloaded can't be called back.",
    "mail.link_opened": "The link was read. Reset what it protects instead.",
    "key.rotated": "The old key may be known to someone. It is never used again.",
    "backup.restored": "Restore another backup instead.",
    "account.created": "Only they can delete it, in their user settings.",
    "account.deleted": "Name and address were erased. They can sign up again.",
    "account.purged": "It was never confirmed. They can sign up again.",
    "account.proven": "They opened the link, so the address is theirs.",
    "account.renamed": _ABOUT_ACCOUNT,
    "account.password_changed": _ABOUT_ACCOUNT,
    "account.password_reset": _ABOUT_ACCOUNT,
    "account.reset_sent": _SENT,
    "account.reset_link_made": _SENT,
    "account.link_opened": "The link was read. Reset what it protects instead.",
    "account.sessions_ended": "They can log in again.",
    "account.two_factor_on": _SECOND_FACTOR,
    "account.two_factor_replaced": _SECOND_FACTOR,
    "account.two_factor_off": _SECOND_FACTOR,
    "account.two_factor_reset": _SECOND_FACTOR,
    "account.recovery_codes_made": "The old codes are worthless once new ones exist.",
    "account.recovery_code_used": "A recovery code works once.",
}
"""Events without an inverse, each with a sentence for the person who would undo it."""


def find_reason_against(event: str) -> str:
    """Return why an event cannot be undone, or an empty string."""
    if event in INVERSES:
        return ""
    return REASONS_AGAINST.get(event, "There is no way back from this.")
