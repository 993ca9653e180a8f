"""Drawing notes: each with its author and a badge for who can see it."""

from collections.abc import Callable, Sequence

import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.base.clock import now
from core.models import Organization
from core.staff import notes
from core.staff.notes import PAGE_SIZE, ListedNote
from pages.ui import elements
from pages.ui.dialogs import draw_dialog, open_dialog
from pages.ui.forms import fields, form
from pages.ui.open_page import query_about
from pages.ui.text import ago, day, esc, quiet

STAFF_ONLY, SHARED = "Staff only", "Shared with the organization"


def count_to_load() -> int:
    """Return how many notes a page loads: one more than it draws, to know whether more follow."""
    return int(st.session_state.get("notes-shown", PAGE_SIZE)) + 1


def draw_notes(
    actor: Actor,
    org: Organization,
    rights: Rights,
    found: Sequence[ListedNote],
    *,
    limit: int | None = None,
) -> None:
    """Draw the notes about an organization, with a form for staff to add one.

    `found` comes from `notes.list_about`, with one note more than is drawn. With `limit`, draw only
    so many and a link to all notes instead of the form.
    """
    is_staff = Action.WRITE_NOTES in rights
    if not is_staff and not found:
        return
    st.header("Notes" if is_staff else "Notes from your Orgdesk contact", anchor=False)
    if is_staff and limit is None:
        _draw_form(actor, org)
    if not found:
        st.markdown(quiet("No notes yet"))
    drawn = found[: limit or count_to_load() - 1]
    for note in drawn:
        is_merged = note.org_id != org.id
        may_change = limit is None and not is_merged
        draw_note(
            actor, note, is_staff=is_staff, may_change=may_change, names_organization=is_merged
        )
    if limit is not None and (is_staff or len(found) > limit):
        label = "All notes" if found else "Write a note"
        st.page_link("onboarding.py", label=label, query_params=query_about(org.public_id))
    elif len(found) > len(drawn):
        draw_older(len(drawn))
    draw_dialogs(actor, found)


def draw_note(
    actor: Actor,
    note: ListedNote,
    *,
    is_staff: bool,
    may_change: bool = True,
    names_organization: bool = False,
    listed: str = "",
    on_look: Callable[[], None] | None = None,
) -> None:
    """Draw a note, with actions for its author if `may_change`.

    The name of its organization leads through `listed`, the list in its address if there is one,
    and `on_look` opens the quick view of it.
    """
    with st.container(border=True, key=f"note-{note.id}", gap="xxsmall"):
        if names_organization:
            _draw_organization(note, listed, on_look)
        with elements.row():
            elements.avatar(note.author, note.author_id)
            st.markdown(esc(note.author), width="content")
            _draw_when(note)
            if is_staff:
                draw_visibility(is_shared=note.is_shared)
            st.space("stretch")
            if may_change and note.author_id == actor.user_id:
                _draw_actions(note)
        st.text(note.text)


def draw_older(number: int) -> None:
    """Draw the button that shows older notes."""
    if st.button("Older notes", key="notes-older"):
        st.session_state["notes-shown"] = number + PAGE_SIZE
        st.rerun()


def draw_visibility(*, is_shared: bool) -> None:
    """Draw the badge for who can see a note."""
    if is_shared:
        st.badge(SHARED, icon=":material/visibility:", color="orange")
    else:
        st.badge(STAFF_ONLY, icon=":material/lock:", color="gray")


def draw_dialogs(actor: Actor, found: Sequence[ListedNote]) -> None:
    """Draw the dialogs for editing and deleting notes."""
    mine = {note.id: note for note in found if note.author_id == actor.user_id}

    def change(note_id: int) -> None:
        if note_id in mine:
            _edit(actor, mine[note_id])

    def remove(note_id: int) -> None:
        if note_id in mine:
            _delete(actor, mine[note_id])

    draw_dialog("note-edit", "Edit note", change, width="medium")
    draw_dialog("note-delete", "Delete note", remove)


def _draw_form(actor: Actor, org: Organization) -> None:
    with form("note", border=True) as drawn:
        text = drawn.field(st.text_area, "text", "New note", placeholder="Write a note", height=90)
        with elements.row():
            visibility = drawn.field(
                st.segmented_control,
                "reach",
                "Who sees it",
                options=[STAFF_ONLY, SHARED],
                default=STAFF_ONLY,
                required=True,
                hint="You can't change this later.",
            )
            st.space("stretch")
            pressed = drawn.submit("Add note", kind="secondary")
    if pressed:
        notice = "Note shared" if visibility == SHARED else "Note added (staff only)"
        drawn.save(notice, notes.write, actor, org.id, text, is_shared=visibility == SHARED)


def _draw_organization(note: ListedNote, listed: str, on_look: Callable[[], None] | None) -> None:
    with elements.row(wrap=False):
        elements.avatar(note.organization, note.public_id, note.logo)
        st.page_link(
            "onboarding.py",
            label=f"**{esc(note.organization)}**",
            query_params={"org": note.public_id} | ({"list": listed} if listed else {}),
        )
        if on_look is not None:
            icon, key = ":material/right_panel_open:", f"note-look-{note.id}"
            if st.button("Quick view", icon=icon, key=key, type="tertiary"):
                on_look()


def _draw_when(note: ListedNote) -> None:
    edited = f", edited {ago(note.edited_at, now())}" if note.edited_at else ""
    when = f"{ago(note.created_at, now())}, {day(note.created_at)}"
    st.markdown(quiet(f"{when}{edited}"), width="content")


def _draw_actions(note: ListedNote) -> None:
    if st.button("Edit", key=f"note-edit-{note.id}", type="tertiary"):
        open_dialog("note-edit", note.id)
    if st.button("Delete", key=f"note-delete-{note.id}", type="tertiary"):
        open_dialog("note-delete", note.id)


def _edit(actor: Actor, note: ListedNote) -> None:
    draw_visibility(is_shared=note.is_shared)
    with form(f"note-{note.id}") as drawn:
        text = drawn.field(
            st.text_area,
            "text",
            "Note",
            value=note.text,
            height=160,
            hint="The previous text stays in history.",
        )
        pressed = drawn.submit("Save note")
    if pressed:
        drawn.save("Note saved", notes.edit, actor, note.id, text)


def _delete(actor: Actor, note: ListedNote) -> None:
    st.text(note.text)
    st.markdown(quiet("The note disappears everywhere; its text stays in history."))
    drawn = fields("note-delete")
    if drawn.buttons("Delete note", key="note-deleted"):
        drawn.save("Note deleted", notes.delete, actor, note.id)
