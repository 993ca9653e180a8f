"""A file field: the file is uploaded by our own route, and kept for this person only."""

from typing import Any, NamedTuple

import streamlit as st

from pages.ui import component

_field = component.load("file_field")


class Chosen(NamedTuple):
    """An uploaded file: its id for `uploads.get`, and its name."""

    upload_id: int
    name: str


def file_field(
    label: str, *, key: str, max_bytes: int, too_large: str, accept: str = "", picture: str = ""
) -> Chosen | None:
    """Draw a file field and return the uploaded file, if any.

    `too_large` is the error for files larger than `max_bytes`, with `{size}` for their size in MB.
    `picture` is the URL of the current image, which opens the file chooser on a click.
    """
    options = {"label": label, "max": max_bytes, "tooLarge": too_large}
    result: Any = _field(
        key=key,
        data={**options, "accept": accept, "picture": picture},
        on_file_change=component.ignore,
        height="content",
    )
    found = result.file
    if not isinstance(found, dict) or not isinstance(found.get("id"), int):
        return None
    return Chosen(found["id"], str(found.get("name", "")))


def forget_file(key: str) -> None:
    """Empty the field on the next rerun."""
    st.session_state.pop(key, None)
