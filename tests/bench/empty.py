"""The least that Streamlit can show: what every page of Orgdesk is measured beside."""

import streamlit as st

st.text("")
