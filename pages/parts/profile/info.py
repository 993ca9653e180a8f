"""The tab Organization Info: the logo, the fields, and a live preview of the card."""

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from core.access.permissions import Actor
from core.accounts import uploads
from core.base import clock, validation
from core.base.errors import Stale
from core.database import db
from core.models import Organization
from core.profile import alert_address, directory, logos, profile
from pages import ui
from pages.parts.profile import company_card
from pages.ui import Form, elements
from pages.ui.file_field import file_field

LABELS: Final = {
    "name": "Organization name",
    "alert_email": "Alert email address",
    "sales_email": "Sales email",
    "overview": "Company overview",
    "phone": "Phone",
    "website": "Public website",
    "twitter": "Twitter (X) handle",
}
ICONS: Final = {
    "alert_email": ":material/mail:",
    "sales_email": ":material/mail:",
    "phone": ":material/call:",
    "website": ":material/link:",
    "twitter": ":material/alternate_email:",
}
THEIRS, YOURS = "Theirs", "Yours"

_PERSISTENT: Final[Any] = {"persist_state": "session"}
"""Keeps what was typed while another page is open."""


@ui.fragment
def edit(actor: Actor, org: Organization) -> None:
    """Draw the profile as a form, for owners."""
    form = ui.fields("profile")
    original = _original_texts(form, org)
    left, right = st.columns([5, 2], gap="large")
    with left:
        _edit_logo(actor, org)
        typed = _fields(form, actor, org, original)
        _submit(form, actor, org, original, typed)
    with right:
        _card(actor, org, profile.preview(typed))


def show(org: Organization, *, may_edit_contact: bool) -> None:
    """Draw the profile without a form; `may_edit_contact` changes the sentence that says why."""
    texts = profile.form_texts(org) | {"alert_email": org.alert_email or ""}
    left, right = st.columns([5, 2], gap="large")
    with left:
        who = "you may edit contact data" if may_edit_contact else "they stand under Access Control"
        why = f"Only owners change the profile; {who}."
        st.markdown(ui.quiet(f":material/lock: {why}"))
        grid = st.grid(2, min_column_width=240, gap="small")
        for field, label in LABELS.items():
            cell = st.container() if field == "overview" else grid.cell()
            with cell.container(gap=None, key=f"profile-{field}"):
                st.markdown(ui.quiet(label))
                st.text(texts[field] or "–")
    with right:
        _card(None, org, texts)


def _original_texts(form: Form, org: Organization) -> dict[str, str]:
    """Return the texts that the form started from; it starts again while nothing is typed."""
    state, now = st.session_state, profile.form_texts(org)
    kept = state.get(form.key("shown"))
    if kept is not None:
        typed = {field: state.get(form.key(field)) for field in now}
        is_open = kept["org"] == org.id and None not in typed.values()
        if is_open and (typed != kept["texts"] or now == kept["texts"]):
            return dict(kept["texts"])
        form.reset()
    state[form.key("shown")] = {"org": org.id, "texts": now}
    return now


def _fields(
    form: Form, actor: Actor, org: Organization, original: dict[str, str]
) -> dict[str, str]:
    """Draw the fields, related ones side by side, and return their texts."""

    def text(field: str, **options: Any) -> str:
        options = {"live": True, "icon": ICONS.get(field), "value": original[field]} | options
        typed: str = form.field(st.text_input, field, LABELS[field], **_PERSISTENT, **options)
        return typed

    typed = {}
    two = st.grid(2, min_column_width=240, gap="small")
    with two.cell():
        typed["name"] = text("name")
    with two.cell(), st.container(gap="xxsmall", key="profile-id"):
        st.markdown(":small[Organization ID]")
        st.code(org.public_id, language=None)
    with two.cell():
        typed["alert_email"] = text("alert_email", placeholder="")
        _alert_state(actor, org)
    with two.cell():
        typed["sales_email"] = text("sales_email", placeholder="", hint="Shown on your card.")
    length = len(st.session_state.get(form.key("overview"), original["overview"]))
    typed["overview"] = form.field(
        st.text_area,
        "overview",
        LABELS["overview"],
        value=original["overview"],
        height=120,
        hint=f"{length:,} of {validation.MAX_OVERVIEW_LENGTH:,} characters",
        **_PERSISTENT,
    )
    three = st.grid(3, min_column_width=180, gap="small")
    with three.cell():
        typed["phone"] = text("phone", hint="With + and the country code.")
    with three.cell():
        typed["website"] = text("website")
    with three.cell():
        typed["twitter"] = text("twitter")
    return typed


def _submit(
    form: Form, actor: Actor, org: Organization, original: dict[str, str], typed: dict[str, str]
) -> None:
    """Draw what changed, the buttons, and the choice between conflicting edits."""
    changed = [field for field in LABELS if typed[field] != original[field]]
    conflicts = st.container()
    form.reserve_footer()
    if changed:
        marks = " ".join(f":gray-badge[{ui.esc(LABELS[field])}]" for field in changed)
        st.markdown(f"{ui.quiet('Changed')} {marks}")
    with elements.row(horizontal_alignment="right", key="profile-foot"):
        if changed and st.button("Discard", key="profile-discard", type="tertiary"):
            form.reset()
            st.rerun()
        pressed = st.button("Submit", key="profile-submit", type="primary")
    if pressed:
        _save(form, actor, org, original, typed)
    with conflicts:
        _draw_conflicts(form, changed, typed)


def _save(
    form: Form, actor: Actor, org: Organization, original: dict[str, str], typed: dict[str, str]
) -> None:
    """Save; once a choice was made, the other person's text counts as the original."""
    theirs: dict[str, str] = st.session_state.get(form.key("theirs"), {})
    choices = {field: st.session_state.get(form.key(f"{field}.choice")) for field in theirs}
    seen = {field: theirs[field] for field, choice in choices.items() if choice}
    chosen = {field: text for field, text in seen.items() if choices[field] == THEIRS}
    notice = "The profile is saved." if typed != original else "Nothing has changed."
    form.save(notice, profile.save, actor, org.id, original | seen, typed | chosen)
    if isinstance(form.error, Stale):
        st.session_state[form.key("theirs")] = form.error.theirs


def _draw_conflicts(form: Form, changed: list[str], typed: dict[str, str]) -> None:
    """Draw both texts of each field with conflicting edits."""
    kept: dict[str, str] = st.session_state.get(form.key("theirs"), {})
    theirs = {field: text for field, text in kept.items() if field in changed}
    if not theirs:
        return
    with st.container(border=True, key="profile-dispute"):
        st.markdown("**Two values for the same field: choose what stays, then press Submit.**")
        for field, text in theirs.items():
            st.radio(
                LABELS[field],
                [THEIRS, YOURS],
                index=None,
                captions=[ui.esc(text) or "(empty)", ui.esc(typed[field]) or "(empty)"],
                key=form.key(f"{field}.choice"),
            )


def _edit_logo(actor: Actor, org: Organization) -> None:
    """Draw the logo, with the upload that replaces it and a button that removes it."""
    form = ui.fields("logo")
    with elements.row(gap="small", vertical_alignment="bottom", key="profile-logo"):
        elements.avatar(org.name, org.public_id, org.logo, width=72)
        with st.container(width="stretch"):
            chosen = form.field(
                file_field,
                "logo",
                "Logo",
                accept="image/png,image/jpeg,image/webp",
                max_bytes=logos.MAX_BYTES,
                too_large=logos.TOO_LARGE,
            )
            if chosen is not None and st.button("Save Logo", key="logo-save"):
                logo = form.prepare(_clean_upload, actor, chosen.upload_id)
                if logo is not None:
                    form.save("The logo is saved.", logos.set_logo, actor, org.id, logo)
        if org.logo and st.button("Remove", key="logo-remove", type="tertiary"):
            form.save("The logo is removed.", logos.remove_logo, actor, org.id)


def _clean_upload(actor: Actor, upload_id: int) -> logos.CleanLogo:
    with db.read() as session:
        upload = uploads.get(session, actor, upload_id)
    return logos.clean(upload.content)


def _alert_state(actor: Actor, org: Organization) -> None:
    """Draw the state of the alert address, with the action that it allows."""
    with elements.row(gap="xsmall", key="profile-alert-state"):
        if org.alert_email_new is not None:
            st.markdown(f":small[:orange[{_pending_state(actor, org)}]]", width="stretch")
            if st.button("Send again", key="profile-resend", type="tertiary"):
                notice = f"A new link is on its way to {org.alert_email_new}."
                ui.save(notice, alert_address.resend_alert_link, actor, org.id)
        elif org.alert_email is not None:
            state = ":material/check_circle: Confirmed. Alerts go here."
            st.markdown(f":small[:green[{state}]]", width="stretch")
            if st.button("Send test", key="profile-test", type="tertiary"):
                notice = f"A test is on its way to {org.alert_email}."
                ui.save(notice, alert_address.send_test, actor, org.id)
        else:
            st.markdown(ui.quiet("Alerts go here, once a mailed link has confirmed it."))


def _card(actor: Actor | None, org: Organization, texts: Mapping[str, str]) -> None:
    """Draw a preview of the card; with the listing toggle if there is an `actor` to use it."""
    if actor is not None:
        _listing_toggle(actor, org)
    st.markdown(ui.quiet("This is how the card will look" if actor else "The card"))
    with st.container(border=True, key="profile-card", gap="small"):
        avatar = elements.avatar_url(org.name, org.public_id, org.logo)
        company_card.draw(avatar, **{field: texts[field] for field in company_card.FIELDS})


def _pending_state(actor: Actor, org: Organization) -> str:
    """Return the state of a pending alert address, as Markdown."""
    with db.read() as session:
        sent_at = alert_address.alert_link_sent_at(session, actor, org.id)
    if sent_at is None:
        state = "Not confirmed in time: the link no longer works."
    else:
        state = f"Not confirmed yet. The link was sent {ui.ago(sent_at, clock.now())}."
    if org.alert_email:
        state += " Until then alerts go to the address before."
    return f":material/schedule: {state}"


def _listing_toggle(actor: Actor, org: Organization) -> None:
    missing = directory.missing_for_listing(org)
    listed = st.toggle(
        "List in connected solutions",
        value=org.is_listed,
        disabled=bool(missing) and not org.is_listed,
        key=f"profile-listed-{'on' if org.is_listed else 'off'}",
    )
    if missing:
        what = "The card is not shown now" if org.is_listed else "The card is not complete"
        st.markdown(f":small[:orange[:material/info: {what}: add {' and '.join(missing)}.]]")
    if listed != org.is_listed:
        notice = "Connected solutions shows the card." if listed else "The card is hidden."
        ui.save(notice, directory.list_in_solutions, actor, org.id, listed=listed)
