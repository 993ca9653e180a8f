"""The entry script of every rerun: navigation, then the gate, then the page."""

import streamlit as st

from core import db, setup
from pages.ui import failures, gate, moment, navigation, two_factor_forms

page = navigation.register()
with moment.one_look(page.url_path or "home"), failures.told("page"):
    actor = gate.actor()
    if actor is not None and two_factor_forms.is_due(page.url_path):
        with navigation.narrow():
            two_factor_forms.require(actor)
    elif actor is not None:
        if page.url_path:  # the start only leads on
            navigation.draw_sidebar(actor, page.url_path)
        page.run()
    else:
        with db.read() as session:
            is_new = setup.is_open(session)
        if is_new and page.url_path != "setup":
            st.switch_page("setup.py")
        with navigation.narrow():
            page.run() if navigation.is_for_strangers(page) else gate.sign_in()
