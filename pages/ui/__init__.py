"""What screens share: `from pages import ui`, then open, read, draw, save."""

from pages.ui.dialogs import close_dialog, draw_dialog, open_dialog
from pages.ui.forms import Form, change, fields, form, save, saved, start_again
from pages.ui.open_page import (
    fragment,
    open_page,
    open_person_page,
    open_staff_page,
    open_stranger_page,
    tell,
)
from pages.ui.text import ago, count, day, esc, exact, quiet, refusal, unlinked

__all__ = [
    "Form",
    "ago",
    "change",
    "close_dialog",
    "count",
    "day",
    "draw_dialog",
    "esc",
    "exact",
    "fields",
    "form",
    "fragment",
    "open_dialog",
    "open_page",
    "open_person_page",
    "open_staff_page",
    "open_stranger_page",
    "quiet",
    "refusal",
    "save",
    "saved",
    "start_again",
    "tell",
    "unlinked",
]
