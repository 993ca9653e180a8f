"""Faults around Orgdesk are explained in a sentence, and the next click works."""

import sqlite3
from contextlib import closing

from playwright.sync_api import Page, expect
from sqlalchemy import make_url

from tests.browser.acts import become, visit
from tests.browser.server import Server
from tests.support.cast import Cast


def test_a_locked_database_keeps_what_was_typed(page: Page, server: Server, cast: Cast) -> None:
    become(page, cast.mia)
    visit(page, "/account")
    page.get_by_role("textbox", name="Name").fill("Mia Marin")
    with closing(sqlite3.connect(make_url(server.database_url).database or "")) as other:
        other.execute("BEGIN IMMEDIATE")
        page.get_by_role("button", name="Save name").click()
        refusal = page.get_by_text("We couldn't save that. Nothing was changed.")
        expect(refusal).to_be_visible(timeout=15_000)
        other.rollback()
    (error_id,) = refusal.inner_text().split("error id ")[1:]
    assert error_id.strip(". ") in server.read_log()
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Mia Marin")
    page.get_by_role("button", name="Save name").click()
    expect(page.get_by_test_id("stToast")).to_contain_text("Name saved")
