"""What pages share: `from pages import ui`, then open, read, draw, save."""

from pages.ui import column
from pages.ui.dialogs import close_dialog, draw_dialog, is_open, open_dialog
from pages.ui.edit_form import EditForm
from pages.ui.forms import Form, attempt, change, fields, form, reset_button, save, saved_notice
from pages.ui.links import page_switch, tabs
from pages.ui.open_page import (
    callback,
    fragment,
    open_page,
    open_public_page,
    open_signed_in_page,
    open_staff_page,
    query_about,
    run_instead,
    show_notice,
)
from pages.ui.summary import summary
from pages.ui.table import (
    Action,
    Asked,
    Paging,
    Turn,
    clear_selection,
    first_page,
    numbered_pages,
    page_number,
    page_turns,
    sort_order,
    table,
)
from pages.ui.text import ago, capped, count, day, esc, exact, quiet, refusal
from pages.ui.timeline import timeline

__all__ = [
    "Action",
    "Asked",
    "EditForm",
    "Form",
    "Paging",
    "Turn",
    "ago",
    "attempt",
    "callback",
    "capped",
    "change",
    "clear_selection",
    "close_dialog",
    "column",
    "count",
    "day",
    "draw_dialog",
    "esc",
    "exact",
    "fields",
    "first_page",
    "form",
    "fragment",
    "is_open",
    "numbered_pages",
    "open_dialog",
    "open_page",
    "open_public_page",
    "open_signed_in_page",
    "open_staff_page",
    "page_number",
    "page_switch",
    "page_turns",
    "query_about",
    "quiet",
    "refusal",
    "reset_button",
    "run_instead",
    "save",
    "saved_notice",
    "show_notice",
    "sort_order",
    "summary",
    "table",
    "tabs",
    "timeline",
]
