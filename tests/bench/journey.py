"""The work of an operations person in a real browser, with sample data of any size.

`python -m tests.bench.journey --organizations 1000000 [--database URL]`: finds one
organization while typing, filters, sorts, goes to the last page, shares the address, reads the
summary, and downloads everything while a colleague clicks. It stops if the screen is wrong.
"""

import csv
import re
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import pandas as pd
import typer
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from sqlalchemy import func, select

from core.database import db
from core.models import Organization
from tests.bench import clicks
from tests.bench.servers import Server, serve
from tests.bench.setup import prepare, sign_in
from tests.browser import chromium
from tests.browser.acts import wait_until_drawn

SCREEN = {"width": 1280, "height": 800}
TIMEOUT_MS = 180_000

expect.set_options(timeout=60_000)


def main(
    organizations: Annotated[int, typer.Option(min=1)] = 10_000,
    database: Annotated[
        str, typer.Option(help="The URL of the database; it is filled if it is empty.")
    ] = "",
) -> None:
    """Do all steps once, and print the seconds until each result was on the screen."""
    prepare(organizations, database)
    steps = Steps()
    with serve("orgdesk") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=list(chromium.ARGUMENTS)
        )
        find(steps, browser, server)
        narrow_and_share(steps, browser, server)
        download(steps, browser, server, organizations)
        browser.close()
    typer.echo(f"{organizations:,} organizations on {db.engine().dialect.name}")
    typer.echo(pd.DataFrame(steps.times).to_string(index=False))


class Steps:
    """The steps so far, with the seconds that each took."""

    def __init__(self) -> None:
        self.times: list[dict[str, object]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.times.append({"step": name, "seconds": round(time.perf_counter() - began, 2)})


def open_organizations(browser: Browser, server: Server, query: str = "") -> Page:
    """Log in, open Organizations, and return its page when it is drawn."""
    name, _, token = sign_in(server.url).partition("=")
    context = browser.new_context(base_url=server.url, locale="en-US", viewport=SCREEN)
    secure = server.url.replace("http://", "https://")
    cookie = {"name": name, "value": token, "url": secure, "secure": True, "httpOnly": True}
    context.add_cookies([cookie])
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(f"/organizations{query}")
    see_rows(page)
    return page


def see_rows(page: Page) -> str:
    """Wait until the table has its rows, and return the Organization ID of the first."""
    wait_until_drawn(page)
    expect(first_id(page)).to_be_attached()
    return first_id(page).inner_text()


def first_id(page: Page) -> Locator:
    """Return the Organization ID in the first row of the table, as screen readers find it."""
    return page.locator("[data-testid^=glide-cell-][data-testid$='-0']").filter(has_text="ORG-")


def find(steps: Steps, browser: Browser, server: Server) -> None:
    """Find one organization while typing its ID."""
    with db.read() as session:
        middle = select(func.max(Organization.id) / 2).scalar_subquery()
        wanted = session.scalars(
            select(Organization).where(Organization.id >= middle).order_by(Organization.id).limit(1)
        ).one()
    with steps.step("open Organizations, in a new browser"):
        page = open_organizations(browser, server)
    words = page.locator(".st-key-q input")
    expect(words).to_have_count(1)
    words.press_sequentially(wanted.public_id[:-1], delay=40)
    with steps.step("the last letter of an Organization ID, until its row appears"):
        words.press_sequentially(wanted.public_id[-1])
        expect(page.get_by_text("1 organization", exact=True)).to_be_visible()
        expect(first_id(page)).to_have_text(wanted.public_id)
    page.context.close()


def narrow_and_share(steps: Steps, browser: Browser, server: Server) -> None:
    """Filter, sort, go to the last page, and open the shared address in another browser."""
    page = open_organizations(browser, server)
    with steps.step("one stage"):
        page.get_by_role("button", name="production", exact=True).click()
        expect(page).to_have_url(re.compile("stage=production"))
        see_rows(page)
    with steps.step("open the filters"):
        page.get_by_role("button", name="Filters").click()
        expect(page.get_by_role("combobox", name="Members")).to_be_visible()
    for label, choice in (("Members", "2-10"), ("Activity", "active"), ("Profile", "incomplete")):
        choose(steps, page, label, choice)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Filters · 3")).to_be_visible()
    see_rows(page)
    choose(steps, page, "Sort", "oldest")
    last = page.get_by_role("button", name="Last")
    if last.is_enabled():  # a few organizations fit on one page
        with steps.step("the last page"):
            last.click()
            expect(page).to_have_url(re.compile("at=last"))
            see_rows(page)
    first = see_rows(page)
    with steps.step("the shared address, in another browser"):
        other = open_organizations(browser, server, page.url.partition("/organizations")[2])
        expect(first_id(other)).to_have_text(first)
    with steps.step("the summary of what is filtered, counted exactly"):
        summary = other.locator(".st-key-organizations-summary")
        expect(summary).to_contain_text(re.compile(r"\d members? by role"))
    other.context.close()
    page.context.close()


def choose(steps: Steps, page: Page, label: str, choice: str) -> None:
    """Choose an option of a list, and wait for it in the address and for the rows."""
    page.get_by_role("combobox", name=label).click()
    with steps.step(f"{label.lower()}: {choice}"):
        page.get_by_role("option", name=choice, exact=True).click()
        expect(page).to_have_url(re.compile(f"{label.lower()}={choice}"))
        see_rows(page)


def download(steps: Steps, browser: Browser, server: Server, organizations: int) -> None:
    """Download everything as CSV while a colleague clicks."""
    page, cookie = open_organizations(browser, server), sign_in(server.url)
    alone = clicks.measure(server, cookie, threading.Event(), clicks.IDLE_CLICKS)
    page.get_by_role("button", name="Download", exact=True).click()
    with (
        clicks.clicking(server, cookie) as meanwhile,
        steps.step("CSV of everything"),
        page.expect_download() as begun,
    ):
        page.get_by_role("link", name="CSV").click()
        path = begun.value.path()
    with path.open(newline="") as file:
        rows = sum(1 for _ in csv.DictReader(file))
    if rows != organizations:
        raise SystemExit(f"The file has {rows:,} rows for {organizations:,} organizations.")
    for label, times in (("alone", alone), ("meanwhile", meanwhile)):
        seconds = round(statistics.median(times) / 1000, 3)
        steps.times.append({"step": f"a colleague's click, {label}", "seconds": seconds})


if __name__ == "__main__":
    typer.run(main)
