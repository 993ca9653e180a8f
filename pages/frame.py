"""The entry script of every rerun: navigation, then the gate, then the page."""

import streamlit as st

from core.accounts import registration
from core.database import db
from pages.parts.accounts import two_factor
from pages.ui import authentication, error_display, navigation, rerun_cache

page = navigation.register()
with rerun_cache.one_look(page.url_path or "home"), error_display.told("page"):
    actor = authentication.actor()
    if actor is not None and two_factor.is_due(page.url_path):
        with navigation.narrow():
            two_factor.require(actor)
    elif actor is not None:
        if page.url_path:  # the start only leads on
            navigation.draw_sidebar(actor, page.url_path)
        page.run()
    else:
        with db.read() as session:
            is_new = registration.is_setup_open(session)
        if is_new and page.url_path != "setup":
            st.switch_page("setup.py")
        with navigation.narrow():
            page.run() if navigation.is_for_strangers(page) else authentication.sign_in()
