"""What pages share: `from pages import ui`, then open, read, draw, save."""

from pages.ui.dialogs import close_dialog, draw_dialog, open_dialog
from pages.ui.forms import Form, change, fields, form, reset_button, save, saved_notice
from pages.ui.open_page import (
    callback,
    fragment,
    open_page,
    open_public_page,
    open_signed_in_page,
    open_staff_page,
    show_notice,
)
from pages.ui.text import ago, count, day, esc, exact, quiet, refusal, unlinked

__all__ = [
    "Form",
    "ago",
    "callback",
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
    "open_public_page",
    "open_signed_in_page",
    "open_staff_page",
    "quiet",
    "refusal",
    "reset_button",
    "save",
    "saved_notice",
    "show_notice",
    "unlinked",
]
