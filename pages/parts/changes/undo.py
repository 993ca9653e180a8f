"""Undo: the line after an act, and the dialog that shows what would be put back and what not."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.accounts.sessions import VerifiedPassword
from core.base import clock
from core.changes import changes, undo_marks
from core.changes.changes import Act, Line
from core.changes.inverse import Ask
from core.changes.judgement import State
from core.changes.undo_marks import Mark, Offer
from core.database import db
from pages import ui
from pages.ui import authentication, elements, last_act
from pages.ui.last_act import forget

_DIALOGS: Final = {Offer.UNDO: "undo", Offer.REDO: "redo"}
_DONE: Final = {Offer.UNDO: "Saved.", Offer.REDO: "Undone."}
"""What the line says of the last act, by what it offers."""
_UNMARKED: Final = Mark(Offer.NOTHING)


def draw(actor: Actor) -> None:
    """Draw the line about the last act at the bottom of the page, and the dialog if it is open."""
    if entry_ids := last_act.find_entries():
        _draw_line(actor, entry_ids)
    for offer, name in _DIALOGS.items():
        ui.draw_dialog(name, f"{offer} this change?", _draw_dialog, actor, offer)
    ui.draw_dialog("not-undone", "Not everything was undone", _draw_refused)


def open_dialog(entry_ids: Sequence[int], offer: str) -> None:
    """Open the dialog that asks before these entries are undone, or an undo is."""
    ui.open_dialog(_DIALOGS[Offer(offer)], tuple(entry_ids))


def with_marks(actor: Actor, entries: pd.DataFrame) -> pd.DataFrame:
    """Return entries of history with what can be done about each, and who has undone it."""
    with db.read() as session:
        marks = undo_marks.find_marks(session, entries["id"].tolist(), reader_id=actor.user_id)
    found = [marks.get(entry_id, _UNMARKED) for entry_id in entries["id"]]
    return entries.assign(
        offer=[mark.offer.value for mark in found],
        undone_by=[mark.undone_by for mark in found],
        undone_at=pd.Series([mark.undone_at for mark in found], entries.index, dtype=object),
    )


def open_for_entry(marked: pd.DataFrame, entry_id: int) -> None:
    """Open the dialog for an entry of `with_marks` whose button was pressed."""
    offers = marked.loc[marked["id"] == entry_id, "offer"]
    for offer in offers[offers != ""]:
        open_dialog([entry_id], offer)
        st.rerun()


def _draw_line(actor: Actor, entry_ids: tuple[int, ...]) -> None:
    offer = _find_offer(actor, entry_ids)
    if offer is Offer.NOTHING:
        return
    with st.bottom, elements.row(key="last-act", horizontal_alignment="center"):
        st.markdown(f":small[:material/check: {_DONE[offer]}]", width="content")
        st.button(
            offer,
            key="last-act-undo",
            type="tertiary",
            on_click=open_dialog,
            args=(entry_ids, offer),
        )
        st.button(
            "Dismiss",
            key="last-act-dismiss",
            type="tertiary",
            on_click=forget,
        )


def _find_offer(actor: Actor, entry_ids: tuple[int, ...]) -> Offer:
    """Return what the line offers: nothing where there is no way back, or it was undone since."""
    with db.read() as session:
        marks = undo_marks.find_marks(session, entry_ids, reader_id=actor.user_id)
    offers = {mark.offer for mark in marks.values()}
    return next((offer for offer in (Offer.UNDO, Offer.REDO) if offer in offers), Offer.NOTHING)


def _draw_dialog(actor: Actor, offer: Offer, entry_ids: tuple[int, ...]) -> None:
    """Draw what would be put back, with a box for each field, and what not; then the buttons."""
    acts = db.run(changes.plan, actor, entry_ids)
    form = ui.fields(_DIALOGS[offer])
    chosen = _draw_put_back(form, acts)
    _draw_changed_since(acts)
    _draw_refusals(acts)
    for caution in dict.fromkeys(act.caution for act in acts if act.put_back and act.caution):
        st.markdown(ui.quiet(f":material/info: {caution}"))
    if any(act.put_back for act in acts):
        _draw_end(form, actor, offer, acts, chosen)
    elif st.button("Close", key="undo-close"):
        form.cancel()


def _draw_put_back(form: ui.Form, acts: Sequence[Act]) -> list[Line]:
    """Draw what would be put back, and return the lines that are chosen."""
    lines = [(act, line) for act in acts for line in act.put_back]
    if not lines:
        return []
    st.markdown(f"**Will be put back ({len(lines)})**")
    chosen = []
    for number, (act, line) in enumerate(lines):
        has_box = act.has_choice and len(acts) == 1
        if _draw_line_of_plan(form, line, f"field-{number}", has_box=has_box):
            chosen.append(line)
    return chosen


def _draw_line_of_plan(form: ui.Form, line: Line, key: str, *, has_box: bool) -> bool:
    with st.container(gap=None, key=f"undone-{key}"):
        is_chosen = True
        if has_box:
            is_chosen = st.checkbox(ui.esc(line.label), value=True, key=form.key(key))
        else:
            st.markdown(f"**{ui.esc(line.label)}**")
        st.text(f"{line.now} → {line.before}", width="stretch")
    return is_chosen


def _draw_changed_since(acts: Sequence[Act]) -> None:
    lines = [line for act in acts for line in act.lines if line.state is State.CHANGED]
    if lines:
        st.markdown(f"**Changed since ({len(lines)})**")
    for line in lines:
        st.text(f"{line.label}: {line.now}")
        since = ""
        if line.changed_at is not None:
            since = f"Changed by {line.changed_by}, {ui.ago(line.changed_at, clock.now())}. "
        st.markdown(ui.quiet(ui.esc(f"{since}It stays as it is.")))


def _draw_refusals(acts: Sequence[Act]) -> None:
    """Draw why something cannot be undone, and that some of it was undone already."""
    refusals = [act.refusal for act in acts if act.refusal]
    if refusals:
        st.markdown(f"**Cannot be undone ({len(refusals)})**")
    for refusal in refusals:
        st.markdown(ui.esc(refusal))
    already = [line.label for act in acts for line in act.lines if line.state is State.ALREADY]
    if already:
        st.markdown(ui.quiet(ui.esc(f"As it was already: {', '.join(already)}")))


class _Given(NamedTuple):
    """What a person gives before something is undone."""

    reason: str = ""
    name: str = ""
    proof: VerifiedPassword | None = None


def _draw_end(
    form: ui.Form, actor: Actor, offer: Offer, acts: Sequence[Act], chosen: Sequence[Line]
) -> None:
    """Draw the fields for what is asked for, and the buttons; then undo what was chosen."""
    asks = {ask for act in acts if act.put_back for ask in act.asks}
    reason = name = password = ""
    if Ask.REASON in asks:
        reason = form.field(st.text_input, "reason", "Reason", hint="Owners can see this.")
    if Ask.NAME in asks:
        shown = acts[0].organization
        name = form.field(st.text_input, "name", "Type the exact name", placeholder=shown)
    if Ask.PASSWORD in asks:
        password = form.current_password()
    if not form.buttons(f"{offer} {ui.count(len(chosen), 'change')}", disabled=not chosen):
        return
    proof = None
    if Ask.PASSWORD in asks:
        proof = form.prepare(authentication.prove_password, actor, password)
        if proof is None:
            return
    done = _undo(form, actor, acts, chosen, _Given(reason, name, proof))
    if done is not None:
        _finish(form, offer, done)


def _undo(
    form: ui.Form, actor: Actor, acts: Sequence[Act], chosen: Sequence[Line], given: _Given
) -> changes.Outcome | None:
    """Undo one entry, of which fields can be chosen, or several; None if it was refused."""
    if len(acts) > 1:
        ids = [act.entry_id for act in acts]
        reason, _, proof = given
        return form.change(changes.undo_all, actor, ids, reason=reason, proof=proof)
    (act,) = acts
    only = [line.cell for line in chosen] if act.has_choice else None
    made = form.change(changes.undo, actor, act.entry_id, only=only, **given._asdict())
    return None if made is None else changes.Outcome([made], [])


def _finish(form: ui.Form, offer: Offer, outcome: changes.Outcome) -> None:
    """Say how much was undone, and open the list of what was refused."""
    form.reset()
    ui.close_dialog()
    done = "undone" if offer is Offer.UNDO else "redone"
    if outcome.done:
        one = len(outcome.done) == 1
        ui.show_notice(f"Change {done}" if one else f"{len(outcome.done)} changes {done}")
    if outcome.refused:
        ui.open_dialog("not-undone", outcome.refused)
    if any(entry.event == "organization.deleted" for entry in outcome.done):
        st.switch_page("organizations.py")
    st.rerun()


def _draw_refused(refused: Sequence[str]) -> None:
    for sentence in dict.fromkeys(refused):
        st.markdown(ui.esc(sentence))
