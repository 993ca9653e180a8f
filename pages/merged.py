"""Merged: where an organization went, for people who were in that one only."""

import streamlit as st

from core.database import db
from core.duplicates import joining
from pages import ui

actor = ui.open_signed_in_page("Organization merged")
public_id = st.query_params.get("org") or st.session_state.get("org", "")
with db.read() as session:
    found = joining.find_merged(session, actor, public_id)

if found is None:
    st.switch_page("home.py")

source, target, merged_at = found
with st.container(width=560, key="merged"):
    st.title(ui.esc(f"{source.name} was merged"), anchor=False)
    st.markdown(
        f"{ui.esc(source.name)} was merged into **{ui.esc(target.name)}** on "
        f"{ui.day(merged_at)}. Members of {ui.esc(source.name)} don't become members of "
        f"{ui.esc(target.name)}, but you can ask its owners to invite you. "
        "They get your name and your email address."
    )
    if st.button("Ask to join", type="primary", key="ask-to-join"):
        notice = f"Sent to the owners of {target.name}"
        ui.save(notice, joining.ask_to_join, actor, public_id)
    st.page_link("home.py", label="Go home", icon=":material/arrow_back:")
