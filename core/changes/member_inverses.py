"""Inverses of changes to members, invitations, and offers of ownership."""

from typing import Final

from core.access.permissions import Action, access, may
from core.base.errors import CannotUndo, InvalidInput, NotFound, NotPermitted
from core.changes.inverse import Ask, Inverse, Undoing, ask_password, ask_password_for_owners
from core.imports import member_invitations
from core.members import invitations, members, ownership
from core.models import Handover, Invitation, Role, User

_PERSON: Final = "person"
_ROLE: Final = frozenset({"role"})
_STATUS: Final = frozenset({"status"})


def _put_back_role(undoing: Undoing) -> None:
    """Give a person the role before, or none at all where they were no member."""
    user_id, (old, new) = undoing.cell.id, undoing.changes[undoing.cell]
    why = undoing.reason
    if old is None:
        undoing.call(members.remove, undoing.org_id, user_id, reason=why)
    elif new is None:
        undoing.call(members.reinstate, undoing.org_id, user_id, role=Role(old), reason=why)
    else:
        undoing.call(members.change_role, undoing.org_id, user_id, Role(old), reason=why)


def _invite_back(undoing: Undoing) -> None:
    """Invite a person who left: nobody is brought back against their will."""
    undoing.call(access, undoing.org_id, Action.INVITE)
    person = undoing.session.get(User, undoing.cell.id, populate_existing=True)
    if person is None or person.deleted_at is not None:
        raise NotFound("account")
    _invite(undoing, person.email, Role(undoing.changes[undoing.cell].old))


def _give_back(undoing: Undoing) -> None:
    roles = {cell.id: Role(undoing.changes[cell].old) for cell in undoing.chosen}
    undoing.call(ownership.give_back, undoing.org_id, roles, reason=undoing.reason)


def _withdraw_offer(undoing: Undoing) -> None:
    undoing.call(ownership.withdraw, undoing.org_id, undoing.cell.id)


def _offer_again(undoing: Undoing) -> None:
    """Offer the ownership again; only the owner who offered it can."""
    undoing.call(access, undoing.org_id, Action.CHANGE_ROLES)
    offer = undoing.session.get_one(Handover, undoing.cell.id)
    if offer.from_id != undoing.actor.user_id:
        raise NotPermitted("offer the ownership of someone else", ask="the owner who offered it")
    undoing.call(ownership.offer, undoing.org_id, offer.to_id, role=offer.role_after)


def _revoke(undoing: Undoing) -> None:
    """Revoke invitations; those of an import are revoked by those who may import."""
    ids = sorted(cell.id for cell in undoing.chosen)
    imported = [undoing.session.get_one(Invitation, each).run_id is not None for each in ids]
    if any(imported) and not undoing.call(may, undoing.org_id, Action.INVITE):
        if len(ids) > 1:
            raise CannotUndo("Invite the owner from before again instead.")
        undoing.call(member_invitations.revoke, undoing.org_id, *ids)
        return
    undoing.call(invitations.revoke, undoing.org_id, *ids)


def _invite_again(undoing: Undoing) -> None:
    """Invite the same addresses as before, with new links."""
    undoing.call(access, undoing.org_id, Action.INVITE)
    revoked = [undoing.session.get_one(Invitation, cell.id) for cell in undoing.chosen]
    if not all(invitation.email for invitation in revoked):
        raise InvalidInput({"emails": "The address was erased together with its account."})
    (role, *others) = {invitation.role for invitation in revoked}
    if others:
        raise InvalidInput({"role": "These invitations have different roles. Invite each again."})
    _invite(undoing, "\n".join(sorted(each.email for each in revoked)), role)


def _invite(undoing: Undoing, emails: str, role: Role) -> None:
    undoing.call(invitations.invite, undoing.org_id, emails, role=role)


def _put_back_invited_role(undoing: Undoing) -> None:
    role, invitation_id = Role(undoing.changes[undoing.cell].old), undoing.cell.id
    undoing.call(invitations.change_role, undoing.org_id, invitation_id, role)


def _asks_of_invitations(undoing: Undoing) -> set[Ask]:
    rows = [undoing.session.get_one(Invitation, cell.id) for cell in undoing.chosen]
    return {Ask.PASSWORD} if any(row.role is Role.OWNER for row in rows) else set()


_REMOVAL: Final = Inverse(
    _put_back_role,
    _ROLE,
    about=_PERSON,
    asks=ask_password_for_owners,
    caution="Invitations that they have sent since are revoked.",
)
_OFFER_AGAIN: Final = Inverse(
    _offer_again,
    _STATUS,
    about="handovers",
    asks=ask_password,
    caution="It is a new offer, open for 7 days.",
)

INVERSES: Final = {
    "member.role_changed": Inverse(
        _put_back_role,
        _ROLE,
        about=_PERSON,
        asks=ask_password_for_owners,
        caution="Invitations and offers that were revoked with the role stay revoked.",
    ),
    "member.removed": Inverse(
        _put_back_role,
        _ROLE,
        about=_PERSON,
        asks=ask_password_for_owners,
        caution="Invitations that were revoked with the removal stay revoked.",
    ),
    "member.left": Inverse(
        _invite_back,
        _ROLE,
        about=_PERSON,
        asks=ask_password_for_owners,
        caution="They get an invitation, as they left on their own.",
    ),
    "member.reinstated": _REMOVAL,
    "ownership.named": _REMOVAL,
    "invitation.accepted": _REMOVAL,
    "ownership.transferred": Inverse(
        _give_back,
        _ROLE,
        about=_PERSON,
        pairs=_ROLE,
        asks=ask_password_for_owners,
        caution="The offer stays accepted.",
    ),
    "ownership.offered": Inverse(_withdraw_offer, _STATUS, about="handovers", only_subject=True),
    "ownership.withdrawn": _OFFER_AGAIN,
    "ownership.declined": _OFFER_AGAIN,
    "invitation.sent": Inverse(
        _revoke,
        _STATUS,
        about="invitations",
        caution="If the email has been sent, it may have been read.",
    ),
    "invitation.revoked": Inverse(
        _invite_again,
        _STATUS,
        about="invitations",
        pairs=_STATUS,
        asks=_asks_of_invitations,
        caution="It is a new invitation with a new link.",
    ),
    "invitation.role_changed": Inverse(
        _put_back_invited_role,
        _ROLE,
        about="invitations",
        asks=ask_password_for_owners,
    ),
}
