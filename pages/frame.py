"""The entry script of every rerun: navigation, then the gate, then the page."""

import streamlit as st

from core import db, setup
from core.errors import DomainError
from pages.ui import gate, moment, navigation
from pages.ui.words import esc

page = navigation.register()
try:
    with moment.one_look():
        actor = gate.actor()
        if actor is not None:
            navigation.draw_sidebar(actor)
            page.run()
        else:
            with db.read() as session:
                is_new = setup.is_open(session)
            if is_new and page.url_path != "setup":
                st.switch_page("setup.py")
            with navigation.narrow():
                page.run() if navigation.is_for_strangers(page) else gate.sign_in()
except DomainError as error:
    st.markdown(esc(str(error)))
    st.button("Try again", key="try-again", icon=":material/refresh:")
