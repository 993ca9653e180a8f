"""Serve the page of tables with our routes and headers."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from core.web.endpoints import ROUTES
from core.web.security_headers import SecurityHeaders

app = st.App(
    Path(__file__).parent / "page.py", routes=ROUTES, middleware=(Middleware(SecurityHeaders),)
)
