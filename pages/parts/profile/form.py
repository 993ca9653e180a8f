"""The tab Organization Info: the logo, the fields, and the card that follows while one types."""

from typing import Any, Final

import streamlit as st

from core.access.permissions import Actor
from core.base import validation
from core.base.errors import Stale
from core.models import Organization
from core.profile import profile
from pages import ui
from pages.parts.profile import logo_and_card
from pages.ui import Form, elements

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

_KEPT: Final[Any] = {"persist_state": "session"}
"""What was typed is there again when one comes back from another page."""


@ui.fragment
def edit(actor: Actor, org: Organization) -> None:
    """Draw the profile for who may change it."""
    form = ui.fields("profile")
    shown = _shown(form, org)
    left, right = st.columns([5, 2], gap="large")
    with left:
        logo_and_card.edit_logo(actor, org)
        typed = _fields(form, actor, org, shown)
        _submit(form, actor, org, shown, typed)
    with right:
        logo_and_card.card(actor, org, profile.preview(typed))


def show(org: Organization, *, may_edit_contact: bool) -> None:
    """Draw the profile for who may not edit it, or contact data alone."""
    texts = profile.form_texts(org) | {"alert_email": org.alert_email or ""}
    left, right = st.columns([5, 2], gap="large")
    with left:
        who = "you may edit contact data" if may_edit_contact else "they stand under Access Control"
        why = f"Only owners change the profile; {who}."
        st.markdown(ui.quiet(f":material/lock: {why}"))
        grid = st.grid(2, min_column_width=240, gap="small")
        for field, label in LABELS.items():
            place = st.container() if field == "overview" else grid.cell()
            with place.container(gap=None, key=f"profile-{field}"):
                st.markdown(ui.quiet(label))
                st.text(texts[field] or "–")
    with right:
        logo_and_card.card(None, org, texts)


def _shown(form: Form, org: Organization) -> dict[str, str]:
    """Return the texts that the form started from; while nothing is typed it starts anew."""
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


def _fields(form: Form, actor: Actor, org: Organization, shown: dict[str, str]) -> dict[str, str]:
    """Draw the fields, related ones side by side, and return what stands in them."""

    def text(field: str, **options: Any) -> str:
        options = {"live": True, "icon": ICONS.get(field), "value": shown[field]} | options
        typed: str = form.field(st.text_input, field, LABELS[field], **_KEPT, **options)
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
        logo_and_card.alert_state(actor, org)
    with two.cell():
        typed["sales_email"] = text("sales_email", placeholder="", hint="Shown on your card.")
    length = len(st.session_state.get(form.key("overview"), shown["overview"]))
    typed["overview"] = form.field(
        st.text_area,
        "overview",
        LABELS["overview"],
        value=shown["overview"],
        height=120,
        hint=f"{length:,} of {validation.OVERVIEW_LONGEST:,} characters",
        **_KEPT,
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
    form: Form, actor: Actor, org: Organization, shown: dict[str, str], typed: dict[str, str]
) -> None:
    """Draw what changed and the buttons; where two people changed the same, let one choose."""
    changed = [field for field in LABELS if typed[field] != shown[field]]
    dispute = st.container()
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
        _save(form, actor, org, shown, typed)
    with dispute:
        _choose(form, changed, typed)


def _save(
    form: Form, actor: Actor, org: Organization, shown: dict[str, str], typed: dict[str, str]
) -> None:
    """Save; what somebody else changed meanwhile counts as shown once a choice was made."""
    theirs: dict[str, str] = st.session_state.get(form.key("theirs"), {})
    choices = {field: st.session_state.get(form.key(f"{field}.choice")) for field in theirs}
    seen = {field: theirs[field] for field, choice in choices.items() if choice}
    taken = {field: text for field, text in seen.items() if choices[field] == THEIRS}
    told = "The profile is saved." if typed != shown else "Nothing has changed."
    form.save(told, profile.save, actor, org.id, shown | seen, typed | taken)
    if isinstance(form.error, Stale):
        st.session_state[form.key("theirs")] = form.error.theirs


def _choose(form: Form, changed: list[str], typed: dict[str, str]) -> None:
    """Draw both values of each field that two people changed."""
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
