"""A list of events as sentences, newest first, grouped by day in the reader's time zone.

    ui.timeline(
        entries,                                 # a frame, one row for each event
        key="history", label="History", paging=ui.Paging(len(entries), "50 entries", turns),
    )

The frame has `id`, `at`, `who` with `who_id` for the avatar, and `parts`: the words after the name,
as pairs of a text and its style. It can have `logos` (before and after, by digest), `reason`, an
`organization` with `public_id` and `org_logo`, and `place` with `href`: where to see the thing.
It can also have an `offer`, the label of a button, and `undone_by` with `undone_at`.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import pandas as pd

from core.base import avatars, clock
from pages.ui import component
from pages.ui.table import Paging, Turn

_timeline = component.load("timeline")
LOOK: Final = "look"
OFFER: Final = "offer"
_OPTIONAL: Final = (
    "logos",
    "reason",
    "organization",
    "public_id",
    "org_logo",
    "place",
    "href",
    "offer",
)


class Asked(NamedTuple):
    """The button that was just pressed, `LOOK` or `OFFER`, and the `id` of its event."""

    action: str
    id: int


def timeline(
    frame: pd.DataFrame,
    *,
    key: str,
    label: str,
    paging: Paging | None = None,
    empty: tuple[str, str] = ("Nothing here yet", ""),
    is_short: bool = False,
    as_of: str = "",
    can_look: bool = False,
    focus: Collection[int] = (),
    rest: str = "",
) -> Asked | None:
    """Draw events as one list, which `label` names for screen readers; return what was pressed.

    `is_short` fits the list beside other things: without days and pages, and with the time as
    `2 hours ago`. Each day has a link to the address `as_of`, which ends with the date then. With
    `can_look` each organization has a button for its quick view; that of the events `focus` gets
    the focus, of several the one that was pressed or else the first. Addresses end with `rest`.
    """
    shown = paging or Paging(len(frame), "")
    data = {
        "label": label,
        "events": [_describe(row) for row in frame.to_dict("records")],
        "empty": [line for line in empty if line],
        "isShort": is_short,
        "asOf": as_of,
        "canLook": can_look,
        "focus": list(focus),
        "rest": rest,
        "text": shown.text,
        "turns": [_describe_turn(turn) for turn in shown.turns],
        "now": int(clock.now().timestamp()),
    }
    result: Any = _timeline(key=key, data=data, height="content", on_ask_change=component.ignore)
    return _read(result.ask, {int(row_id) for row_id in frame["id"]})


def _describe_turn(turn: Turn) -> dict[str, Any]:
    change = dict(turn.change or {})
    return {"label": turn.label, "change": change, "isOn": turn.change is not None}


def _read(sent: Any, ids: Collection[int]) -> Asked | None:
    """Return what the browser has sent, unless no button sends that."""
    if not isinstance(sent, dict):
        return None
    action, event_id = sent.get("action"), sent.get("id")
    if not (isinstance(action, str) and isinstance(event_id, int)):
        return None
    return Asked(action, event_id) if action in {LOOK, OFFER} and event_id in ids else None


def _describe(row: dict[Any, Any]) -> dict[str, Any]:
    """Return an event as the browser draws it; what is missing is left out."""
    who_id = row["who_id"]
    seed = 0 if bool(pd.isna(who_id)) else int(who_id)
    known = {name: row[name] for name in _OPTIONAL if name in row and _is_there(row[name])}
    organization = known.get("organization")
    return {
        "id": row["id"],
        "at": int(row["at"].timestamp()),
        "who": row["who"],
        "avatar": avatars.describe(row["who"], seed),
        "parts": [list(part) for part in row["parts"]],
        "logos": known.get("logos", ()),
        "reason": known.get("reason", ""),
        "organization": [organization, f"/overview?org={row['public_id']}"] if organization else [],
        "place": [known["place"], known["href"]] if "href" in known else [],
        "offer": known.get("offer", ""),
        "undone": _describe_undone(row),
    }


def _describe_undone(row: dict[Any, Any]) -> list[Any]:
    return [row["undone_by"], int(row["undone_at"].timestamp())] if row.get("undone_by") else []


def _is_there(value: Any) -> bool:
    return bool(value) if isinstance(value, Sequence) else not bool(pd.isna(value))
