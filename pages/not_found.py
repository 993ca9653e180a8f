"""Page not found: shown for an address that leads to no page."""

import streamlit as st

from pages import ui

ui.open_signed_in_page("Page not found")

st.title("Page not found", anchor=False)
st.markdown("Check the address, or choose a page on the left.")
st.page_link("home.py", label="Go home", icon=":material/arrow_back:")
