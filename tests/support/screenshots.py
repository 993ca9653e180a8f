"""Take the screenshots of the README from the demo: `python -m tests.support.screenshots`."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import select

from core.access.permissions import Actor
from core.base.settings import PROJECT
from core.database import db
from core.models import Organization, User
from data import seed
from tests.browser import chromium
from tests.browser.acts import become, visit
from tests.browser.server import Server, serve
from tests.support.engines import SECRET_KEY, use

FOLDER = PROJECT / "data" / "pictures"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

PICTURES = (
    # name, page, person, screen, color scheme
    ("sign-in", "/", "", DESKTOP, "light"),
    ("organizations", "/organizations", "priya@orgdesk.example", DESKTOP, "light"),
    ("organizations-phone", "/organizations", "priya@orgdesk.example", PHONE, "light"),
    ("memberships", "/organizations?view=memberships", "priya@orgdesk.example", DESKTOP, "light"),
    ("overview", "/overview?org={org}", "owner", DESKTOP, "dark"),
    ("profile", "/profile?org={org}", "owner", DESKTOP, "light"),
    ("access-control", "/members?org={org}", "owner", DESKTOP, "dark"),
    ("access-control-phone", "/members?org={org}", "owner", PHONE, "light"),
    ("onboarding", "/onboarding?org={org}", "priya@orgdesk.example", DESKTOP, "light"),
    ("board", "/board", "priya@orgdesk.example", DESKTOP, "light"),
    ("charts", "/charts", "priya@orgdesk.example", DESKTOP, "dark"),
    ("connected-solutions", "/solutions", "owner", DESKTOP, "light"),
    ("history", "/history?org={org}", "owner", DESKTOP, "light"),
)


def main() -> None:
    """Fill a temporary database with the sample data, serve it, and take the screenshots."""
    os.environ["SECRET_KEY"] = SECRET_KEY
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as scratch:
        url = f"sqlite:///{scratch}/demo.db"
        with use(url):
            seed.main(seed.DEMO_ORGANIZATIONS)
        with serve(url, Path(scratch)) as server, sync_playwright() as playwright:
            os.environ["PUBLIC_URL"] = server.url
            browser = playwright.chromium.launch(
                executable_path=chromium.find(), args=list(chromium.ARGUMENTS)
            )
            with use(url):
                _take_all(browser, server)


def _take_all(browser: Browser, server: Server) -> None:
    with db.read() as session:
        org = session.get_one(Organization, seed.DEMO_ORGANIZATION)
        people = {user.email: Actor(user.id, user.name) for user in session.scalars(select(User))}
        people["owner"] = next(
            actor for actor in people.values() if actor.user_id == org.created_by
        )
    for name, path, who, screen, color_scheme in PICTURES:
        context = browser.new_context(
            base_url=server.url, viewport=screen, color_scheme=color_scheme, locale="en-US"
        )
        page = context.new_page()
        if who:
            become(page, people[who])
        visit(page, path.format(org=org.public_id))
        page.wait_for_load_state("networkidle")  # all avatars are loaded
        page.wait_for_timeout(1_000)
        page.screenshot(path=FOLDER / f"{name}.png")
        context.close()
        sys.stdout.write(f"{FOLDER / name}.png\n")


if __name__ == "__main__":
    main()
