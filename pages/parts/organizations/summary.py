"""The summaries of organizations: tables of pandas, each with its bars and a recorded download."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.base import clock
from core.database import db
from core.models import Role, Stage
from core.organizations import downloads
from core.organizations.filters import Filters
from pages.ui import badges, elements

Save = Callable[[str, pd.DataFrame], None]

STAGES: Final = {str(stage): badges.FILLS[stage] for stage in Stage}
ROLES: Final = {str(role): badges.FILLS[role] for role in Role}
PEOPLE: Final = {f"{role}s": badges.FILLS[role] for role in reversed(Role)}
MONTHS: Final = {"organizations": badges.FILLS[Role.OWNER]}
_BARS: Final = "Chart"
_TOTAL: Final = "Total"
_BAR_STYLE: Final = (
    "min-width: 12rem; background: linear-gradient(90deg, {}) 0 50% / 100% 10px no-repeat"
)
_MAX_ROWS: Final = 16
_MAX_HEIGHT: Final = 460
"""Of a table, which scrolls if it has more rows, in pixels."""


def draw(
    title: str, rows: pd.DataFrame, *, bars: Mapping[str, str], save: Save, has_total: bool = True
) -> None:
    """Draw a table, a bar beside each row, and the button that `save` draws.

    A bar has a part for each column in `bars`, in the color given there; the longest fills its
    cell. `rows` has a name for its index, which heads the first column.
    """
    shown = rows.rename(index=_words, columns=_words)
    if has_total:
        shown = pd.concat([shown, shown.sum().to_frame(_TOTAL).T])
    shown.index.name = _words(rows.index.name)
    styles = [*_bar_styles(rows[[*bars]], list(bars.values())), ""][: len(shown)]
    with st.container(key=f"summary {title}", gap="xsmall"):
        with elements.row():
            st.header(title, anchor=False, width="stretch")
            save(title, shown)
        st.table(
            shown.assign(**{_BARS: ""})
            .style.format("{:,}", subset=list(shown.columns))
            .apply(lambda _: styles, subset=[_BARS]),
            border="horizontal",
            height="content" if len(shown) <= _MAX_ROWS else _MAX_HEIGHT,
            alt=title,
        )
        if len(bars) > 1:
            elements.legend({_words(name): color for name, color in bars.items()})


def _bar_styles(parts: pd.DataFrame, colors: list[str]) -> Iterator[str]:
    """Yield the style of each row's cell: a bar as wide as its share of the longest one."""
    ends = parts.cumsum(axis="columns")
    longest = int(ends.to_numpy().max(initial=0)) or 1
    for row in (ends * 100 / longest).itertuples(index=False):
        starts = [0.0, *row]
        stops = [
            f"{color} {start:.2f}% {end:.2f}%"
            for color, start, end in zip(colors, starts, row, strict=False)
        ]
        yield _BAR_STYLE.format(", ".join([*stops, f"transparent {starts[-1]:.2f}% 100%"]))


def draw_download(actor: Actor, filters: Filters | None, title: str, rows: pd.DataFrame) -> None:
    """Draw the button that downloads a table as CSV, which history records."""
    st.download_button(
        "Download",
        partial(db.run, downloads.summary_csv, actor, title, rows, filters=filters),
        file_name=f"{title.lower().replace(' ', '-')}-{clock.now():%Y-%m-%d}.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        type="tertiary",
        key=f"download {title}",
    )


def _words(name: object) -> str:
    text = str(name)
    return text[:1].upper() + text[1:]
