"""Fields for passwords, as password managers know them."""

import streamlit as st

from core.base.settings import settings
from pages.ui.forms import Form


def ask_new(form: Form, name: str, label: str, *, also: str = "") -> str:
    """Draw the field for a new password, with what it has to be, and return what is typed."""
    hint = f"At least {settings().password_minimum} characters; four or five unrelated words do."
    typed: str = form.field(
        st.text_input,
        name,
        label,
        type="password",
        autocomplete="new-password",
        hint=f"{hint} {also}".strip(),
    )
    return typed


def ask_own(form: Form, label: str, *, hint: str = "") -> str:
    """Draw the field `password` for the password that a person has, and return what is typed."""
    typed: str = form.field(
        st.text_input,
        "password",
        label,
        type="password",
        autocomplete="current-password",
        hint=hint,
    )
    return typed
