"""The smallest possible page, which every page of Orgdesk is compared with."""

import streamlit as st

st.text("")
