"""Notes on the screen: each with its author and, very clearly, who sees it."""

from collections.abc import Sequence

import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.base.clock import now
from core.models import Organization
from core.staff import notes
from core.staff.notes import PAGE, Shown
from pages.ui import elements
from pages.ui.dialogs import draw_dialog, open_dialog
from pages.ui.forms import form, save
from pages.ui.text import ago, day, esc, quiet

STAFF_ONLY, SHARED = "Staff only", "The organization, too"


def shown_count() -> int:
    """Return how many notes a page reads: one more than it draws, to know whether more follow."""
    return int(st.session_state.get("notes-shown", PAGE)) + 1


def draw_notes(
    actor: Actor,
    org: Organization,
    rights: Rights,
    found: Sequence[Shown],
    *,
    most: int | None = None,
) -> None:
    """Draw the notes about an organization; for staff with a form to add one.

    `found` comes from `notes.about`, one more than is drawn. With `most` these few, and the way to
    all of them.
    """
    is_staff = Action.WRITE_NOTES in rights
    if not is_staff and not found:
        return
    st.subheader("Notes" if is_staff else "Notes from your contact", anchor=False)
    if is_staff and most is None:
        _draw_form(actor, org)
    if not found:
        st.markdown(quiet("Nobody has written one yet."))
    shown = found[: most or shown_count() - 1]
    for note in shown:
        draw_note(actor, note, is_staff=is_staff, may_change=most is None)
    if most is not None and (is_staff or len(found) > most):
        label = "All notes" if found else "Write a note"
        st.page_link("onboarding.py", label=label, query_params={"org": org.public_id})
    elif len(found) > len(shown):
        draw_older(len(shown))
    draw_dialogs(actor, found)


def draw_note(
    actor: Actor,
    note: Shown,
    *,
    is_staff: bool,
    may_change: bool = True,
    names_organization: bool = False,
) -> None:
    """Draw one note; its author may change it and take it away, where there is room for that."""
    with st.container(border=True, key=f"note-{note.id}", gap="xxsmall"):
        if names_organization:
            _draw_organization(note)
        with elements.row():
            elements.avatar(note.author, note.author_id)
            st.markdown(esc(note.author), width="content")
            _draw_when(note)
            if is_staff:
                draw_reach(is_shared=note.is_shared)
            st.space("stretch")
            if may_change and note.author_id == actor.user_id:
                _draw_actions(note)
        st.text(note.text)


def draw_older(shown: int) -> None:
    """Draw the way to notes that are older than those that are shown."""
    if st.button("Older notes", key="notes-older"):
        st.session_state["notes-shown"] = shown + PAGE
        st.rerun()


def draw_reach(*, is_shared: bool) -> None:
    """Draw who sees a note, always the same: an open eye in orange, or a lock."""
    if is_shared:
        st.badge("Shared with the organization", icon=":material/visibility:", color="orange")
    else:
        st.badge(STAFF_ONLY, icon=":material/lock:", color="gray")


def draw_dialogs(actor: Actor, found: Sequence[Shown]) -> None:
    """Draw the dialogs that the actions of notes open."""
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
        said = drawn.field(
            st.text_area, "text", "New note", placeholder="What should others know", height=90
        )
        with elements.row():
            reach = drawn.field(
                st.segmented_control,
                "reach",
                "Who sees it",
                options=[STAFF_ONLY, SHARED],
                default=STAFF_ONLY,
                required=True,
                hint="Decided now: it cannot be changed later.",
            )
            st.space("stretch")
            pressed = drawn.submit("Add note", kind="secondary")
    if pressed:
        told = "The note is shared." if reach == SHARED else "The note is kept, for staff only."
        drawn.save(told, notes.write, actor, org.id, said, is_shared=reach == SHARED)


def _draw_organization(note: Shown) -> None:
    with elements.row(wrap=False):
        elements.avatar(note.organization, note.public_id, note.logo)
        st.page_link(
            "onboarding.py",
            label=f"**{esc(note.organization)}**",
            query_params={"org": note.public_id},
        )


def _draw_when(note: Shown) -> None:
    edited = f", edited {ago(note.edited_at, now())}" if note.edited_at else ""
    when = f"{ago(note.created_at, now())}, {day(note.created_at)}"
    st.markdown(quiet(f"{when}{edited}"), width="content")


def _draw_actions(note: Shown) -> None:
    if st.button("Edit", key=f"note-edit-{note.id}", type="tertiary"):
        open_dialog("note-edit", note.id)
    if st.button("Delete", key=f"note-delete-{note.id}", type="tertiary"):
        open_dialog("note-delete", note.id)


def _edit(actor: Actor, note: Shown) -> None:
    draw_reach(is_shared=note.is_shared)
    with form(f"note-{note.id}") as drawn:
        said = drawn.field(
            st.text_area,
            "text",
            "Note",
            value=note.text,
            height=160,
            hint="What it said before stays in history.",
        )
        pressed = drawn.submit("Save note")
    if pressed:
        drawn.save("The note is saved.", notes.edit, actor, note.id, said)


def _delete(actor: Actor, note: Shown) -> None:
    st.text(note.text)
    st.markdown(quiet("It is gone from every page. What it said stays in history."))
    if st.button("Delete note", key="note-deleted", type="primary"):
        save("The note is deleted.", notes.delete, actor, note.id)
