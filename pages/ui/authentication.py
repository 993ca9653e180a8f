"""Who is here: sign-in, the session's cookie, the password asked again before a weighty act.

The only file that knows streamlit-authenticator: its form, its flow and its status keys are kept,
everything behind them is ours. Who somebody is never comes from the session state: each rerun
derives it from the cookie of its own connection and the sessions table.
"""
# mypy: allow-subclassing-any

from contextlib import suppress
from typing import Any, NoReturn

import streamlit as st
from streamlit_authenticator.controllers import AuthenticationController, CookieController
from streamlit_authenticator.models import AuthenticationModel, CookieModel
from streamlit_authenticator.views import Authenticate

from core.access.permissions import Actor
from core.accounts import accounts, request_info, sessions, two_factor
from core.accounts.sessions import Proven, SignedIn
from core.base import logs
from core.base.errors import CodeNeeded, DomainError, InvalidInput, Unavailable
from core.base.settings import settings
from core.database import db
from pages.ui import browser, rerun_cache, two_factor_prompt
from pages.ui.text import refusal

_STATUS = "authentication_status"
_BOUND_TO = "bound to"
_FORM = "sign-in"
_LABELS = {"Form name": "", "Username": "Email", "Password": "Password", "Login": "Log in"}
_WRONG = (
    "Email or password is wrong, or the address is not confirmed yet. "
    "Check both, open the link in our mail, or choose Forgot password."
)


def actor() -> Actor | None:
    """Return who is here; None for somebody who is not signed in, or no longer."""
    return found.actor if (found := signed_in()) is not None else None


def signed_in() -> SignedIn | None:
    """Return the session of who is here, from the cookie of this connection."""
    return rerun_cache.cached(_find_signed_in)


def _find_signed_in() -> SignedIn | None:
    token = connection_cookie()
    with db.read() as session:
        found = sessions.find(session, token) if token else None
    logs.identify_caller(found.actor.user_id if found is not None else None, place())
    _bind(found)
    if found is not None and sessions.is_due_for_touch(found):
        with suppress(Unavailable):  # a full disk must not keep anybody from reading
            db.run(sessions.touch, found)
    return found


def connection_cookie() -> str | None:
    """Return the token in the cookies that this connection's handshake carried."""
    return request_info.find_token(st.context.cookies, host=st.context.headers.get("Host", ""))


def connection_key() -> str | None:
    """Return what tells this connection from every other: the key of its handshake."""
    return st.context.headers.get("Sec-Websocket-Key")


def place() -> str:
    """Return the address that whoever is here comes from."""
    peer = st.context.ip_address or "127.0.0.1"
    return request_info.find_place(peer, st.context.headers.get("X-Forwarded-For", ""))


def _bind(found: SignedIn | None) -> None:
    """Forget the state of this Streamlit session when it has come into other hands."""
    now = (connection_key(), found and found.session_id)
    before = st.session_state.get(_BOUND_TO, now)
    is_same_session = now[1] == before[1] and (now[1] is not None or now[0] == before[0])
    if not is_same_session:
        st.session_state.clear()
    st.session_state[_BOUND_TO] = now


def sign_in() -> None:
    """Draw the sign-in page, and let in who proves to be somebody."""
    st.title("Log in", anchor=False)
    st.session_state[_STATUS] = None
    connection = connection_key()
    if connection and two_factor_prompt.is_due(connection):
        two_factor_prompt.draw(connection, _hand_over, device=browser.device(), place=place())
        return
    with st.container(key=_FORM):
        told = _sign_in_or_refuse()
    if told:
        st.markdown(refusal(told))
    browser.set_autocomplete(_FORM, "username", "current-password")
    with st.container(horizontal=True, key="sign-in-links"):
        st.page_link("forgot_password.py", label="Forgot password")
        if settings().sign_up == "open":
            st.space("stretch")
            st.page_link("sign_up.py", label="Create an account")


def _sign_in_or_refuse() -> str:
    """Draw the form; return what to tell who was refused by it."""
    try:
        _Authenticator().login(fields=_LABELS, key="login")
    except DomainError as error:
        return str(error)
    return _WRONG if st.session_state[_STATUS] is False else ""


def enter(
    user_id: int, *, page: str = "", second_factor: bool = False, epoch: int | None = None
) -> NoReturn:
    """Sign in a person who has just proven to be that person; the page loads again, once.

    Who has two-factor is asked for a code first, unless the `second_factor` was proven, too. A
    password must still be that of its `epoch`. `page` is another address to load, such as `/`.
    """
    ticket = sessions.new_token()
    how: dict[str, Any] = {"device": browser.device(), "place": place(), "epoch": epoch}
    try:
        db.run(sessions.start, user_id, ticket, **how, second_factor=second_factor)
    except CodeNeeded:
        db.run(two_factor.ask, user_id, connection_key() or ticket, epoch=epoch)
        st.rerun()
    _hand_over(ticket, page)


def go_on(page: str = "") -> NoReturn:
    """Give who is here a new session in place of this one, for what is allowed has risen."""
    if (found := signed_in()) is None:
        st.rerun(scope="app")
    db.run(sessions.end, found.session_id, "replaced by a new one")
    enter(found.actor.user_id or 0, page=page, second_factor=True)


def _hand_over(ticket: str, page: str = "") -> NoReturn:
    browser.exchange_ticket(ticket, st.session_state.get(browser.FRAGMENT, ""), page)
    st.stop()


def log_out(*, stay: bool = False) -> NoReturn:
    """End this session and take the cookie away; the start page loads, or to `stay` this one."""
    fragment = st.session_state.get(browser.FRAGMENT, "") if stay else ""
    authenticator = _Authenticator()
    authenticator.authentication_controller.logout()
    authenticator.cookie_controller.delete_cookie()
    st.session_state.clear()
    browser.exchange_ticket("", fragment, "" if stay else "/")
    st.stop()


def ask_password(person: Actor, password: str) -> bool:
    """Return True once the password has proven that it is really this person who acts.

    It hashes, so not inside a transaction. Raises `InvalidInput(password)`, `TooManyAttempts`.
    """
    found = signed_in()
    if found is None or found.actor != person:
        raise InvalidInput({"password": "You are no longer signed in. Log in, then try again."})
    people = _People()
    people.check_credentials(found.email, password)
    if people.proven is None or people.proven.user_id != person.user_id:
        raise InvalidInput({"password": "This is not your password. Type it again."})
    return True


def fragment() -> str | None:
    """Return the fragment of the address, which never reaches a server or a log.

    None until the browser has answered; it stays known until another page is loaded.
    """
    is_known = browser.FRAGMENT in st.session_state
    read = browser.read_fragment(known=is_known)
    if read or (read is not None and not is_known):
        st.session_state[browser.FRAGMENT] = read
    known: str | None = st.session_state.get(browser.FRAGMENT)
    return known


class _People(AuthenticationModel):
    """The library's credentials, which hold nobody but who has just proven to be somebody."""

    def __init__(self) -> None:
        super().__init__({"usernames": {}}, auto_hash=False)
        self.proven: Proven | None = None

    def check_credentials(self, username: str, password: str) -> bool:
        """Ask our accounts, which count attempts and take the same time for unknown people."""
        self.proven = accounts.authenticate(username, password, origin=place())
        if self.proven is None:
            return False
        self.credentials = {"usernames": {username: {"name": username, "email": username}}}
        return True

    def _record_failed_login_attempts(self, username: str, reset: bool = False) -> None:
        """Our accounts have counted already."""


class _Controller(AuthenticationController):
    """The library's controller over our people."""

    def __init__(self) -> None:
        self.authentication_model = _People()

    def login(self, username: str = "", password: str = "", *_rest: Any, **_options: Any) -> bool:
        """Log in with the password as it was typed: the library's own would strip it.

        An empty email is a wrong one; the library would pass over it without a word.
        """
        return bool(self.authentication_model.login(username.strip() or "nobody", password))


class _Cookie(CookieModel):
    """The library's cookie, kept by us: a row in the sessions table."""

    def __init__(self, people: _People) -> None:
        self.people = people

    def get_cookie(self) -> None:
        """Return nothing: only who has no session sees the form."""

    def set_cookie(self) -> None:
        """Go on from the proven password to the code, where there is one, and the session."""
        if self.people.proven is not None:
            enter(self.people.proven.user_id, epoch=self.people.proven.epoch)

    def delete_cookie(self) -> None:
        """End the session that the cookie stands for."""
        found = signed_in()
        if found is not None:
            db.run(sessions.end, found.session_id, "signed out")


class _Cookies(CookieController):
    """The library's controller over our cookie."""

    def __init__(self, people: _People) -> None:
        self.cookie_model = _Cookie(people)


class _Authenticator(Authenticate):
    """The library's form and flow; its own constructor would mount an iframe for the cookie."""

    def __init__(self) -> None:
        self.path = None
        self.attrs: dict[str, Any] = {"login_sleep_time": 0}
        self.authentication_controller = _Controller()
        self.cookie_controller = _Cookies(self.authentication_controller.authentication_model)
