"""The entry script of every rerun: navigation, then sign-in, then the page."""

import streamlit as st

from core.accounts import registration
from core.database import db
from pages.parts.accounts import two_factor_settings
from pages.parts.changes import as_of, undo
from pages.parts.organizations import quick_view, worklist
from pages.parts.staff import impersonation
from pages.ui import (
    authentication,
    browser,
    error_display,
    navigation,
    rerun_cache,
    url_choices,
)
from pages.ui.open_page import show_waiting_notice

page = navigation.register()
with (
    rerun_cache.rerun_scope(navigation.name_of(page)),
    url_choices.own_parameters(),
    error_display.show_errors("page"),
):
    actor = authentication.actor()
    if actor is not None and two_factor_settings.is_setup_required(page.url_path):
        authentication.identify([])
        with navigation.narrow_layout():
            two_factor_settings.draw_required_setup(actor)
    elif actor is not None:
        is_home = not page.url_path  # it only redirects
        authentication.identify([] if is_home else navigation.find_roles(actor))
        if not is_home:
            looked = navigation.draw_sidebar(actor, page.url_path)
            quick_view.open_found(actor, looked)
            browser.watch_forms(actor.user_id or 0)
            undo.draw(actor)
        if navigation.is_about_organization(page):
            impersonation.draw_banner(actor)
            worklist.draw(actor)
        as_of.draw(actor, page.url_path) if as_of.is_asked(page.url_path) else page.run()
        if page.url_path not in quick_view.PAGES:
            quick_view.draw_found(actor)
    else:
        authentication.identify([])
        with db.read() as session:
            is_new = registration.is_setup_open(session)
        if is_new and page.url_path != "setup":
            st.switch_page("setup.py")
        with navigation.narrow_layout():
            page.run() if navigation.is_public(page) else authentication.sign_in()
    show_waiting_notice()
