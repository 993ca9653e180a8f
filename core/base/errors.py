"""Every refusal of the domain.

A class carries its facts, and `str(error)` is a sentence for the person that says what to do next.
Any exception that is not a `DomainError` is a bug.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar


class DomainError(Exception):
    """The base class of all refusals; the message is shown to the person."""

    is_watched: ClassVar[bool] = False
    """Whether the security log has it: what people meet who try what they may not."""
    is_logged: bool = False
    """Whether it is in the security log already."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)


class NotFound(DomainError):
    """The thing does not exist, or the person may not learn that it does."""

    is_watched = True

    def __init__(self, what: str = "page") -> None:
        super().__init__(
            f"This {what} doesn't exist, or you don't have access to it. "
            "Check the address, or ask the person who sent you here for an invitation."
        )


class NotPermitted(DomainError):
    """An insider lacks a permission.

    `doing` completes the sentence "You don't have permission to …", and `ask` names who has it.
    """

    is_watched = True

    def __init__(self, doing: str, ask: str = "an owner") -> None:
        self.doing = doing
        super().__init__(f"You don't have permission to {doing}. Ask {ask} to do it.")


class InvalidInput(DomainError):
    """One or more fields are invalid: `fields` maps each name to a sentence about it."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__(" ".join(self.fields.values()))


class Unavailable(DomainError):
    """The database is locked, full or unreachable; the log has the same `error_id`."""

    def __init__(self, error_id: str) -> None:
        self.error_id = error_id
        super().__init__(
            "We couldn't save that. Nothing was changed. Try again in a moment; "
            f"if it keeps happening, give your administrator the error id {error_id}."
        )


class HistoryAltered(DomainError):
    """History was tampered with, so that no receipt of it is signed."""

    is_watched = True

    def __init__(self) -> None:
        super().__init__(
            "This history doesn't match its seals, so there is no receipt for it. Ask your "
            "administrator to run `python -m core.manage verify`."
        )


class TooManyAttempts(DomainError):
    """The same thing was tried too often; it can be tried again in `minutes`."""

    is_watched = True

    def __init__(self, minutes: int, why: str = "Too many attempts.") -> None:
        self.minutes = minutes
        wait = "a minute" if minutes <= 1 else f"{minutes} minutes"
        wait = wait if minutes <= 120 else f"{-(-minutes // 60)} hours"
        super().__init__(f"{why} Wait {wait}, then try again.")


class LinkNotValid(DomainError):
    """An emailed link is unknown, used, revoked or expired; the sentence is true of all of them."""

    is_watched = True

    def __init__(self, ask_for: str) -> None:
        super().__init__(f"This link was already used, has expired or is incomplete. {ask_for}")


class AlreadyMember(InvalidInput):
    """The invited person is already a member of the organization."""

    def __init__(self, email: str) -> None:
        self.email = email
        sentence = f"{email} is already a member. Change their role under Active Users instead."
        super().__init__({"emails": sentence})


class AlreadyInvited(InvalidInput):
    """The address already has a pending invitation."""

    def __init__(self, email: str) -> None:
        self.email = email
        sentence = f"{email} is already invited. Press Resend under Invited Users for a new link."
        super().__init__({"emails": sentence})


class WrongInvitee(DomainError):
    """The signed-in person has another address than the invitation."""

    is_watched = True

    def __init__(self, email: str) -> None:
        self.email = email
        super().__init__(
            f"This invitation is for {email}. Log out, then open the link again and log in "
            "with that address."
        )


class InvitationLimit(DomainError):
    """An organization has as many pending invitations as are allowed."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            f"An organization can have at most {limit} pending invitations. "
            "Revoke some under Invited Users, or wait until some are accepted."
        )


class LastOwner(DomainError):
    """It would leave an organization without an owner."""

    def __init__(self, organizations: Sequence[str] = ()) -> None:
        self.organizations = list(organizations)
        more = f" and {len(organizations) - 3} more" if len(organizations) > 3 else ""
        of = f" of {', '.join(organizations[:3])}{more}" if organizations else ""
        super().__init__(
            f"An organization needs an owner, and this is the last one{of}. "
            "Make someone else an owner first."
        )


class LastAdministrator(DomainError):
    """It would leave Orgdesk without an active administrator."""

    def __init__(self) -> None:
        super().__init__(
            "Orgdesk needs an administrator, and this is the last active one. "
            "Make someone else an administrator first."
        )


class MembershipLimit(DomainError):
    """Someone is in as many organizations as are allowed: `people`, or the actor."""

    def __init__(self, limit: int, people: Sequence[str] = ()) -> None:
        self.limit = limit
        self.people = list(people)
        leave = "Leave one you no longer need"
        if people:
            leave = f"Ask {', '.join(people)} to leave one"
        super().__init__(
            f"A person can be in at most {limit} organizations. {leave}, then try again."
        )


class RoleTooHigh(DomainError):
    """The role to be granted is above the granter's own."""

    is_watched = True

    def __init__(self, role: str) -> None:
        self.role = role
        super().__init__(
            f"You can't grant the role {role}, which is above your own. Ask an owner to grant it."
        )


class GateNotMet(DomainError):
    """Checks for the next stage fail.

    `fix_pages` maps the text of each failed check to the page on which it is fixed; `missing` has
    the texts alone.
    """

    is_watched = True

    def __init__(self, stage: str, fix_pages: Mapping[str, str]) -> None:
        self.stage = stage
        self.fix_pages = dict(fix_pages)
        self.missing = missing = list(fix_pages)
        super().__init__(f"Not ready for {stage} yet. Open checks: {'; '.join(missing)}.")


class MoreMatch(DomainError):
    """More organizations match now than the actor confirmed: `total` of them."""

    def __init__(self, total: int) -> None:
        self.total = total
        super().__init__(
            f"{total:,} organizations match now, more than when you opened this. "
            "Close it, check the table, and confirm the new number."
        )


class TooManyMatch(DomainError):
    """A run can't be about this many organizations; `limit` is the most."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            f"At most {limit:,} organizations can be changed together. Narrow the table with a "
            "filter, then do the rest separately."
        )


class NothingSelected(DomainError):
    """A run would have nothing to do."""

    def __init__(self) -> None:
        super().__init__("Nothing is left to change. Close this and check the table again.")


class ProposalExpired(DomainError):
    """A proposed run is older than its time, was replaced, or was never there."""

    def __init__(self) -> None:
        super().__init__(
            "This preview has expired. Nothing was changed. Preview it again before you confirm."
        )


class NotCreatedYet(DomainError):
    """An organization is to be shown as it was before it was created."""

    def __init__(self) -> None:
        super().__init__("This organization hadn't been created yet. Choose a later date.")


class DifferentNumber(DomainError):
    """The number that was confirmed is not that of the run: `total`."""

    def __init__(self, total: int) -> None:
        self.total = total
        super().__init__(f"Enter {total:,}, the number of organizations that will change.")


class RunNotOver(DomainError):
    """A run that is going can't be undone."""

    def __init__(self) -> None:
        super().__init__("This run isn't over yet. Cancel it first, or wait until it ends.")


class RunUndone(DomainError):
    """A run that was undone can't be continued, nor undone a second time."""

    def __init__(self) -> None:
        super().__init__("This run was undone already. Undo that run to get its changes back.")


class WrongStage(DomainError):
    """The organization is in another stage than the move starts from."""

    def __init__(self, stage: str, needed: str) -> None:
        self.stage = stage
        super().__init__(
            f"This organization is in {stage} now, and this move starts from {needed}. "
            "Check the page again before you decide."
        )


class StillInProduction(DomainError):
    """An organization in production cannot be deleted; `ask` is the address to write to."""

    def __init__(self, ask: str) -> None:
        self.ask = ask
        super().__init__(
            "An organization in production can't be deleted. "
            f"Ask {ask} to move it out of production first."
        )


class NoOwnerLeft(DomainError):
    """All owners of a deleted organization have deleted their accounts."""

    def __init__(self, organization: str) -> None:
        self.organization = organization
        super().__init__(
            f"None of the owners of {organization} still has an account. "
            "Create a new organization instead."
        )


class TooManyImportMails(DomainError):
    """An import emails more invitations than imports may in a day."""

    def __init__(self, mails: int, limit: int) -> None:
        self.mails, self.limit = mails, limit
        super().__init__(
            f"This import emails {mails:,} people, and imports can email {limit:,} a day. "
            "Split the file, or ask an administrator to import it."
        )


class AlreadyClaimed(DomainError):
    """People have joined an imported organization, or it was never imported."""

    def __init__(self, organization: str) -> None:
        self.organization = organization
        super().__init__(f"People have joined {organization} since. Ask one of its owners.")


class Stale(DomainError):
    """Someone else changed the same fields meanwhile: `theirs` and `yours` by field."""

    def __init__(self, theirs: Mapping[str, object], yours: Mapping[str, object]) -> None:
        self.theirs = dict(theirs)
        self.yours = dict(yours)
        super().__init__(
            "Someone else changed this too. Choose which value to keep, then press Submit again."
        )


class MailInProgress(DomainError):
    """An email is being sent, or was already sent."""

    def __init__(self) -> None:
        super().__init__("This email is being sent or was already sent. Check again in a minute.")


class CodeNeeded(DomainError):
    """The password is right, but the account has two-factor and no code was given."""

    def __init__(self) -> None:
        super().__init__("Enter the code from your authenticator app as well.")


class JustJoined(DomainError):
    """Someone who is deleting their account joined another organization in the same moment."""

    def __init__(self) -> None:
        super().__init__(
            "You just joined another organization, so nothing was deleted. "
            "Press Delete account again to leave that one too."
        )


class SignUpClosed(DomainError):
    """Accounts are created by invitation only."""

    def __init__(self) -> None:
        super().__init__(
            "Sign-up is by invitation only. Ask an owner of your organization to invite you."
        )


class MemberLimit(DomainError):
    """An organization has reached the member limit that an administrator set."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            f"This organization has reached its limit of {limit:,} members. "
            "Ask an owner to make room, or an administrator of Orgdesk for a higher limit."
        )


class OfferClosed(DomainError):
    """An offer of ownership was withdrawn, answered, or has expired."""

    def __init__(self) -> None:
        super().__init__("This offer is no longer open. Ask the owner to offer it again.")


class HasOwner(DomainError):
    """An administrator can assign an owner only where all owners are disabled."""

    def __init__(self, organization: str) -> None:
        self.organization = organization
        super().__init__(
            f"{organization} has an active owner. Ask them to make someone else an owner."
        )


class LeftByChoice(DomainError):
    """Someone who left on their own can return by invitation only."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name} left on their own. Press Invite user to send a new invitation instead."
        )


class CannotMerge(DomainError):
    """Two organizations can't be merged: the sentence says why."""


class CannotUndo(DomainError):
    """A change has no way back: the sentence says why."""


class AlreadyUndone(DomainError):
    """Someone has undone the same change."""

    def __init__(self) -> None:
        super().__init__("This was undone already. Look at its history before you go on.")


class ChangedSince(DomainError):
    """What is to be put back was changed since."""

    def __init__(self) -> None:
        super().__init__("This was changed since. Look at its history, then change it yourself.")


class PasswordNeeded(InvalidInput):
    """Undoing it is as weighty as the act itself, which takes the password."""

    is_watched = True

    def __init__(self) -> None:
        super().__init__({"password": "Enter your password to undo this."})


class AddressesRefused(InvalidInput):
    """Some addresses cannot be invited: `results` pairs each with a refusal, empty if valid."""

    def __init__(self, field: str, results: Sequence[tuple[str, str]]) -> None:
        self.results = list(results)
        refused = [(address, why) for address, why in self.results if why]
        alone = len(self.results) == 1
        listed = [
            why if alone or address in why else f"{address}: {why}" for address, why in refused
        ]
        super().__init__({field: " ".join(listed)})

    @property
    def valid(self) -> list[str]:
        """Return the addresses that can be invited."""
        return [address for address, why in self.results if not why]
