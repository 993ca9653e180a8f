"""Inverses of merges, and of their undo: both organizations at once, whichever history names it."""

from typing import Final

from core.base.errors import CannotUndo
from core.changes.cells import MERGED_INTO
from core.changes.inverse import Inverse, Undoing, ask_reason
from core.duplicates import merge_history, merging
from core.duplicates.merge_history import Pair


def _undo_merge(undoing: Undoing) -> None:
    source_id = _find_pair(undoing).of_source.org_id or 0
    is_of_target = undoing.org_id != source_id
    fields = undoing.fields - {MERGED_INTO} if is_of_target else None
    undoing.call(merging.undo_merge, source_id, fields=fields, reason=undoing.reason)


def _merge_again(undoing: Undoing) -> None:
    pair = _find_pair(undoing)
    source_id, target_id = pair.of_source.org_id or 0, pair.of_target.org_id or 0
    taken = undoing.fields if undoing.org_id == target_id else {*pair.taken}
    take = taken & merging.TAKEABLE.keys()
    undoing.call(merging.merge, source_id, target_id, take=take, reason=undoing.reason)


def _find_pair(undoing: Undoing) -> Pair:
    pair = merge_history.find_pair(undoing.session, undoing.entry)
    if pair is None:
        raise CannotUndo("The history of this merge is missing.")
    return pair


_FIELDS: Final = frozenset({MERGED_INTO, *merging.TAKEABLE, "next_step_on"})
_MERGE: Final = Inverse(
    _undo_merge,
    _FIELDS,
    lead=MERGED_INTO,
    asks=ask_reason,
    caution="Members without an account are not brought back.",
)
_UNDO: Final = Inverse(
    _merge_again,
    _FIELDS,
    lead=MERGED_INTO,
    asks=ask_reason,
    caution="It can be undone for 30 days, from today on.",
)

INVERSES: Final = {
    "organization.merged": _MERGE,
    "organization.merged_in": _MERGE,
    "organization.unmerged": _UNDO,
    "organization.unmerged_from": _UNDO,
}
