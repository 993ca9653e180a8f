"""More ways the domain says no, about people and their places; see `errors`."""

from collections.abc import Sequence

from core.errors import DomainError, InvalidInput


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
