"""Choices that are kept in the address, so that a link contains them."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st


def choose(
    page: str,
    widget: Callable[..., Any],
    name: str,
    label: str,
    choices: Mapping[Any, str],
    *,
    default: Any = None,
    **options: Any,
) -> str | None:
    """Draw a selection widget for `choices`, labels by value, and return the chosen value.

    The address contains it as `name`, unless it is the default. Widgets that Streamlit binds to the
    address would put the label there instead of the value.
    """
    key, values = f"{page}-{name}", [str(value) for value in choices]
    if key not in st.session_state:
        requested = st.query_params.get(name)
        st.session_state[key] = requested if requested in values else _text(default)
    chosen: str | None = widget(
        label,
        values,
        key=key,
        format_func={str(value): words for value, words in choices.items()}.__getitem__,
        **{"label_visibility": "collapsed"} | options,
    )
    kept = None if chosen == _text(default) else chosen
    if kept != st.query_params.get(name):
        if kept is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = kept
    return chosen


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
