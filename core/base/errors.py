"""Every way the domain says no.

A class carries its facts; `str(error)` is a sentence for the person that ends in what to do next.
What is not a `DomainError` is a bug.
"""

from collections.abc import Mapping, Sequence


class DomainError(Exception):
    """A refusal that a person can read."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)


class NotFound(DomainError):
    """It does not exist, or the person may not know that it does."""

    def __init__(self, what: str = "page") -> None:
        super().__init__(
            f"There is no such {what}, or you do not belong to it. "
            "Check the address, or ask whoever sent you here for an invitation."
        )


class NotPermitted(DomainError):
    """An insider lacks the right. `doing` finishes the sentence 'You may not …'."""

    def __init__(self, doing: str, ask: str = "an owner") -> None:
        self.doing = doing
        super().__init__(f"You may not {doing}. Ask {ask} to do it.")


class InvalidInput(DomainError):
    """Fields that cannot be taken as they are: `fields` maps each to what to do about it."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__(" ".join(self.fields.values()))


class Unavailable(DomainError):
    """The database is locked, full or away; nothing was saved. The log has the same `error_id`."""

    def __init__(self, error_id: str) -> None:
        self.error_id = error_id
        super().__init__(
            "The database did not answer in time and nothing was saved. Try again in a moment; "
            f"if it stays like this, give your administrator the error id {error_id}."
        )


class TooManyAttempts(DomainError):
    """The same thing was tried too often; `minutes` from now it may be tried again."""

    def __init__(self, minutes: int) -> None:
        self.minutes = minutes
        wait = "a minute" if minutes <= 1 else f"{minutes} minutes"
        super().__init__(f"That was tried too often. Wait {wait}, then try again.")


class LinkNotValid(DomainError):
    """A mailed link is unknown, used, revoked or expired: always the same answer."""

    def __init__(self, ask_for: str) -> None:
        super().__init__(f"This link does not work, or no longer. {ask_for}")


class AlreadyMember(InvalidInput):
    """The invited person belongs to the organization already."""

    def __init__(self, email: str) -> None:
        self.email = email
        why = f"{email} is a member already. Change the role under Active Users instead."
        super().__init__({"emails": why})


class AlreadyInvited(InvalidInput):
    """An invitation to the address waits already."""

    def __init__(self, email: str) -> None:
        self.email = email
        sentence = f"{email} is invited already. Press Resend under Invited Users for a new link."
        super().__init__({"emails": sentence})


class NotTheInvited(DomainError):
    """The signed-in person is not the one whom an invitation is for."""

    def __init__(self, email: str) -> None:
        self.email = email
        super().__init__(
            f"This invitation is for {email}. Log out, then open the link again and sign in "
            "with that address."
        )


class InvitationLimit(DomainError):
    """As many invitations of an organization are pending as may be."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            f"At most {limit} invitations of one organization are pending at a time. "
            "Revoke some under Invited Users, or wait until some are answered."
        )


class LastOwner(DomainError):
    """It would leave an organization without an owner."""

    def __init__(self, organizations: Sequence[str] = ()) -> None:
        self.organizations = list(organizations)
        more = f" and {len(organizations) - 3} more" if len(organizations) > 3 else ""
        of = f" of {', '.join(organizations[:3])}{more}" if organizations else ""
        super().__init__(
            f"An organization needs an owner, and this is the last one{of}. "
            "Make somebody else an owner first."
        )


class LastAdministrator(DomainError):
    """It would leave Orgdesk without an active administrator."""

    def __init__(self) -> None:
        super().__init__(
            "Orgdesk needs an administrator, and this is the last active one. "
            "Make somebody else an administrator first."
        )


class MembershipLimit(DomainError):
    """Somebody belongs to as many organizations as one may: `people`, or whoever asks."""

    def __init__(self, limit: int, people: Sequence[str] = ()) -> None:
        self.limit = limit
        self.people = list(people)
        leave = "Leave an organization that you no longer need"
        if people:
            leave = f"Ask {', '.join(people)} to leave one"
        super().__init__(
            f"One person belongs to at most {limit} organizations, and this would be one more. "
            f"{leave}, then try again."
        )


class RoleTooHigh(DomainError):
    """A role above the granter's own."""

    def __init__(self, role: str) -> None:
        self.role = role
        super().__init__(
            f"You may not give the role {role}, which is above your own. Ask an owner to give it."
        )


class GateNotMet(DomainError):
    """An organization may not go on to the next stage: `missing` says what it lacks.

    `mended_on` has the page on which each of it is mended.
    """

    def __init__(self, stage: str, mended_on: Mapping[str, str]) -> None:
        self.stage = stage
        self.mended_on = dict(mended_on)
        self.missing = missing = list(mended_on)
        super().__init__(f"Not ready for {stage} yet. Open checks: {'; '.join(missing)}.")


class MoreMatch(DomainError):
    """More organizations match by now than were shown: `total` of them."""

    def __init__(self, total: int) -> None:
        self.total = total
        super().__init__(
            f"{total:,} organizations match by now, more than were shown. "
            "Close this, look at the table again, and confirm the new number."
        )


class TooManyMatch(DomainError):
    """A run is about more organizations than one run may be."""

    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(
            f"At most {most:,} organizations are flagged in one run. Narrow the table by a filter "
            "first, then flag the rest in another run."
        )


class WrongStage(DomainError):
    """The organization is not in the stage that the move starts from."""

    def __init__(self, stage: str, needed: str) -> None:
        self.stage = stage
        super().__init__(
            f"This organization is in {stage} now; the move needs it to be in {needed}. "
            "Look at the page again before you decide."
        )


class StillInProduction(DomainError):
    """An organization in production is not deleted; `ask` is whom to write to."""

    def __init__(self, ask: str) -> None:
        self.ask = ask
        super().__init__(
            "An organization in production cannot be deleted. "
            f"Ask {ask} to take it out of production first."
        )


class NobodyOwns(DomainError):
    """A deleted organization whose owners have no account any more."""

    def __init__(self, organization: str) -> None:
        self.organization = organization
        super().__init__(
            f"None of the owners of {organization} has an account any more, so nobody could look "
            "after it. Create a new organization instead."
        )


class Stale(DomainError):
    """Somebody else changed the same fields meanwhile: `theirs` and `yours` by field."""

    def __init__(self, theirs: Mapping[str, object], yours: Mapping[str, object]) -> None:
        self.theirs = dict(theirs)
        self.yours = dict(yours)
        super().__init__(
            "Somebody else changed the same fields while you were typing. "
            "Choose for each field which value stays, then press Submit again."
        )


class MailUnderway(DomainError):
    """A mail is being sent just now, or was sent already."""

    def __init__(self) -> None:
        super().__init__(
            "This mail is being sent just now, or was sent already. Look at it again in a minute."
        )


class CodeNeeded(DomainError):
    """The password is right; the person has two-factor, and no code has been given yet."""

    def __init__(self) -> None:
        super().__init__("Type the code of your authenticator app, too.")


class JustJoined(DomainError):
    """Somebody who leaves everything became a member of something in the same moment."""

    def __init__(self) -> None:
        super().__init__(
            "You joined an organization just now, so nothing was deleted. "
            "Press Delete account again to leave that one too."
        )


class SignUpClosed(DomainError):
    """People may not sign up on their own here."""

    def __init__(self) -> None:
        super().__init__(
            "Nobody can sign up here without an invitation. "
            "Ask an owner of your organization to invite you."
        )


class MemberLimit(DomainError):
    """An organization has as many members as an administrator lets it have."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            f"This organization may have at most {limit:,} members, and has as many. "
            "Ask one of its owners to make room, or an administrator of Orgdesk for a higher limit."
        )


class OfferGone(DomainError):
    """An offer of ownership was withdrawn, answered, or is too old."""

    def __init__(self) -> None:
        super().__init__(
            "This offer is no longer open. Ask whoever made it to offer the ownership again."
        )


class HasOwner(DomainError):
    """An administrator names an owner only where no owner can act."""

    def __init__(self, organization: str) -> None:
        self.organization = organization
        super().__init__(
            f"{organization} has an owner who can act. Ask that owner to make somebody else "
            "an owner, too."
        )


class LeftByChoice(DomainError):
    """Somebody who left on purpose comes back by an invitation alone."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name} left on purpose. Press Invite user to ask {name} back instead.")


class AddressesRefused(InvalidInput):
    """Some of the addresses cannot be invited: `answers` has each one, and why not or nothing."""

    def __init__(self, field: str, answers: Sequence[tuple[str, str]]) -> None:
        self.answers = list(answers)
        refused = [(address, why) for address, why in self.answers if why]
        alone = len(self.answers) == 1
        told = [why if alone or address in why else f"{address}: {why}" for address, why in refused]
        super().__init__({field: " ".join(told)})

    @property
    def fine(self) -> list[str]:
        """Return the addresses that nothing speaks against."""
        return [address for address, why in self.answers if not why]
