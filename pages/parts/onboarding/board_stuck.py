"""What is stuck: who, why, and how to put off hearing of it."""

from datetime import timedelta
from typing import Final

import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.onboarding import onboarding, working_days
from core.onboarding.board import Card, Shelf
from pages import ui
from pages.parts.onboarding import board_cards
from pages.ui import cards

_SNOOZES: Final = {"Tomorrow": 1, "In 3 days": 3, "In a week": 7, "In two weeks": 14}
_UNTIL: Final = "Until a day …"


def draw(actor: Actor, stuck: Shelf, rights: Rights) -> None:
    """Draw the first of what is stuck; nothing when nothing is."""
    if not stuck.cards:
        return
    with st.container(border=True, gap="xxsmall", key="board-stuck"):
        many = f"{stuck.total:,}{'+' if stuck.is_capped else ''}"
        st.markdown(f":orange[:material/warning:] **{many} stuck**")
        for card in stuck.cards:
            _draw_row(actor, card, rights)
        if stuck.rest:
            st.markdown(ui.quiet("Choose Stuck above to see all of them."))


def _draw_row(actor: Actor, card: Card, rights: Rights) -> None:
    org = card.org
    with cards.row(wrap=False, key=f"stuck-{org.id}"):
        board_cards.draw_name(card, width="content")
        why = "; ".join(card.why_stuck)
        step = f": {org.next_step}" if org.next_step and "due" in why else ""
        st.markdown(ui.quiet(ui.esc(why + step)), width="stretch", wrap=False)
        if Action.MOVE_STAGES in rights:
            _draw_snooze(actor, card)


def _draw_snooze(actor: Actor, card: Card) -> None:
    org = card.org
    chosen = st.menu_button(
        "Snooze", [*_SNOOZES, _UNTIL], type="tertiary", key=f"stuck-snooze-{org.id}"
    )
    if chosen == _UNTIL:
        ui.open_dialog("card-snooze", org.id)
    elif chosen is not None:
        until = working_days.today() + timedelta(days=_SNOOZES[chosen])
        told = f"{org.name} is snoozed until {until:%-d %b}."
        ui.save(told, onboarding.snooze, actor, org.id, until=until)
