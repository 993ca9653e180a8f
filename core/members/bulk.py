"""Changes of several members together: each by its own use case, refusals listed."""

from collections.abc import Callable, Sequence
from typing import Concatenate, NamedTuple, ParamSpec

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access
from core.base.errors import DomainError
from core.members import members
from core.models import Membership, Role, User

P = ParamSpec("P")


class Outcome(NamedTuple):
    """What was done: the number of members, and the others by name, each with the reason."""

    done: int
    refused: list[tuple[str, str]]


def change_roles(
    session: Session,
    actor: Actor,
    org_id: int,
    user_ids: Sequence[int],
    role: Role,
    *,
    reason: str = "",
) -> Outcome:
    """Change the role of several members, each by `members.change_role`."""
    access(session, actor, org_id, Action.CHANGE_ROLES)
    return _each(session, actor, org_id, user_ids, members.change_role, role, reason=reason)


def remove(
    session: Session, actor: Actor, org_id: int, user_ids: Sequence[int], *, reason: str = ""
) -> Outcome:
    """Remove several members, each by `members.remove`; the actor stays."""
    access(session, actor, org_id, Action.REMOVE_MEMBERS)
    others = [user_id for user_id in user_ids if user_id != actor.user_id]
    done, refused = _each(session, actor, org_id, others, members.remove, reason=reason)
    if len(others) < len(user_ids):
        refused.append((actor.name, "To leave, open your own quick view."))
    return Outcome(done, refused)


def _each(
    session: Session,
    actor: Actor,
    org_id: int,
    user_ids: Sequence[int],
    change: Callable[Concatenate[Session, Actor, int, int, P], Membership],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Outcome:
    """Change one member after another in this transaction.

    A use case refuses before it changes anything, so the others are not concerned. The actor comes
    last, since the others depend on the actor's rights.
    """
    done, refused = 0, []
    for user_id in sorted(user_ids, key=lambda each: each == actor.user_id):
        try:
            change(session, actor, org_id, user_id, *args, **kwargs)
        except DomainError as error:
            refused.append((_name(session, org_id, user_id), str(error)))
        else:
            done += 1
    return Outcome(done, refused)


def _name(session: Session, org_id: int, user_id: int) -> str:
    """Return the name of a member; of anyone else not even that."""
    here = select(Membership.user_id).where(Membership.org_id == org_id)
    named = select(User.name).where(User.id == user_id, User.id.in_(here))
    return session.scalar(named) or "A former member"
