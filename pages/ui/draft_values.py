"""The value of a field that its draft has as a text: what `assets/choices.js` has read of it.

Choices are known by their labels, dates by ISO 8601. A text that the field cannot have is ignored:
whatever a browser sends, or whatever was an option once.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from math import isfinite
from typing import Any, Final

import streamlit as st

from core.base import clock

Options = dict[str, Any]
"""What a widget is drawn with."""
_ICON: Final = re.compile(r":material/\w+:")
_REACH: Final = timedelta(days=9 * 365)
"""How far from today dates without bounds are accepted; Streamlit has ten years."""
_MAX_NUMBER: Final = 2**53 - 1


def is_kept(widget: Callable[..., Any]) -> bool:
    """Return whether drafts keep what is typed or chosen in this kind of field."""
    return widget in _READERS


def fill(widget: Callable[..., Any], key: str, text: str, options: Options) -> None:
    """Fill a field that is drawn anew with the text of its draft, if it can have that value."""
    if options.get("disabled"):
        return
    try:
        value = _READERS[widget](text, options)
    except ValueError:
        return
    st.session_state[key] = value
    for name in ("value", "index", "default"):
        if options.get(name) is not None:  # None says that the field can be cleared
            options.pop(name)


def _text(text: str, options: Options) -> str:
    if len(text) > (options.get("max_chars") or len(text)):
        raise ValueError("too long")
    return text


def _plain(label: object) -> str:
    """Return a label as it is read: without icons, with single spaces."""
    return " ".join(_ICON.sub(" ", str(label)).split())


def _one(text: str, options: Options) -> Any:
    """Return the option with this label; labels that several options have are ignored."""
    label = options.get("format_func", str)
    (value,) = (each for each in options["options"] if _plain(label(each)) == _plain(text))
    return value


def _one_of_list(text: str, options: Options) -> Any:
    is_cleared = not text and options.get("index", 0) is None
    return None if is_cleared else _one(text, options)


def _several(text: str, options: Options) -> list[Any]:
    chosen = [_one(label, options) for label in text.split("\n") if label]
    if len(chosen) > (options.get("max_selections") or len(chosen)):
        raise ValueError("too many")
    return list(dict.fromkeys(chosen))


def _buttons(text: str, options: Options) -> Any:
    if not text and options.get("required"):
        raise ValueError("nothing chosen")
    if options.get("selection_mode", "single") == "multi":
        return _several(text, options)
    return _one(text, options) if text else None


def _switch(text: str, _options: Options) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("neither on nor off")
    return text == "true"


def _date(text: str, options: Options) -> date | None:
    if not text and options.get("value", "today") is None:
        return None
    chosen, today = date.fromisoformat(text), clock.now().date()
    first = options.get("min_value") or today - _REACH
    last = options.get("max_value") or today + _REACH
    if not first <= chosen <= last:
        raise ValueError("out of bounds")
    return chosen


def _number(text: str, options: Options) -> float | None:
    if not text and options.get("value", "min") is None:
        return None
    is_whole = isinstance(options.get("step", options.get("value")), int)
    number = int(text) if is_whole else float(text)
    first, last = options.get("min_value"), options.get("max_value")
    is_within = (first is None or first <= number) and (last is None or number <= last)
    if not (isfinite(number) and abs(number) <= _MAX_NUMBER and is_within):
        raise ValueError("out of bounds")
    return number


_READERS: Final[Mapping[Callable[..., Any], Callable[[str, Options], Any]]] = {
    **dict.fromkeys((st.text_input, st.text_area), _text),
    **dict.fromkeys((st.selectbox, st.radio), _one_of_list),
    **dict.fromkeys((st.segmented_control, st.pills), _buttons),
    **dict.fromkeys((st.toggle, st.checkbox), _switch),
    st.multiselect: _several,
    st.date_input: _date,
    st.number_input: _number,
}
