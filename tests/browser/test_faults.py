"""Faults around Orgdesk are explained in a sentence, and the next click works."""

import sqlite3
from contextlib import closing

import pytest
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


@pytest.mark.parametrize(
    ("name", "content"),
    [("notes.png", b"not a picture at all"), ("half.jpg", b"\xff\xd8\xff\xe0" + b"\0" * 999)],
)
def test_a_file_that_is_not_an_image_is_refused_with_the_formats(
    page: Page, cast: Cast, name: str, content: bytes
) -> None:
    become(page, cast.olga)
    visit(page, f"/profile?org={cast.acme.public_id}")
    chosen = {"name": name, "mimeType": "image/png", "buffer": content}
    page.locator(".st-key-logo-logo input[type=file]").set_input_files(chosen)
    page.get_by_role("button", name="Save Logo").click()
    expect(page.locator(".st-key-logo-logo").first).to_contain_text("PNG, JPEG or WebP")
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_file_that_is_too_large_is_refused_with_its_size(page: Page, cast: Cast) -> None:
    become(page, cast.olga)
    visit(page, f"/profile?org={cast.acme.public_id}")
    chosen = {"name": "big.png", "mimeType": "image/png", "buffer": b"\0" * (2 * 2**20 + 1)}
    page.locator(".st-key-logo-logo input[type=file]").set_input_files(chosen)
    expect(page.locator(".st-key-logo-logo").first).to_contain_text("That file is 2.0 MB.")
    expect(page.get_by_role("button", name="Save Logo")).to_have_count(0)
