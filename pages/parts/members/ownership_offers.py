"""Offers of ownership: the pending ones, and the dialogs that make and accept one."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from core.access.permissions import Actor
from core.members import ownership
from core.members.ownership import PendingOffer
from core.models import Organization, Role
from pages import ui
from pages.parts.members import dialogs
from pages.ui import authentication, badges, elements

OFFER: Final = "Offer ownership"
ACCEPT: Final = "Accept ownership"


def draw_offers(actor: Actor, org: Organization, offers: Sequence[PendingOffer]) -> None:
    """Draw the pending offers, each with the actions of this person."""
    for offer in offers:
        with st.container(border=True, key=f"offer-{offer.handover.id}"), elements.row():
            st.markdown(_describe(actor, org, offer), width="stretch")
            if offer.is_for_actor:
                _draw_response(offer)
            else:
                _draw_withdraw(actor, org, offer)


def draw_dialogs(actor: Actor, org: Organization, role: Role | None) -> None:
    """Draw the dialog that is open, if any; `role` is this person's own."""
    about = (actor, org, role or Role.MEMBER)
    ui.draw_dialog("accept-ownership", ACCEPT, _draw_accept, *about, width="medium")
    ui.draw_dialog("decline-ownership", "Decline ownership", _draw_decline, actor, org)
    ui.draw_dialog("offer-ownership", OFFER, _draw_offer, actor, org, width="medium")


def _describe(actor: Actor, org: Organization, offer: PendingOffer) -> str:
    handover, owner, recipient = offer.handover, ui.esc(offer.from_name), ui.esc(offer.to_name)
    ends = f"The offer ends on {ui.day(handover.expires_at)}."
    icon = ":material/key:"
    after = badges.inline(handover.role_after)
    if offer.is_for_actor:
        return (
            f"{icon} **{owner}** wants to make you the owner of **{ui.esc(org.name)}** and become "
            f"{after}. {ends}"
        )
    who = "You" if handover.from_id == actor.user_id else f"**{owner}**"
    if not offer.is_open:
        return f"{icon} {who} offered ownership to **{recipient}**, who didn't answer in time."
    return f"{icon} {who} offered ownership to **{recipient}** and will become {after}. {ends}"


def _draw_response(offer: PendingOffer) -> None:
    if st.button(ACCEPT, key="ownership-accept"):
        ui.open_dialog("accept-ownership", offer)
    if st.button("Decline", key="ownership-decline", type="tertiary"):
        ui.open_dialog("decline-ownership", offer)


def _draw_withdraw(actor: Actor, org: Organization, offer: PendingOffer) -> None:
    label = "Withdraw" if offer.is_open else "Dismiss"
    if st.button(label, key=f"ownership-withdraw-{offer.handover.id}"):
        notice = "Offer withdrawn" if offer.is_open else "Offer dismissed"
        ui.save(notice, ownership.withdraw, actor, org.id, offer.handover.id)


def _draw_accept(actor: Actor, org: Organization, own_role: Role, offer: PendingOffer) -> None:
    after = offer.handover.role_after
    st.markdown(
        f"You become an owner of **{ui.esc(org.name)}**, and in the same step "
        f"**{ui.esc(offer.from_name)}** becomes {badges.inline(after)}."
    )
    dialogs.draw_change_log(own_role, Role.OWNER)
    form = ui.fields("accept-ownership")
    if form.buttons(ACCEPT):
        notice = f"You're now an owner of {org.name}"
        form.save(notice, ownership.accept, actor, org.id, offer.handover.id)


def _draw_decline(actor: Actor, org: Organization, offer: PendingOffer) -> None:
    """Draw the question before an offer is declined."""
    owner = ui.esc(offer.from_name)
    st.markdown(f"**{owner}** stays an owner of **{ui.esc(org.name)}** and is notified by email.")
    form = ui.fields("decline-ownership")
    if form.buttons("Decline"):
        notice = f"Offer declined. {offer.from_name} is notified"
        form.save(notice, ownership.decline, actor, org.id, offer.handover.id)


def _draw_offer(actor: Actor, org: Organization, row: dialogs.Row) -> None:
    """Draw the form in which an owner offers the ownership to a member."""
    dialogs.draw_person(row)
    st.markdown(
        f"{ui.esc(row['name'])} gets an email and can accept within 7 days. Until then nothing "
        "changes, and you can withdraw the offer."
    )
    with ui.form("offer-ownership") as form:
        role = form.field(
            st.segmented_control,
            "role",
            "Your role afterwards",
            options=[Role.ADMIN, Role.MEMBER],
            default=Role.ADMIN,
            required=True,
            format_func=badges.label,
        )
        password = form.current_password()
        pressed = form.submit(OFFER)
    if pressed and form.prepare(authentication.verify_password, actor, password):
        notice = f"Ownership offered to {row['name']}"
        user_id = int(row["user_id"])
        form.save(notice, ownership.offer, actor, org.id, user_id, role=Role(role))
