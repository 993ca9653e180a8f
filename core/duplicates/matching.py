"""Match organizations that have changed with all others, in the background.

Triggers write down whose keys may have changed. The keys of those are stored anew, and whoever
shares one of them makes a pair with them; no other organization is read. What more than `MAX_GROUP`
organizations share, such as the website of a directory, says little: it makes a group, not pairs.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Set
from itertools import chain
from typing import Final

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.orm import Session

from core.database import db
from core.models import (
    Base,
    DuplicateGroup,
    DuplicateKey,
    DuplicatePair,
    Organization,
    UnmatchedOrganization,
)
from core.organizations import look_alikes
from core.organizations.look_alikes import Traits

MAX_GROUP: Final = 10
"""Organizations up to which those that share a key make pairs."""
BATCH: Final = 500

Keys = dict[int, set[str]]
"""Keys by the id of the organization."""


def run_due() -> int:
    """Match some organizations that have changed, and return how many."""
    with db.read() as session:
        is_due = session.scalar(select(UnmatchedOrganization.id).limit(1)) is not None
    return db.run(match_some) if is_due else 0


def match_some(session: Session, *, limit: int = BATCH) -> int:
    """Match the organizations that have waited longest, and return how many.

    Of several processes one matches at a time: all of them take the same first rows.
    """
    first = select(UnmatchedOrganization.id).order_by(UnmatchedOrganization.id).limit(limit)
    taken = delete(UnmatchedOrganization).where(UnmatchedOrganization.id.in_(first))
    ids = set(session.scalars(taken.returning(UnmatchedOrganization.org_id)))
    if ids:
        _match(session, ids)
    return len(ids)


def _match(session: Session, ids: Set[int]) -> None:
    traits = _load(session, ids)
    before, now = _list_keys(session, ids), {org_id: each.keys for org_id, each in traits.items()}
    _store(session, before, now)
    touched = {*chain(*before.values(), *now.values())}
    sizes = _count(session, touched)
    _store_groups(session, touched, sizes)
    _match_again(session, ids, _find_crossing(before, now, sizes))
    alike = _list_members(session, {key for key, size in sizes.items() if size <= MAX_GROUP})
    _store_pairs(session, ids, traits, alike)


def _load(session: Session, ids: Collection[int]) -> dict[int, Traits]:
    """Return the traits of those of these organizations that are live."""
    rows = select(
        Organization.id,
        Organization.name,
        Organization.website,
        Organization.phone,
        Organization.sales_email,
        Organization.alert_email,
    ).where(Organization.id.in_(ids), Organization.deleted_at.is_(None))
    return {row.id: Traits.of(*row[1:]) for row in session.execute(rows)} if ids else {}


def _list_keys(session: Session, ids: Set[int]) -> Keys:
    """Return the keys that are stored of these organizations."""
    found: Keys = defaultdict(set)
    rows = select(DuplicateKey.org_id, DuplicateKey.key).where(DuplicateKey.org_id.in_(ids))
    for org_id, key in session.execute(rows):
        found[org_id].add(key)
    return dict(found)


def _store(session: Session, before: Keys, now: Keys) -> None:
    changed = {each for each in before.keys() | now.keys() if before.get(each) != now.get(each)}
    session.execute(delete(DuplicateKey).where(DuplicateKey.org_id.in_(changed & before.keys())))
    _insert(
        session,
        DuplicateKey,
        ({"org_id": each, "key": key} for each in changed & now.keys() for key in now[each]),
    )


def _count(session: Session, keys: Set[str]) -> dict[str, int]:
    """Return how many organizations share each of these keys, of those that several have."""
    key, number = DuplicateKey.key, func.count()
    shared = select(key, number).where(key.in_(keys)).group_by(key).having(number > 1)
    return dict(session.execute(shared).all())


def _store_groups(session: Session, keys: Set[str], sizes: Mapping[str, int]) -> None:
    session.execute(delete(DuplicateGroup).where(DuplicateGroup.key.in_(keys)))
    large = ((key, size) for key, size in sizes.items() if size > MAX_GROUP)
    _insert(session, DuplicateGroup, ({"key": key, "size": size} for key, size in large))


def _find_crossing(before: Keys, now: Keys, sizes: Mapping[str, int]) -> set[str]:
    """Return the keys whose organizations make pairs since these changes, or no longer do."""
    lost, won = Counter(chain(*before.values())), Counter(chain(*now.values()))
    crossing = set()
    for key in lost | won:
        size = sizes.get(key, 0)
        if (size <= MAX_GROUP) is not (size + lost[key] - won[key] <= MAX_GROUP):
            crossing.add(key)
    return crossing


def _match_again(session: Session, ids: Set[int], keys: Set[str]) -> None:
    """Let the other organizations with these keys be matched, too."""
    others = select(DuplicateKey.org_id).where(
        DuplicateKey.key.in_(keys), DuplicateKey.org_id.not_in(ids)
    )
    again = set(session.scalars(others)) if keys else ()
    _insert(session, UnmatchedOrganization, ({"org_id": each} for each in again))


def _list_members(session: Session, keys: Set[str]) -> list[list[int]]:
    """Return the organizations with each of these keys."""
    found: dict[str, list[int]] = defaultdict(list)
    rows = select(DuplicateKey.key, DuplicateKey.org_id).where(DuplicateKey.key.in_(keys))
    for key, org_id in session.execute(rows):
        found[key].append(org_id)
    return [members for members in found.values() if len(members) > 1]


def _store_pairs(
    session: Session, ids: Set[int], traits: dict[int, Traits], alike: Iterable[list[int]]
) -> None:
    """Store the pairs of these organizations in place of those they had."""
    is_theirs = or_(DuplicatePair.first_id.in_(ids), DuplicatePair.second_id.in_(ids))
    session.execute(delete(DuplicatePair).where(is_theirs))
    pairs = {
        (min(one, other), max(one, other))
        for members in alike
        for one in members
        if one in ids
        for other in members
        if other != one
    }
    traits |= _load(session, {*chain(*pairs)} - traits.keys())
    _insert(
        session,
        DuplicatePair,
        (_describe(*pair, traits) for pair in sorted(pairs) if traits.keys() >= {*pair}),
    )


def _describe(first_id: int, second_id: int, traits: Mapping[int, Traits]) -> dict[str, object]:
    found = look_alikes.compare(traits[first_id], traits[second_id])
    ids = {"first_id": first_id, "second_id": second_id}
    return {**ids, "score": found.score, "reasons": " ".join(found.reasons)}


def _insert(
    session: Session,
    model: type[DuplicateKey | DuplicatePair | DuplicateGroup | UnmatchedOrganization],
    rows: Iterable[Mapping[str, object]],
) -> None:
    if values := [*rows]:
        session.execute(insert(Base.metadata.tables[model.__tablename__]), values)
