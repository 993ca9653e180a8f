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
    """Bind widgets to parameters of the address for this rerun only.

    Streamlit would keep the bindings, and remove a parameter such as `q` from the address of the
    next page, because the widget that was bound to it on this page is gone.
    """
    try:
        yield
    finally:
        context = get_script_run_ctx()
        if context is not None:
            with context.session_state.query_params() as parameters:
                # Also those of a rerun that was interrupted before the widget was registered.
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
    values = [str(value) for value in choices]

    def read(requested: str) -> str | None:
        if requested not in values and default is None:
            refuse(label, requested)
        return requested if requested in values else _text(default)

    chosen: str | None = keep(
        *(page, widget, name, label, values),
        read=read,
        write=str,
        default=_text(default),
        format_func={str(value): words for value, words in choices.items()}.__getitem__,
        **options,
    )
    return chosen


def keep(
    page: str,
    widget: Callable[..., Any],
    name: str,
    label: str,
    *choices: Any,
    read: Callable[[str], Any],
    write: Callable[[Any], str],
    default: Any = None,
    **options: Any,
) -> Any:
    """Draw a widget whose value the address contains as `name`, unless it is the default.

    `read` makes its value of the text in the address, and `write` the text of a value. If the
    address was changed meanwhile, by a link or by Back, it counts, and not the widget.
    """
    key, requested = f"{page}-{name}", st.query_params.get(name)
    if key not in st.session_state or st.session_state.get(f"{key} in address") != requested:
        st.session_state[key] = read(requested) if requested else default
    chosen = widget(label, *choices, key=key, **{"label_visibility": "collapsed"} | options)
    kept = None if chosen == default else write(chosen)
    if kept != requested:
        if kept is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = kept
    st.session_state[f"{key} in address"] = kept
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
        refuse()


def refuse(label: str = "", value: str = "") -> NoReturn:
    """End the rerun with a sentence about a filter that does not exist, and a way to clear it."""
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
