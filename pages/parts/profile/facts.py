"""The profile of an organization as facts to read, beside its card."""

import streamlit as st

from core.models import Organization
from core.profile import profile
from pages import ui
from pages.parts.profile import company_card
from pages.ui import elements


def draw(org: Organization) -> None:
    """Draw every field of the profile, and the card."""
    texts = profile.form_texts(org)
    left, right = st.columns([5, 2], gap="large")
    grid = left.grid(2, min_column_width=240, gap="small")
    for field, label in profile.FIELDS.items():
        text = org.alert_email or "" if field == "alert_email" else texts[field]
        with grid.cell(column_span="all" if field == "overview" else 1):
            elements.fact(label, text or "–", key=f"profile-{field}")
    with right:
        st.markdown(ui.quiet("Card in Connected solutions"))
        draw_card(org, texts)


def draw_card(org: Organization, texts: dict[str, str]) -> None:
    """Draw the card with these texts, which may not be saved yet."""
    with st.container(border=True, key="profile-card", gap="small"):
        avatar = elements.avatar_url(org.name, org.public_id, org.logo)
        company_card.draw(avatar, **{field: texts[field] for field in company_card.FIELDS})
