"""`Invite user`: several addresses at once, and an answer to each of them."""

import streamlit as st

from core.access.permissions import Actor
from core.base.errors import AddressesRefused
from core.members import invitations
from core.models import Organization, Role
from pages import ui
from pages.ui import badges


def draw_dialog(actor: Actor, org: Organization, offered: list[Role]) -> None:
    """Draw the dialog when it is open."""
    icon = ":material/person_add:"
    ui.draw_dialog("invite", "Invite user", _draw, actor, org, offered, width="medium", icon=icon)


def _draw(actor: Actor, org: Organization, offered: list[Role]) -> None:
    with ui.form("invite") as form:
        emails = form.field(
            st.text_area,
            "emails",
            "Email",
            hint="Several at once: separate them by commas, or write one on each line.",
            placeholder="",
            height=96,
        )
        answers = st.container(key="invite-answers", gap="xxsmall")
        role = form.field(
            st.segmented_control,
            "role",
            "Role",
            options=offered,
            default=Role.MEMBER,
            required=True,
            format_func=badges.label,
        )
        st.markdown(ui.quiet("Each gets a link that works for 72 hours."))
        pressed = form.submit("Invite")
    if pressed:
        told = "The invitations are on their way."
        form.save(told, invitations.invite, actor, org.id, emails, role=Role(role))
    if isinstance(form.error, AddressesRefused):
        with answers:
            _draw_answers(form, form.error)


def _draw_answers(form: ui.Form, refused: AddressesRefused) -> None:
    """Draw what was said to each address, and a way to go on without those that were refused."""
    if not any(address for address, _ in refused.results):
        return
    form.set_error("emails", "Nobody is invited yet. Mend these addresses, or leave them out.")
    for address, why in refused.results:
        if why:
            told = why if address in why else f"{address or 'An empty line'}: {why}"
            st.markdown(ui.refusal(told))
        else:
            can = ui.esc(ui.unlinked(address))
            st.markdown(f":small[:green[:material/check: {can} can be invited.]]")
    if refused.valid:
        st.form_submit_button(
            "Leave the others out",
            key="invite-leave-out",
            type="tertiary",
            on_click=_leave_out,
            args=(form.key("emails"), refused.valid),
        )


def _leave_out(key: str, fine: list[str]) -> None:
    st.session_state[key] = "\n".join(fine)
