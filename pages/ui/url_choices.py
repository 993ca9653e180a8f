"""Choices that are kept in the address, so that a link contains them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.ui.text import esc


@contextmanager
def own_parameters() -> Iterator[None]:
    """Draw a page whose widgets bind parameters of the address for this rerun only.

    Streamlit keeps the bindings of the page before, and takes a parameter such as `q` out of the
    address of the next page, since it takes it for the one of the page before.
    """
    try:
        yield
    finally:
        context = get_script_run_ctx()
        if context is not None:
            with context.session_state.query_params() as parameters:
                for widget_id in list(parameters._bindings_by_widget):
                    parameters.unbind_widget(widget_id)


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
    address would put the label there instead of the value. Without a default it is a filter, and a
    value in the address that is no choice ends the rerun with a sentence.
    """
    key, values = f"{page}-{name}", [str(value) for value in choices]
    if key not in st.session_state:
        requested = st.query_params.get(name)
        if requested and requested not in values and default is None:
            _refuse(label, requested)
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


def validate_address(parse: Callable[[str], object]) -> None:
    """End the rerun with a sentence if `parse` raises `ValueError` for the query of the address.

    Streamlit would drop an invalid value of a bound widget, and the page would show everything.
    """
    names = st.query_params.keys()
    query = urlencode({name: st.query_params.get_all(name) for name in names}, doseq=True)
    try:
        parse(query)
    except ValueError:
        _refuse()


def _refuse(label: str = "", value: str = "") -> NoReturn:
    which = f"{label} {value}" if label else "A filter in this address"
    st.warning(
        esc(f"{which} isn't available, so nothing is shown."), icon=":material/filter_alt_off:"
    )
    st.button("Clear filters", key="clear-address", on_click=_clear)
    st.stop()


def _clear() -> None:
    st.query_params.clear()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
