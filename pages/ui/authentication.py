"""Authentication: the login form, the session cookie, and verifying the password again.

This is the only module that uses streamlit-authenticator: its form, flow and status keys are kept,
and accounts and sessions are our own. Identity never comes from the session state: each rerun
derives it from the cookie of its own connection and the sessions table. `identify` then lets the
library log that person in, and `is_allowed` reads the roles of this login.
"""
# mypy: allow-subclassing-any

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

import streamlit as st
from streamlit_authenticator.controllers import AuthenticationController, CookieController
from streamlit_authenticator.models import AuthenticationModel, CookieModel
from streamlit_authenticator.views import Authenticate

from core.access.permissions import ALLOWED, Action, Actor, Rights
from core.accounts import accounts, request_info, sessions, two_factor
from core.accounts.sessions import SignedIn, VerifiedPassword
from core.base import logs
from core.base.errors import CodeNeeded, DomainError, InvalidInput, Unavailable
from core.base.settings import settings
from core.database import db
from core.models import Role, Staff
from pages.ui import browser, rerun_cache, two_factor_prompt
from pages.ui.text import refusal

_STATUS = "authentication_status"
_STATUS_KEYS = (_STATUS, "name", "username", "email", "roles")
_BOUND_TO = "bound to"
_FORM = "sign-in"
_LABELS = {"Form name": "", "Username": "Email", "Password": "Password", "Login": "Log in"}
_WRONG = (
    "Email or password is wrong, or the address isn't confirmed yet. "
    "Check both, open the link in our email, or choose Forgot password."
)


def actor() -> Actor | None:
    """Return the signed-in person, or None."""
    return found.actor if (found := signed_in()) is not None else None


def signed_in() -> SignedIn | None:
    """Return the session of this connection's cookie, or None."""
    return rerun_cache.cached(_find_signed_in)


def _find_signed_in() -> SignedIn | None:
    token = connection_cookie()
    with db.read() as session:
        found = sessions.find(session, token) if token else None
    logs.identify_caller(found.actor.user_id if found is not None else None, ip_address())
    _bind(found)
    if found is not None and sessions.needs_touch(found):
        with suppress(Unavailable):  # a full disk must not block reading
            db.run(sessions.touch, found)
    return found


def identify(roles: Sequence[Role | Staff]) -> None:
    """Log in the person of this rerun with the library, which sets its status keys afresh.

    `roles` are those of the rerun's look-up. What was in the keys before is overwritten, and they
    are for display: nothing that decides reads them.
    """
    for key in _STATUS_KEYS:
        st.session_state[key] = None
    authenticator = _authenticator()
    authenticator.people.roles = list(roles)
    authenticator.login(location="unrendered")


def roles() -> Sequence[Role | Staff]:
    """Return the roles of this rerun's login: in the open organization, and on the staff."""
    users: dict[str, dict[str, Any]] = _authenticator().people.credentials["usernames"]
    found = signed_in()
    return users[found.email]["roles"] if found is not None and found.email in users else ()


def is_allowed(rights: Rights, action: Action) -> bool:
    """Return whether to draw a form or button of owners: both gates must allow the action.

    `rights` are the person's in the organization; the roles are those of this rerun's login.
    """
    return action in rights and not ALLOWED[action].isdisjoint(roles())


def _authenticator() -> "_Authenticator":
    return rerun_cache.cached(_Authenticator)


def connection_cookie() -> str | None:
    """Return the session token in the cookies of this connection's handshake."""
    return request_info.find_token(st.context.cookies, host=st.context.headers.get("Host", ""))


def _known_browser() -> str:
    headers = st.context.headers
    return request_info.find_known_browser(st.context.cookies, host=headers.get("Host", ""))


def connection_key() -> str | None:
    """Return a key unique to this connection, from its handshake."""
    return st.context.headers.get("Sec-Websocket-Key")


def ip_address() -> str:
    """Return the client's IP address."""
    peer = st.context.ip_address or "127.0.0.1"
    return request_info.find_ip_address(peer, st.context.headers.get_all("X-Forwarded-For"))


def _bind(found: SignedIn | None) -> None:
    """Clear the session state if another person or session now uses it."""
    now = (connection_key(), found and found.session_id)
    before = st.session_state.get(_BOUND_TO, now)
    is_same_session = now[1] == before[1] and (now[1] is not None or now[0] == before[0])
    if not is_same_session:
        st.session_state.clear()
    st.session_state[_BOUND_TO] = now


def sign_in() -> None:
    """Draw the login page and sign in people who authenticate."""
    st.title("Log in", anchor=False)
    st.session_state[_STATUS] = None
    connection = connection_key()
    if connection and two_factor_prompt.is_pending(connection):
        where = {"device": browser.device(), "ip_address": ip_address()}
        two_factor_prompt.draw(connection, _exchange_ticket, **where)
        return
    _draw_end_of_session()
    with st.container(key=_FORM):
        error = _draw_form()
    if error:
        st.markdown(refusal(error))
    browser.set_autocomplete(_FORM, "username", "current-password")
    with st.container(horizontal=True, key="sign-in-links"):
        st.page_link("forgot_password.py", label="Forgot password")
        if settings().sign_up == "open":
            st.space("stretch")
            st.page_link("sign_up.py", label="Create an account")


def _draw_end_of_session() -> None:
    """Say that the session of this connection has ended, and why."""
    token = connection_cookie()
    with db.read() as session:
        why = sessions.find_end(session, token) if token else ""
    if why:
        with st.container(border=True, key="session-ended", gap="xxsmall"):
            st.markdown("**Your session ended**")
            st.markdown(f"{why} Log in to continue with what you typed.")


def _draw_form() -> str:
    """Draw the login form and return an error message, or an empty string."""
    try:
        _authenticator().login(fields=_LABELS, key="login")
    except DomainError as error:
        return str(error)
    return _WRONG if st.session_state[_STATUS] is False else ""


def enter(
    user_id: int, *, page: str = "", second_factor: bool = False, epoch: int | None = None
) -> NoReturn:
    """Start a session for an authenticated person and reload the page.

    Prompts for a code first if the person has two-factor, unless `second_factor` is True. The
    password must still be the one of `epoch`. `page` is another address to load, such as `/`.
    """
    ticket = sessions.new_token()
    how: dict[str, Any] = {"device": browser.device(), "ip_address": ip_address(), "epoch": epoch}
    try:
        db.run(sessions.start, user_id, ticket, **how, second_factor=second_factor)
    except CodeNeeded:
        db.run(two_factor.begin_challenge, user_id, connection_key() or ticket, epoch=epoch)
        st.rerun()
    _exchange_ticket(ticket, page)


def renew(page: str = "") -> NoReturn:
    """Replace this session by a new one, because the person has gained permissions."""
    if (found := signed_in()) is None:
        st.rerun(scope="app")
    db.run(sessions.end, found.session_id, "replaced by a new one")
    enter(found.actor.user_id or 0, page=page, second_factor=True)


def _exchange_ticket(ticket: str, page: str = "") -> NoReturn:
    browser.exchange_ticket(ticket, st.session_state.get(browser.FRAGMENT, ""), page)
    st.stop()


def log_out(*, stay: bool = False) -> NoReturn:
    """End this session and delete the cookie; load the home page, or with `stay` this page."""
    fragment = st.session_state.get(browser.FRAGMENT, "") if stay else ""
    authenticator = _authenticator()
    authenticator.authentication_controller.logout()
    authenticator.cookie_controller.delete_cookie()
    st.session_state.clear()
    browser.exchange_ticket("", fragment, "" if stay else "/")
    st.stop()


def verify_password(person: Actor, password: str) -> bool:
    """Return True if this is the signed-in person's password; raises like `prove_password`."""
    return bool(prove_password(person, password))


def prove_password(person: Actor, password: str) -> VerifiedPassword:
    """Return the proof that this is the signed-in person's password.

    Hashes, so it opens its own transactions. Raises `InvalidInput(password)`, `TooManyAttempts`.
    """
    found = signed_in()
    if found is None or found.actor != person:
        raise InvalidInput({"password": "You're no longer logged in. Log in and try again."})
    people = _People(session_id=found.session_id)
    people.check_credentials(found.email, password)
    if people.verified is None or people.verified.user_id != person.user_id:
        raise InvalidInput({"password": "That password isn't right. Try again."})
    return people.verified


def fragment() -> str | None:
    """Return the fragment of the page's address, which never reaches a server or a log.

    Returns None until the browser has sent it, and an empty text if there is none. The tab keeps
    it: emailed links work until they are used or expire, whatever is reloaded.
    """
    is_known = browser.FRAGMENT in st.session_state
    read = browser.read_fragment(known=is_known)
    if read or (read is not None and not is_known):
        st.session_state[browser.FRAGMENT] = read
    known: str | None = st.session_state.get(browser.FRAGMENT)
    return known


class _People(AuthenticationModel):
    """The library's credentials, which contain only the person who is here."""

    def __init__(self, *, session_id: int | None = None) -> None:
        super().__init__({"usernames": {}}, auto_hash=False)
        self.verified: VerifiedPassword | None = None
        self.roles: list[Role | Staff] = []
        self._session_id = session_id

    def check_credentials(self, username: str, password: str) -> bool:
        """Authenticate against our accounts, which count attempts and hide unknown addresses."""
        self.verified = accounts.authenticate(
            username,
            password,
            origin=ip_address(),
            browser=_known_browser(),
            session_id=self._session_id,
        )
        if self.verified is None:
            return False
        self.admit(username, username, [])
        return True

    def admit(self, email: str, name: str, roles: Sequence[Role | Staff]) -> None:
        """Make one person the only one in the credentials."""
        self.credentials = {"usernames": {email: {"name": name, "email": email, "roles": roles}}}

    def _record_failed_login_attempts(self, username: str, reset: bool = False) -> None:
        """Do nothing: `accounts.authenticate` counts attempts."""


class _Controller(AuthenticationController):
    """The library's controller with our credentials."""

    def __init__(self, people: _People) -> None:
        self.authentication_model = people

    def login(
        self,
        username: str = "",
        password: str = "",
        *_rest: Any,
        token: dict[str, str] | None = None,
        **_options: Any,
    ) -> bool:
        """Log in by the cookie, or by the form without stripping the password.

        Treats an empty email as a wrong one, which the library would silently ignore.
        """
        if token:
            return bool(self.authentication_model.login("", "", token=token))
        return bool(self.authentication_model.login(username.strip() or "nobody", password))


class _Cookie(CookieModel):
    """The library's cookie, backed by a row in the sessions table."""

    def __init__(self, people: _People) -> None:
        self.people = people

    def get_cookie(self) -> dict[str, str] | None:
        """Return the person of the live session, and make them the only one who can log in."""
        found = signed_in()
        if found is None:
            return None
        self.people.admit(found.email, found.actor.name, self.people.roles)
        return {"username": found.email}

    def set_cookie(self) -> None:
        """Continue from the verified password to the session, or to the two-factor prompt."""
        if self.people.verified is not None:
            enter(self.people.verified.user_id, epoch=self.people.verified.epoch)

    def delete_cookie(self) -> None:
        """End the session of the cookie."""
        found = signed_in()
        if found is not None:
            db.run(sessions.end, found.session_id, "signed out")


class _Cookies(CookieController):
    """The library's controller with our cookie."""

    def __init__(self, people: _People) -> None:
        self.cookie_model = _Cookie(people)


class _Authenticator(Authenticate):
    """The library's form and flow, without its constructor, which mounts a cookie iframe."""

    def __init__(self) -> None:
        self.path = None
        self.attrs: dict[str, Any] = {"login_sleep_time": 0}
        self.people = _People()
        self.authentication_controller = _Controller(self.people)
        self.cookie_controller = _Cookies(self.people)
