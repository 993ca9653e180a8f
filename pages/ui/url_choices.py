"""Choices that stand in the address by their value, so that a link has them."""

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
    """Draw a choice between values that are each called something; return the value chosen.

    The address has it as `name`, and leaves out the default. A widget that Streamlit binds to the
    address would put there what the value is called.
    """
    key, values = f"{page}-{name}", [str(value) for value in choices]
    if key not in st.session_state:
        asked = st.query_params.get(name)
        st.session_state[key] = asked if asked in values else _text(default)
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
