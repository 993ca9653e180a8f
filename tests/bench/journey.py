"""What people wait for, measured by the frames of the page itself, beside an empty Streamlit page.

`python -m tests.bench.journey --organizations 1000000 [--database URL] [--rounds N]`: from the
trusted click or key, or from the start of a navigation, to the first frame that shows the answer.
Each round measures the empty page, too, since only ratios hold from one machine to the next.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Final, NamedTuple

import typer
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import func, select

from core.database import db
from core.models import Membership, Organization, Role
from tests.bench import frames
from tests.bench.servers import Server, serve
from tests.bench.setup import prepare, sign_in
from tests.browser import chromium

SCREEN: Final = {"width": 1280, "height": 800}
EMPTY_HERE: Final = 212
"""Milliseconds of the empty page in the run that the figures of Django's admin are from."""


class Step(NamedTuple):
    """A row of the table: its unit, what it is compared with, and the goal as a ratio."""

    name: str
    unit: str
    against: str = ""
    reference: float = 0
    """Django's milliseconds for the same, in a run whose empty page took `EMPTY_HERE`."""
    goal: float = 0


STEPS: Final = (
    Step("open the list, warm", "ms", "E", goal=2.5),
    Step("open the list, cold, 10 Mbit/s and 40 ms", "ms", "E cold", goal=0.9),
    Step("... requests", "", goal=100),
    Step("... kB", "", goal=1_100),
    Step("... websocket frames", "", goal=40),
    Step("a search with one hit, pasted", "ms", "D", 876, 0.4),
    Step("filter by stage", "ms", "D", 227, 0.8),
    Step("next page", "ms", "D", 198, 0.8),
    Step("open one organization by a click", "ms", "D", 260, 0.9),
    Step("back to the list", "ms", "D", 215, 1.0),
    Step("to the Board", "ms", "D", 215, 1.0),
    Step("to Access Control", "ms", "D", 215, 1.0),
    Step("to the Profile", "ms", "D", 215, 1.0),
    Step("to Activity", "ms", "D", 215, 1.0),
    Step("save an edit", "ms", "D", 289, 0.9),
)


def main(
    organizations: Annotated[int, typer.Option(min=100)] = 10_000,
    database: Annotated[
        str, typer.Option(help="The URL of the database; it is filled if it is empty.")
    ] = "",
    rounds: Annotated[int, typer.Option(min=1)] = 5,
) -> None:
    """Measure each step several times, and print the medians beside their goals."""
    prepare(organizations, database)
    owner_id, public_id = _find_owner()
    host = "http://127.0.0.1"  # before the servers start, whose first background jobs write
    staff, owner = sign_in(host), sign_in(host, owner_id)
    times = Times()
    with serve("orgdesk") as orgdesk, serve("empty") as empty, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=list(chromium.USUAL_ARGUMENTS)
        )
        warm_empty, warm = _open_window(browser, empty), _open_window(browser, orgdesk, staff)
        for page, path, shown in ((warm_empty, "/", "empty"), (warm, "/organizations", "rows")):
            frames.open_page(page, path, shown)  # fills the browser's cache
        for _ in range(rounds):
            times.add("E", frames.open_page(warm_empty, "/", "empty"))
            measure_cold(times, browser, orgdesk, empty, staff)
            measure_list(times, warm)
            measure_pages(times, warm)
        measure_save(times, _open_window(browser, orgdesk, owner), public_id, rounds)
        browser.close()
    typer.echo(f"{organizations:,} organizations on {db.engine().dialect.name}")
    typer.echo("\n".join(times.report()))


class Times:
    """The measurements of each step."""

    def __init__(self) -> None:
        self.found: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, name: str, value: float) -> None:
        """Add one measurement."""
        self.found[name].append(value)

    def report(self) -> Iterator[str]:
        """Yield the rows of a Markdown table."""
        empty = statistics.median(self.found["E"])
        yield f"E: {empty:.0f} ms; E cold: {statistics.median(self.found['E cold']):,.0f} ms"
        yield "| step | measured | compared with | ratio | goal | |"
        yield "|---|---|---|---|---|---|"
        for step in STEPS:
            yield self._row(step, empty)

    def _row(self, step: Step, empty: float) -> str:
        measured = statistics.median(self.found[step.name])
        django = step.reference * empty / EMPTY_HERE
        base = django or (statistics.median(self.found[step.against]) if step.against else 1)
        ratio = measured / base
        compared = f"{step.against} {base:,.0f} | {ratio:.2f}" if step.against else " | "
        verdict = "" if ratio <= step.goal else "missed"
        cells = f"{measured:,.0f} {step.unit} | {compared} | {step.goal:,g} | {verdict}"
        return f"| {step.name} | {cells} |"


def _open_window(browser: Browser, server: Server, cookie: str = "") -> Page:
    """Return the page of a new window, with the cookie of a session."""
    context = browser.new_context(base_url=server.url, locale="en-US", viewport=SCREEN)
    if cookie:
        name, _, value = cookie.partition("=")
        secure = server.url.replace("http://", "https://")
        about = {"url": secure, "secure": True, "httpOnly": True}
        context.add_cookies([{"name": name, "value": value, **about}])
    context.add_init_script(frames.WATCH)
    page = context.new_page()
    page.set_default_timeout(frames.TIMEOUT_MS)
    return page


def measure_cold(
    times: Times, browser: Browser, orgdesk: Server, empty: Server, cookie: str
) -> None:
    """Open both in new windows, with nothing in the cache, over a slow line."""
    page = _open_window(browser, empty)
    frames.Traffic(page)
    times.add("E cold", frames.open_page(page, "/", "empty"))
    page.context.close()
    page = _open_window(browser, orgdesk, cookie)
    traffic = frames.Traffic(page)
    took = frames.open_page(page, "/organizations", "rows")
    times.add("open the list, cold, 10 Mbit/s and 40 ms", took)
    page.wait_for_timeout(1_000)  # what the page loads afterwards counts, too
    times.add("... requests", traffic.requests)
    times.add("... kB", traffic.bytes / 1000)
    times.add("... websocket frames", traffic.frames)
    page.context.close()


def measure_list(times: Times, page: Page) -> None:
    """Open the list, search, filter, turn the page, open an organization, and come back."""
    times.add("open the list, warm", frames.open_page(page, "/organizations", "rows"))
    wanted = _an_organization()
    beginning, rest = wanted.public_id[:4], wanted.public_id[4:]  # all begin with ORG-
    page.locator(".st-key-q input").press_sequentially(beginning, delay=40)
    frames.settle(page)
    paste = partial(page.keyboard.insert_text, rest)
    found = frames.measure(page, paste, "one row", wanted.name)
    times.add("a search with one hit, pasted", found)
    frames.open_page(page, "/organizations", "rows")
    stage = page.get_by_role("link", name="Production")
    times.add("filter by stage", frames.measure(page, stage.first.click, "other rows"))
    following = page.get_by_role("button", name="Next").or_(page.get_by_role("link", name="Next"))
    times.add("next page", frames.measure(page, following.first.click, "other rows"))
    name = page.evaluate("watch.rows()[0]?.querySelector('a').textContent.trim()")
    row = page.get_by_role("link", name=name, exact=True).first
    opened = frames.measure(page, row.click, "title", name)
    times.add("open one organization by a click", opened)
    back = partial(page.evaluate, "history.back()")
    times.add("back to the list", frames.measure(page, back, "title and rows", "Organizations"))


def measure_pages(times: Times, page: Page) -> None:
    """Go to the pages that the sidebar lists; the organization opened last is the open one."""
    for link, name, shown in (
        ("Activity", "to Activity", "activity"),
        ("Organizations", "", "rows"),
        ("Onboarding", "to the Board", "cards"),
        ("Access Control", "to Access Control", "people"),
        ("Organization Profile", "to the Profile", "profile"),
    ):
        entry = page.get_by_role("link", name=link, exact=True).last
        took = frames.measure(page, entry.click, shown)
        if name:
            times.add(name, took)


def measure_save(times: Times, page: Page, public_id: str, rounds: int) -> None:
    """Change a field of the profile as an owner."""
    for number in range(rounds):
        frames.open_page(page, f"/profile?org={public_id}", "profile")
        page.locator(".st-key-profile-sales_email input").fill(f"sales{number}@example.com")
        frames.settle(page)
        submit = page.get_by_role("button", name="Submit")
        times.add("save an edit", frames.measure(page, submit.click, "notice"))


def _find_owner() -> tuple[int, str]:
    """Return an owner and the ID of their organization."""
    with db.read() as session:
        found = session.execute(
            select(Membership.user_id, Organization.public_id)
            .join(Organization, Organization.id == Membership.org_id)
            .where(Membership.role == Role.OWNER, Organization.deleted_at.is_(None))
            .order_by(Membership.org_id.desc())
            .limit(1)
        ).one()
        return found.user_id, found.public_id


def _an_organization() -> Organization:
    """Return one from the middle, whose ID finds it alone."""
    with db.read() as session:
        middle = select(func.max(Organization.id) / 2).scalar_subquery()
        return session.scalars(
            select(Organization).where(Organization.id >= middle).order_by(Organization.id).limit(1)
        ).one()


if __name__ == "__main__":
    typer.run(main)
