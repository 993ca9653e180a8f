"""Actions of people in the browser: log in, open a page, wait until it is drawn."""

from urllib.parse import urlsplit

import pyotp
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import update

from core.access.permissions import Actor
from core.accounts import request_info
from core.base.settings import settings
from core.database import db
from core.models import SecondFactor, User
from tests.support import logins
from tests.support.cast import PASSWORD, SECRET, email

_IS_DRAWN = """left => {
  const app = document.querySelector("[data-testid=stApp]")
  return app?.dataset.testScriptState === "notRunning" && document.title !== left
}"""
_GO = """path => {
  history.pushState({}, "", path)
  dispatchEvent(new PopStateEvent("popstate"))
}"""


def cookie_of(person: Actor) -> tuple[str, str]:
    """Start a session of a person, and return the name and the value of its cookie."""
    token = db.run(logins.log_in, person).token
    host = settings().public_url.partition("://")[2]
    return request_info.cookie_name(host=host, takes_secure=True), token


def become(page: Page, person: Actor) -> None:
    """Log a person in by a session and its cookie, without the form."""
    name, token = cookie_of(person)
    page.context.add_cookies(
        [
            {
                "name": name,
                "value": token,
                "url": settings().public_url.replace("http://", "https://"),
                "httpOnly": True,
                "secure": True,
                "sameSite": "Lax",
            }
        ]
    )


def log_in(page: Page, person: Actor, password: str = PASSWORD) -> None:
    """Log a person in by the form on the page, with a two-factor code if needed."""
    give_password(page, person, password)
    with db.read() as session:
        has_two_factor = session.get_one(User, person.user_id).two_factor_at is not None
    if has_two_factor and password == PASSWORD:
        give_code(page, SECRET)


def give_password(page: Page, person: Actor, password: str = PASSWORD) -> None:
    """Submit the login form on the page."""
    page.get_by_role("textbox", name="Email", exact=True).fill(email(person))
    page.get_by_role("textbox", name="Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def give_code(page: Page, secret: str) -> None:
    """Enter the current two-factor code, even if it was used before."""
    again = update(SecondFactor).values(last_step=0)
    code = page.get_by_role("textbox", name="Code")
    expect(code).to_be_visible()
    db.run(lambda session: session.execute(again) and None)
    code.fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Log in").click()


def user_menu(page: Page) -> Locator:
    """Return the button at the bottom of the sidebar, which shows who is logged in."""
    return page.get_by_role("button", name="user menu")


def visit(page: Page, path: str = "/") -> None:
    """Open a page, and wait until it is drawn."""
    page.goto(path)
    wait_until_drawn(page)


def go(page: Page, path: str) -> None:
    """Go to another page as the browser's Back button does, without loading the app again."""
    wait_until_drawn(page)
    title, was_there = page.title(), urlsplit(page.url).path == urlsplit(path).path
    page.evaluate(_GO, path)
    wait_until_drawn(page, left="" if was_there else title)


def wait_until_drawn(page: Page, *, left: str = "") -> None:
    """Wait until the rerun of the page has finished, whose title is another than of the one left.

    Every frame is looked at: `expect` looks again only after a half and then a whole second.
    """
    page.wait_for_function(_IS_DRAWN, arg=left, timeout=20_000)
