"""The profile of an organization as details, each with a form that opens in its place."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from core.access.permissions import Actor
from core.models import Organization
from core.onboarding import onboarding
from core.onboarding.stages import Check
from core.profile import profile
from pages import ui
from pages.parts.profile import logo
from pages.ui import details
from pages.ui.details import Row

HINTS: Final = {
    "alert_email": "We'll email a confirmation link first.",
    "sales_email": "Shown on your card.",
    "phone": "For members and staff; not on your card.",
    "website": "Shown on your card.",
    "twitter": "Shown on your card.",
}
_LABELS: Final = {
    "alert_email": "Alert email",
    "sales_email": "Sales email",
    "phone": "Phone",
    "website": "Website",
    "twitter": "X handle",
    "overview": "Overview",
}
_INVITING: Final = ("invite", "owners")
"""Checks for which one invites people."""
_FORMS: Final = {*_LABELS, "logo", "request"}


def list_contact_details(org: Organization, *, may_edit: bool) -> list[Row]:
    """Return the profile as rows, with a pencil for those who may edit it."""
    texts = profile.form_texts(org) | {"website": (org.website or "").removeprefix("https://")}
    rows = [
        Row(texts[field] or details.NOT_SET, field, label, is_quiet=not texts[field])
        for field, label in _LABELS.items()
    ]
    if org.alert_email_new:
        rows[0] = rows[0]._replace(note="Not confirmed yet")
    logo_state = "Added" if org.logo else details.NOT_SET
    rows.append(Row(logo_state, "logo", "Logo", is_quiet=not org.logo))
    return [_with_pencil(row) for row in rows] if may_edit else rows


def _with_pencil(row: Row) -> Row:
    action = f"Edit {row.label}"
    return row._replace(action=action, action_icon="edit", is_short=True, opens_form=True)


def list_checks(
    checks: Sequence[Check], public_id: str, *, may_edit: bool, may_act: Mapping[str, bool]
) -> list[Row]:
    """Return what is left to do, each with the button that does it, and all that is done in a row.

    `may_act` says whether the reader may do a check that is not a field of the profile. What is
    done on another page has a link.
    """
    rows = [
        _describe(check, public_id, may_act=may_act.get(check.key, may_edit))
        for check in checks
        if not check.is_met
    ]
    if done := " · ".join(check.met_text for check in checks if check.is_met):
        rows.append(Row(done, icon="check_circle", color="green", is_quiet=True))
    return rows


def _describe(check: Check, public_id: str, *, may_act: bool) -> Row:
    row = Row(check.open_text, check.key, icon="radio_button_unchecked", color="orange")
    if may_act and check.key in _FORMS:
        return row._replace(action=check.action, action_icon="add", opens_form=True)
    if may_act and check.key in _INVITING:
        return row._replace(action=check.action, action_icon="person_add")
    query = urlencode(ui.query_about(public_id, **({"field": check.field} if check.field else {})))
    return row._replace(action="View", href=f"/{check.page}?{query}")


def draw_form(actor: Actor, org: Organization, key: str, field: str) -> None:
    """Draw the form of one row of the details `key`."""
    name, cancel = details.form_name(key, field), partial(details.close, key)
    if field == "logo":
        logo.draw_form(actor, org, name=name, on_cancel=cancel)
    elif field == "request":
        _draw_request(actor, org, name, on_cancel=cancel)
    else:
        label = _LABELS[field]
        form = ui.EditForm(name, {field: profile.FIELDS[field]}, profile.form_texts(org))
        if field == "overview":
            form.text(field, widget=st.text_area, height=110)
        else:
            form.text(field, hint=HINTS[field])
        if form.submit_changes("Save", on_cancel=cancel):
            form.save_changes(f"{label} saved", profile.save, actor, org.id)


def _draw_request(
    actor: Actor, org: Organization, name: str, *, on_cancel: Callable[[], None]
) -> None:
    form = ui.fields(name)
    hint = "Optional: dates, systems, plans."
    note = form.field(st.text_area, "note", "Anything we should know?", hint=hint, height=80)
    if form.buttons("Request onboarding", key=f"{name}-submit", on_cancel=on_cancel):
        notice = "Onboarding requested. Your sales contact will get back to you."
        form.save(notice, onboarding.request, actor, org.id, note=note)
