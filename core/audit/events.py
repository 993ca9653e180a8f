"""The events of history: what each is called in a sentence, and what fields are called.

`{person}`, `{organization}`, `{addresses}` and `{changes}` in a sentence are whom it concerned, the
other organization, the addresses that were invited, and every field that changed; `{old_role}` and
`{new_role}` are the values of a field. What is in square brackets is left out where such a fact is
missing.
"""

from typing import Final

SENTENCES: Final[dict[str, str | tuple[str, str]]] = {
    "account.created": "created an account",
    "account.deleted": "deleted their account",
    "account.purged": "removed an account that was never confirmed",
    "account.proven": "confirmed their email address",
    "account.renamed": "changed their name",
    "account.password_changed": "changed their password",
    "account.password_reset": "reset their password by email",
    "account.reset_sent": "sent a password reset link to {person}",
    "account.reset_link_made": "printed a password reset link for {person} on the server",
    "account.link_opened": "opened a link that was emailed to {person}",
    "account.sessions_ended": ("ended their sessions", "ended the sessions of {person}"),
    "account.two_factor_on": "turned on two-factor",
    "account.two_factor_replaced": "moved two-factor to a new device",
    "account.two_factor_off": "turned off two-factor",
    "account.two_factor_reset": "reset the two-factor of {person}",
    "account.recovery_codes_made": "replaced their recovery codes",
    "account.recovery_code_used": "used a recovery code",
    "account.disabled": "disabled the account of {person}",
    "account.enabled": "enabled the account of {person}",
    "account.staff_changed": (
        "changed their staff role from {old_staff} to {new_staff}",
        "changed the staff role of {person} from {old_staff} to {new_staff}",
    ),
    "acting.started": "started acting as an owner",
    "acting.ended": ("stopped acting as an owner", "stopped {person} from acting as an owner"),
    "organization.created": "created the organization",
    "organization.deleted": "deleted the organization",
    "organization.restored": "restored the organization",
    "organization.merged": "merged it into {organization}",
    "organization.merged_in": "merged {organization} into it[: {changes}]",
    "organization.unmerged": "undid the merge into {organization}",
    "organization.unmerged_from": "undid the merge of {organization}[: {changes}]",
    "organization.purged": "purged the organization",
    "organization.members_limited": "{changes}",
    "duplicate.dismissed": "marked {new_organizations} as not duplicates",
    "duplicate.restored": "marked {old_organizations} as possible duplicates again",
    "organizations.downloaded": "downloaded organizations",
    "history.downloaded": "downloaded the history",
    "key.rotated": "replaced the secret key",
    "backup.restored": "restored a backup",
    "invitation.sent": "invited {addresses}[ as {new_role}]",
    "invitation.resent": "sent the invitation of {addresses} again",
    "invitation.role_changed": (
        "changed the invitation of {addresses}[ from {old_role} to {new_role}]"
    ),
    "invitation.accepted": "accepted the invitation[ and joined as {new_role}]",
    "invitation.declined": "declined the invitation[ sent to {addresses}]",
    "invitation.revoked": "revoked the invitation of {addresses}",
    "member.role_changed": (
        "changed their role[ from {old_role} to {new_role}]",
        "changed the role of {person}[ from {old_role} to {new_role}]",
    ),
    "member.removed": "removed {person}",
    "member.left": "left the organization",
    "member.reinstated": "reinstated {person}[ as {new_role}]",
    "ownership.offered": "offered ownership to {person}",
    "ownership.withdrawn": "withdrew the offer of ownership to {person}",
    "ownership.declined": "declined the offer of ownership",
    "ownership.transferred": "accepted ownership",
    "ownership.named": "made {person} an owner",
    "profile.changed": "{changes}",
    "profile.confirmed": "confirmed the profile",
    "profile.listed": "listed it in Connected solutions",
    "profile.unlisted": "removed it from Connected solutions",
    "logo.changed": "changed the logo",
    "logo.removed": "removed the logo",
    "alert_email.confirmed": "confirmed the alert email address[ {new_alert_email}]",
    "alerts.chosen": "{changes}",
    "stage.flagged": "{changes}",
    "stage.moved": "{changes}",
    "stage.withdrawn": "{changes}",
    "stage.overridden": "{changes} with open checks (override)",
    "onboarding.requested": "requested onboarding[: {new_request_note}]",
    "onboarding.request_withdrawn": "withdrew the request for onboarding",
    "onboarding.planned": "{changes}",
    "onboarding.snoozed": "{changes}",
    "note.written": "wrote a note[: {new_text}]",
    "note.edited": "changed a note[ from {old_text} to {new_text}]",
    "note.deleted": "deleted a note[: {old_text}]",
    "mail.link_opened": "opened the link of an email[ to {person}]",
    "view.saved": "saved the view {new_name}",
    "view.renamed": "renamed a view from {old_name} to {new_name}",
    "view.replaced": "changed the filters of a view",
    "view.shared": "turned sharing of a view {new_is_shared}",
    "view.removed": "deleted the view {old_name}",
}
"""What each event says after the name of who did it.

Of two sentences the second is for an event about another person than the one who did it.
"""
FIELDS: Final = {
    "name": "organization name",
    "overview": "company overview",
    "sales_email": "sales email",
    "phone": "phone",
    "website": "public website",
    "twitter": "X handle",
    "alert_email": "alert email address",
    "alert_email_new": "alert email address to confirm",
    "alerts_off": "alerts",
    "is_listed": "listing in Connected solutions",
    "stage": "stage",
    "rep_id": "sales rep",
    "target_on": "target date",
    "next_step": "next step",
    "next_step_on": "due date of the next step",
    "snoozed_until": "snooze",
    "role": "role",
    "staff": "staff role",
    "member_limit": "member limit",
    "text": "note",
}
"""What fields are called in sentences; changes of all others are left out."""

OF_STRANGERS: Final = frozenset({"account.created", "invitation.declined"})
"""Events that, without an account, the person or the address concerned caused."""
