"""Bulk edit of organizations: choose fields and values, preview what they change, confirm."""

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any, Final

import streamlit as st

from core.access.permissions import Actor, Rights
from core.bulk_edit import bulk_edit, fields
from core.bulk_edit.bulk_edit import Preview
from core.bulk_edit.fields import LABELS, NEVER_EMPTY, Current, Field, Values
from core.database import db
from core.models import Stage
from core.notifications import alerts
from core.onboarding import onboarding
from core.organizations.filters import Filters
from core.runs import items, runs
from core.runs.items import MAX_ITEMS, Selection
from pages import ui
from pages.parts.runs import progress
from pages.ui.dialogs import as_opened
from pages.ui.forms import Form

ACTION: Final = ui.Action("edit", "Edit", "edit", takes_all=True, has_count=True)
TYPED_ABOVE: Final = 1_000
"""Above this number of organizations, the number is typed to confirm."""
LEAVE, SET, CLEAR = "Leave as is", "Set to", "Clear"
_PREVIEW, _TYPED = "edit preview", "edit typed"


def open_dialog(asked: ui.Asked, filters: Filters) -> None:
    """Open the dialog about what is selected: some organizations, or all that match."""
    open_for(Selection(asked.rows, filters if asked.is_all else None))


def open_for(selection: Selection, name: str = "edit") -> None:
    """Open the dialog about these organizations, or another one that ends in `draw_preview`."""
    st.session_state.pop(_PREVIEW, None)
    ui.open_dialog(name, selection)


def draw_dialog(actor: Actor, rights: Rights) -> None:
    """Draw the dialog if it is open: the fields, or the preview of what they change."""
    ui.draw_dialog("edit", "Edit organizations", _draw, actor, rights, width="medium")


def _draw(actor: Actor, rights: Rights, selection: Selection) -> None:
    if draw_preview(actor):
        return
    with db.read() as session:
        number = as_opened("number", items.count(session, selection))
        current = as_opened("current", fields.count_values(session, actor, selection))
        reps = onboarding.list_reps(session)
    if number > MAX_ITEMS:
        draw_too_many()
        return
    st.markdown(f"**{ui.count(number, 'organization')}**")
    form = ui.fields("edit")
    values = {
        field: value
        for field in fields.list_editable(rights)
        if (value := _draw_field(form, field, current[field], reps)) != LEAVE
    }
    reason = form.field(st.text_input, "reason", "Reason", hint="Owners can see this.")
    if form.buttons("Preview", key="edit-submit"):
        propose(form, actor, selection, values, reason=reason)


def draw_too_many() -> None:
    """Draw why organizations cannot be edited: there are more than a run can have."""
    st.markdown(
        f"More than **{MAX_ITEMS:,} organizations** match. Narrow the list with a filter first."
    )


def propose(
    form: Form, actor: Actor, selection: Selection, values: Values, *, reason: str = ""
) -> None:
    """Propose to set these fields, and open the preview of what that changes."""
    found = form.change(bulk_edit.propose, actor, selection, values, reason=reason)
    if found is not None:
        st.session_state[_PREVIEW] = found
        st.session_state[_TYPED] = _widget_values(form)
        st.rerun()


def _widget_values(form: Form) -> dict[str, Any]:
    """Return what was chosen and typed; Streamlit forgets it while the preview is shown."""
    keys = [str(key) for key in st.session_state if str(key).startswith(f"{form.name}.")]
    return {key: st.session_state[key] for key in keys}


def _draw_field(form: Form, field: Field, current: Current, reps: Mapping[int, str]) -> Any:
    """Draw a field, and return what it is set to; None to clear it, or `LEAVE`."""
    modes = [LEAVE, SET] if field in NEVER_EMPTY else [LEAVE, SET, CLEAR]
    left, right = st.columns([2, 3], gap="small")
    with left:
        hint = _describe(field, current, reps)
        mode = form.field(st.selectbox, f"{field}_mode", LABELS[field], options=modes, hint=hint)
    if mode != SET:
        return LEAVE if mode == LEAVE else None
    with right:
        return _draw_value(form, field, reps)


def _draw_value(form: Form, field: Field, reps: Mapping[int, str]) -> str | int | None:
    draw = partial(form.field, name=str(field), label=f"New {LABELS[field].lower()}")
    if field is Field.REP:
        chosen = draw(st.selectbox, options=list(reps), index=None, format_func=reps.__getitem__)
        return chosen if chosen is not None else ""
    if field is Field.STAGE:
        return draw(st.selectbox, options=list(Stage), index=None, format_func=_capitalized) or ""
    if field in fields.DATES:
        day: date | None = draw(st.date_input, value=None, format="YYYY-MM-DD")
        return day.isoformat() if day else ""
    if field is Field.ALERTS:
        on = draw(st.multiselect, options=list(alerts.LABELS), format_func=alerts.LABELS.get)
        return alerts.as_stored(on)
    text: str = draw(st.text_input)
    return text


def _capitalized(stage: Stage) -> str:
    return stage.capitalize()


def _describe(field: Field, current: Current, reps: Mapping[int, str]) -> str:
    """Return what the organizations have now: `3 different values, 12 empty`."""
    empty = f", {current.empty:,} empty" if current.empty and current.values else ""
    if current.values > 1:
        return f"{current.values:,} different values{empty}"
    if not current.values:
        return "All on" if field is Field.ALERTS else "Empty"
    return f"{ui.esc(_as_text(field, current.only, reps))}{empty}"


def _as_text(field: Field, value: Any, reps: Mapping[int, str]) -> str:
    if value is None:
        return "empty"
    if field is Field.REP:
        return reps.get(int(value), "A former sales rep")
    if field is Field.STAGE:
        return str(value).capitalize()
    return f"Off: {value}" if field is Field.ALERTS else str(value)


def draw_preview(actor: Actor) -> bool:
    """Draw the preview of what was proposed, to confirm it; return whether there is one."""
    preview: Preview | None = st.session_state.get(_PREVIEW)
    if preview is not None:
        _draw_preview(actor, preview)
    return preview is not None


def _draw_preview(actor: Actor, preview: Preview) -> None:
    total, values = preview.run.total, preview.run.params["values"]
    with db.read() as session:
        reps = onboarding.list_reps(session)
    st.markdown(f"**{ui.count(total, 'organization')}**")
    for field, number in preview.changing.items():
        to = ui.esc(_as_text(field, values[field], reps))
        st.markdown(f"- {LABELS[field]} → {to}: changes in **{number:,}**")
    if preview.unchanged:
        have = "has" if preview.unchanged == 1 else "have"
        st.markdown(f"{preview.unchanged:,} already {have} these values.")
    _draw_refused(preview)
    with ui.form("edit-confirm") as form:
        shown = total
        if total > TYPED_ABOVE:
            typed = form.field(st.text_input, "shown", f"Enter {total:,} to confirm")
            shown = int(digits) if (digits := typed.replace(",", "").strip()).isdecimal() else 0
        pressed = _draw_buttons(form, f"Change {ui.count(total, 'organization')}")
    if pressed:
        progress.expect_new()
        form.save("Change started", runs.confirm, actor, preview.run.id, shown=shown)


def _draw_buttons(form: Form, label: str) -> bool:
    """Draw the button with this label, `Cancel` and `Back`; return whether the first is pressed."""
    form.reserve_footer()
    with st.container(horizontal=True, gap="xsmall", key="reversed-edit-confirm"):
        pressed = st.form_submit_button(label, key="edit-confirm-submit", type="primary")
        if st.form_submit_button("Cancel", key="edit-confirm-cancel"):
            form.cancel()
        if st.form_submit_button("Back", key="edit-back", type="tertiary"):
            st.session_state.pop(_PREVIEW, None)
            st.session_state.update(st.session_state.pop(_TYPED, {}))
            st.rerun()
    return pressed


def _draw_refused(preview: Preview) -> None:
    if not preview.refused:
        return
    st.markdown(
        f"{len(preview.refused)} of the first {preview.tried} would be refused. All that are will "
        "be listed with the reason."
    )
    for name, why in preview.refused:
        st.markdown(f"**{ui.esc(name)}**  \n{ui.quiet(ui.esc(why))}")
