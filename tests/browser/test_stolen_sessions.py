"""Sessions in the wrong hands, and sessions that have ended: neither shows anything any more."""

from collections.abc import Callable, Sequence

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus

from core.access.permissions import Actor
from core.accounts import accounts, administration, sessions
from core.database import db
from core.members import account_access
from tests.browser.acts import cookie_of
from tests.browser.server import Server
from tests.support.cast import Cast
from tests.support.depth import rounds, sample
from tests.support.streamlit_client import open_app

PAGES = ("overview", "profile", "members", "account")
ENDED = rounds(5, 20)


def words(messages: Sequence[ForwardMsg]) -> bytes:
    """Return all that a run has sent."""
    return b"".join(message.SerializeToString() for message in messages)


def fragments(messages: Sequence[ForwardMsg]) -> list[str]:
    """Return the parts of a page that rerun on their own."""
    return sorted({m.delta.fragment_id for m in messages if m.delta.fragment_id})


def shows_olga(messages: Sequence[ForwardMsg]) -> bool:
    return any(word in words(messages) for word in (b"Acme", b"Olga", b"olga@example.com"))


def asks_to_log_in(messages: Sequence[ForwardMsg]) -> bool:
    return b"Log in" in words(messages)


def cookie(person: Actor) -> str:
    return "=".join(cookie_of(person))


class TestASessionIdAlone:
    @pytest.mark.parametrize("page", sample(PAGES, 2))
    def test_opens_nothing_for_a_stranger(self, server: Server, cast: Cast, page: str) -> None:
        with open_app(server.url, cookie=cookie(cast.olga)) as hers:
            for part in fragments(hers.rerun(page)) or [""]:
                with open_app(server.url, session_id=hers.session_id) as theirs:
                    theirs.request(page, fragment_id=part)
                    seen = theirs.rerun(page)
                    assert not shows_olga(seen)
                    assert asks_to_log_in(seen)
                    assert theirs.session_id != hers.session_id
            assert shows_olga(hers.rerun(page))

    @pytest.mark.parametrize("page", sample(PAGES, 2))
    def test_opens_nothing_for_another_person(self, server: Server, cast: Cast, page: str) -> None:
        with open_app(server.url, cookie=cookie(cast.olga)) as hers:
            for part in fragments(hers.rerun(page)) or [""]:
                with open_app(
                    server.url, cookie=cookie(cast.otto), session_id=hers.session_id
                ) as theirs:
                    theirs.request(page, fragment_id=part)
                    assert not shows_olga(theirs.rerun(page))
                    assert theirs.session_id != hers.session_id

    def test_opens_nothing_after_its_owner_is_gone(self, server: Server, cast: Cast) -> None:
        with open_app(server.url, cookie=cookie(cast.olga)) as hers:
            hers.rerun("profile")
        for stolen in ("", cookie(cast.otto), cookie(cast.olga).partition("=")[0] + "=guessed"):
            with open_app(server.url, cookie=stolen, session_id=hers.session_id) as theirs:
                assert not shows_olga(theirs.rerun("profile"))

    def test_goes_on_with_the_cookie_it_began_with(self, server: Server, cast: Cast) -> None:
        own = cookie(cast.olga)
        with open_app(server.url, cookie=own) as hers:
            hers.rerun("profile")
        with open_app(server.url, cookie=own, session_id=hers.session_id) as again:
            assert shows_olga(again.rerun("profile"))
            assert again.session_id == hers.session_id

    def test_is_of_no_use_to_pages_of_others(self, server: Server, cast: Cast) -> None:
        with (
            pytest.raises((ConnectionClosed, InvalidStatus)),
            open_app(server.url, cookie=cookie(cast.olga), origin="https://evil.example") as evil,
        ):
            evil.rerun("profile")


def log_out(cast: Cast, session_id: int) -> None:
    db.run(sessions.end, session_id, "signed out")


def end_session(cast: Cast, session_id: int) -> None:
    db.run(accounts.end_session, cast.olga, session_id)


def end_all_others(cast: Cast, session_id: int) -> None:
    db.run(accounts.end_other_sessions, cast.olga, 0)


def end_by_administrator(cast: Cast, session_id: int) -> None:
    db.run(administration.end_sessions, cast.ada, cast.olga.user_id)


def disable(cast: Cast, session_id: int) -> None:
    db.run(account_access.disable, cast.ada, cast.olga.user_id)
    db.run(administration.enable, cast.ada, cast.olga.user_id)


def change_password(cast: Cast, session_id: int) -> None:
    new = accounts.prepare_password("nine kettles under a violet bridge", words=())
    db.run(accounts.change_password, cast.olga, new)


WAYS = (log_out, end_session, end_all_others, end_by_administrator, disable, change_password)


class TestAnEndedSession:
    @pytest.mark.parametrize("page", sample(["profile", "members"], 2))
    @pytest.mark.parametrize("end", WAYS, ids=lambda way: way.__name__)
    def test_is_dead_at_the_next_interaction(
        self, server: Server, cast: Cast, end: Callable[[Cast, int], None], page: str
    ) -> None:
        name, token = cookie_of(cast.olga)
        with db.read() as session:
            here = sessions.find(session, token)
        assert here is not None
        with open_app(server.url, cookie=f"{name}={token}") as first:
            seen = first.rerun(page)
            assert shows_olga(seen)
            part = (fragments(seen) or [""])[-1]
            assert shows_olga(first.rerun(page, fragment_id=part))
            with open_app(server.url, cookie=f"{name}={token}") as second:
                assert shows_olga(second.rerun(page))
                end(cast, here.session_id)
                for tab, fragment in ((first, part), (second, "")):
                    left = tab.rerun(page, fragment_id=fragment)
                    assert asks_to_log_in(left)
                    assert not shows_olga(left)

    def test_is_dead_each_time(self, server: Server, cast: Cast) -> None:
        dead = 0
        for _ in range(ENDED):
            name, token = cookie_of(cast.olga)
            with db.read() as session:
                here = sessions.find(session, token)
            assert here is not None
            with open_app(server.url, cookie=f"{name}={token}") as client:
                part = fragments(client.rerun("profile"))[-1]
                db.run(accounts.end_session, cast.olga, here.session_id)
                dead += not shows_olga(client.rerun("profile", fragment_id=part))
        assert dead == ENDED
