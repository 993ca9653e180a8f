"""The columns of `ui.table`: what each shows of a value in the frame.

`ui.column.text("Email")`, `ui.column.link("Name", href="href")` and so on, by the name of the
frame's column. `sort` is the value of `sort` in the address that a click on the head asks for, and
`reverse` the one of a second click. On a phone a row has two lines: `phone="detail"` puts a value
into the second line, `"whole"` does so without cutting it, `"end"` puts it to the right of both
lines, `"hide"` leaves it out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import pandas as pd

from core.base import avatars
from core.models import Role, Stage
from pages.ui import badges
from pages.ui.badges import Color

Phone = Literal["detail", "whole", "end", "hide"]
Cells = list[Any]

_HEADS: Final = (
    "label",
    "short",
    "width",
    "sort",
    "reverse",
    "is_descending",
    "phone",
    "prefix",
    "empty",
)


@dataclass(frozen=True)
class Style:
    """How a badge looks: its label, its color and its icon."""

    label: str
    color: Color | Literal["red", ""] = "gray"
    icon: str = ""
    is_plain: bool = False
    """Whether only the label has the color, without a background."""


@dataclass(frozen=True)
class Column:
    """One column: its head, and how its cells are made of the frame."""

    kind: str
    label: str
    cells: Callable[[pd.DataFrame, str], Cells]
    short: str = ""
    """What the head shows instead of a long label."""
    width: int | None = None
    sort: str = ""
    reverse: str = ""
    is_descending: bool = False
    """Whether `sort` has the largest or latest first; `reverse` is the opposite."""
    phone: Phone = "detail"
    prefix: str = ""
    """Words before the value in the second line on a phone."""
    empty: str = ""
    """What an empty cell shows."""
    more: Mapping[str, Any] = field(default_factory=dict)

    def head(self, key: str) -> dict[str, Any]:
        """Return what the browser needs to draw this column."""
        common = {name: getattr(self, name) for name in _HEADS}
        return {"key": key, "kind": self.kind, **common, **self.more}


def text(label: str, *, is_code: bool = False, is_whole: bool = False, **head: Any) -> Column:
    """Return a column of text; `is_whole` never cuts it, `is_code` is for IDs."""
    return Column("text", label, _texts, **head, more={"isCode": is_code, "isWhole": is_whole})


def link(
    label: str,
    *,
    href: str = "",
    seed: str = "",
    logo: str = "",
    note: str = "",
    rest: str = "",
    **head: Any,
) -> Column:
    """Return the column that names a row: a link to the address in the frame's column `href`.

    `seed` is the column with the ID that the avatar takes its color from (a number for people,
    whose avatars are round), `logo` the one with the logo, and `note` one with a word after the
    name. Without `seed` there is no avatar. Every address ends with `rest`.
    """

    def cells(rows: pd.DataFrame, key: str) -> Cells:
        none = [None] * len(rows)
        parts = [_texts(rows, name) if name else none for name in (key, href, note)]
        images = _avatars(rows, key, seed, logo) if seed else [[] for _ in none]
        return [[*each, *image] for *each, image in zip(*parts, images, strict=True)]

    return Column("link", label, cells, **head, more={"rest": rest})


def person(label: str, *, seed: str, **head: Any) -> Column:
    """Return a column of people, each with an avatar whose color comes from the column `seed`."""

    def cells(rows: pd.DataFrame, key: str) -> Cells:
        names, images = _texts(rows, key), _avatars(rows, key, seed)
        return [name and [name, *image] for name, image in zip(names, images, strict=True)]

    return Column("person", label, cells, **head)


def organization(label: str, *, seed: str, logo: str, **head: Any) -> Column:
    """Return a column of organizations beside the one that names the row.

    `seed` is the column with the Organization ID and `logo` the one with the logo, for the avatar.
    """

    def cells(rows: pd.DataFrame, key: str) -> Cells:
        names, images = _texts(rows, key), _avatars(rows, key, seed, logo)
        return [name and [name, *image] for name, image in zip(names, images, strict=True)]

    return Column("person", label, cells, **head)


def number(label: str, **head: Any) -> Column:
    """Return a column of numbers, to the right."""
    return Column("number", label, _values, **head, more={"isNumeric": True})


def meter(label: str, **head: Any) -> Column:
    """Return a column of percentages with a bar."""
    return Column("meter", label, _values, **head)


def moment(label: str, *, shows: Literal["ago", "day", "exact"] = "ago", **head: Any) -> Column:
    """Return a column of moments: how long ago, the day, or day and time, in the reader's zone."""
    return Column("moment", label, _seconds, **head, more={"shows": shows})


def day(label: str, **head: Any) -> Column:
    """Return a column of days; sorted, the latest come first."""
    return moment(
        label, shows="day", **{"width": 104, "phone": "hide", "is_descending": True} | head
    )


def badge(label: str, styles: Mapping[Any, Style], **head: Any) -> Column:
    """Return a column of badges; a style without a color is an icon with a word."""
    return Column("badge", label, _texts, **head, more={"styles": _styles(styles)})


def towers(frame: pd.DataFrame) -> dict[str, Column]:
    """Return a column of numbers for each column of the frame, each number above its bar.

    A head shows the first word of the column's name, such as the month of `Nov 2026`.
    """
    most = int(frame.to_numpy().max())
    return {
        str(name): Column(
            "tower", str(name), _values, short=str(name).split()[0], more={"most": most}
        )
        for name in frame
    }


def bars(label: str, colors: Sequence[str]) -> Column:
    """Return a column of bars, from a list of percentages: a part in each of the colors."""

    def cells(rows: pd.DataFrame, key: str) -> Cells:
        return [parts if isinstance(parts, list) else None for parts in rows[key].tolist()]

    return Column("bars", label, cells, phone="hide", more={"colors": list(colors)})


def dots(label: str) -> Column:
    """Return a column of dots on a line, from a list of a limit and the numbers to compare."""

    def cells(rows: pd.DataFrame, key: str) -> Cells:
        return rows[key].tolist()

    return Column("dots", label, cells, phone="hide")


def two_factor(label: str = "Two-factor", **head: Any) -> Column:
    """Return a column of shields that say whether two-factor is on, from a boolean column."""

    def cells(rows: pd.DataFrame, key: str) -> Cells:
        return ["on" if is_on else "off" for is_on in rows[key].tolist()]

    styles = {
        "on": Style("On", "green", "verified_user", is_plain=True),
        "off": Style("Off", "orange", "gpp_maybe", is_plain=True),
    }
    more = {"styles": _styles(styles)}
    usual: dict[str, Any] = {"width": 96, "phone": "hide"}
    return Column("badge", label, cells, **usual | head, more=more)


def ticks(names: Iterable[str]) -> dict[str, Column]:
    """Return a boolean column for each name: a tick where it is true."""

    def cells(rows: pd.DataFrame, key: str) -> Cells:
        return ["yes" if is_true else None for is_true in rows[key].tolist()]

    more = {"styles": _styles({"yes": Style("Yes", "green", "check", is_plain=True)})}
    return {str(name): Column("badge", name.capitalize(), cells, more=more) for name in names}


def stage(label: str = "Stage", **head: Any) -> Column:
    """Return a column of stages."""
    return badge(label, STAGES, **{"width": 136, "phone": "end"} | head)


def role(label: str = "Role", **head: Any) -> Column:
    """Return a column of roles, and of the word for all of them."""
    styles = ROLES | {"total": Style("Total", "")}
    return badge(label, styles, **{"width": 110, "phone": "end"} | head)


def choice(
    label: str,
    styles: Mapping[Any, Style],
    *,
    options: Sequence[Any],
    action: str,
    is_fixed: str = "",
    **head: Any,
) -> Column:
    """Return a column of lists, in each of which another value can be chosen.

    A choice is the action `action` with that value; the list shows the old one until the frame has
    the new. Rows in which the frame's column `is_fixed` is true show a badge instead.
    """

    def cells(rows: pd.DataFrame, key: str) -> Cells:
        fixed = rows[is_fixed].tolist() if is_fixed else [False] * len(rows)
        values = zip(_texts(rows, key), fixed, strict=True)
        return [[value, 1] if is_fixed_row else value for value, is_fixed_row in values]

    more = {"styles": _styles(styles), "options": [str(each) for each in options]}
    return Column("choice", label, cells, **head, more=more | {"action": action})


def _styles(styles: Mapping[Any, Style]) -> dict[str, Any]:
    return {
        str(value): {
            "label": style.label,
            "color": style.color,
            "icon": style.icon,
            "isPlain": style.is_plain,
        }
        for value, style in styles.items()
    }


def _texts(rows: pd.DataFrame, key: str) -> Cells:
    return [None if bool(pd.isna(value)) else str(value) for value in rows[key].tolist()]


def _values(rows: pd.DataFrame, key: str) -> Cells:
    return [None if bool(pd.isna(value)) else value for value in rows[key].tolist()]


def _seconds(rows: pd.DataFrame, key: str) -> Cells:
    return [value and int(value.timestamp()) for value in _values(rows, key)]


def _avatars(rows: pd.DataFrame, name: str, seed: str, logo: str = "") -> list[list[Any]]:
    """Return the avatars of rows: initials, color and whether it is round, or a logo's address."""
    logos = _texts(rows, logo) if logo else [None] * len(rows)
    return [
        [f"/logos/{image}-thumb.png"] if image else [*avatars.describe(who or "", _seed(whose))]
        for who, whose, image in zip(_texts(rows, name), _values(rows, seed), logos, strict=True)
    ]


def _seed(value: Any) -> str | int:
    """Return an ID; pandas makes numbers with a point of a column in which one is missing."""
    return value if isinstance(value, str) else int(value or 0)


STAGES: Final[dict[str, Style]] = {
    stage: Style(stage.capitalize(), *badges.color_and_icon(stage)) for stage in Stage
}
ROLES: Final[dict[str, Style]] = {
    role: Style(role.capitalize(), *badges.color_and_icon(role)) for role in Role
}
