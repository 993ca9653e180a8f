"""Whoever comes to Orgdesk: to sign in, and past it."""

from playwright.sync_api import Page, expect
from sqlalchemy import select

from core.database import db
from core.models import Session
from tests.browser.acts import become, log_in, visit, wait_until_drawn
from tests.browser.steps import log_out, user_menu
from tests.support.cast import Cast


class TestSigningIn:
    def test_a_member_signs_in_by_the_form_and_invents_no_address(
        self, page: Page, cast: Cast
    ) -> None:
        """uvicorn's own rule would believe it from this machine; no proxy is trusted here."""
        page.set_extra_http_headers({"X-Forwarded-For": "203.0.113.9"})
        visit(page)
        password = page.get_by_role("textbox", name="Password")
        expect(password).to_have_attribute("autocomplete", "current-password")
        log_in(page, cast.mia)
        expect(password).to_have_count(0)
        expect(page.get_by_text("Acme").first).to_be_visible()
        with db.read() as session:
            assert session.scalars(select(Session.ip_address)).all() == ["127.0.0.1"]
        page.set_extra_http_headers({})
        page.reload()
        wait_until_drawn(page)
        expect(page.get_by_text("Acme").first).to_be_visible()

    def test_logging_out_leaves_nothing_in_other_tabs(self, page: Page, cast: Cast) -> None:
        become(page, cast.mia)
        visit(page)
        other = page.context.new_page()
        visit(other)
        expect(user_menu(other)).to_be_visible()
        page.bring_to_front()
        log_out(page)
        expect(other.get_by_role("textbox", name="Password")).to_be_visible()
        expect(other.get_by_text("Acme")).to_have_count(0)
        other.close()
