"""A file field: the file is uploaded by our own route, and kept for this person only."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pages.ui import component

_field = component.load("file_field")


class Chosen(NamedTuple):
    """An uploaded file: its id for `uploads.get`, and its name."""

    upload_id: int
    name: str


def file_field(
    label: str, *, key: str, limits: Mapping[str, object], picture: str = ""
) -> Chosen | None:
    """Draw a file field and return the uploaded file, if any.

    `limits` has `max_bytes`, `too_large`, the error for larger files with `{size}` for their size
    in MB, `accept`, the types that the file chooser proposes, `route`, if it is sent elsewhere
    than to `/uploads`, and `plain`, whether it is no picture. `picture` is the URL of the
    current image. A click on it, or on its empty place, opens the file chooser.
    """
    result: Any = _field(
        key=key,
        data={"label": label, "picture": picture, **limits},
        on_file_change=component.ignore,
        height="content",
    )
    found = result.file
    if not isinstance(found, dict) or not isinstance(found.get("id"), int):
        return None
    return Chosen(found["id"], str(found.get("name", "")))
