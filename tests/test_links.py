"""Mailed links: they work once, for a while, and stand in no row."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import keys, links
from core.errors import LinkNotValid
from core.models import Link
from tests.cast import Cast
from tests.conftest import Clock


def make(session: Session, cast: Cast, kind: str = links.RESET) -> str:
    made = links.make(session, kind, "mia@example.com", links.RESETS_FOR, user_id=cast.mia.user_id)
    return keys.token(**made)


class TestUse:
    def test_a_link_works_once(self, session: Session, cast: Cast) -> None:
        token = make(session, cast)
        assert links.find(session, links.RESET, token).user_id == cast.mia.user_id
        assert links.use(session, links.RESET, token).user_id == cast.mia.user_id
        with pytest.raises(LinkNotValid):
            links.use(session, links.RESET, token)

    def test_looking_does_not_use_it_up(self, session: Session, cast: Cast) -> None:
        token = make(session, cast)
        links.find(session, links.RESET, token)
        links.find(session, links.RESET, token)
        assert links.use(session, links.RESET, token)

    def test_it_ends_with_its_time(self, session: Session, cast: Cast, clock: Clock) -> None:
        token = make(session, cast)
        clock.turn(links.RESETS_FOR - timedelta(seconds=1))
        links.find(session, links.RESET, token)
        clock.turn(timedelta(seconds=1))
        with pytest.raises(LinkNotValid):
            links.use(session, links.RESET, token)

    def test_a_newer_one_replaces_it(self, session: Session, cast: Cast) -> None:
        old, new = make(session, cast), make(session, cast)
        with pytest.raises(LinkNotValid):
            links.use(session, links.RESET, old)
        assert links.use(session, links.RESET, new)

    def test_one_kind_is_not_good_for_another(self, session: Session, cast: Cast) -> None:
        token = make(session, cast, links.PROVE)
        with pytest.raises(LinkNotValid):
            links.use(session, links.RESET, token)

    def test_every_link_that_does_not_work_gets_the_same_answer(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        used, late = make(session, cast), make(session, cast)
        clock.turn(links.RESETS_FOR)
        told = set()
        for token in (used, late, "", "x", "\ud800", "a" * 100_000):
            with pytest.raises(LinkNotValid) as refused:
                links.use(session, links.RESET, token)
            told.add(str(refused.value))
        assert told == {str(links.refusal(links.RESET))}


class TestRows:
    def test_the_token_is_in_no_row(self, session: Session, cast: Cast) -> None:
        token = make(session, cast)
        row = session.scalars(select(Link)).one()
        kept = [getattr(row, column.key) for column in Link.__table__.columns]
        assert token not in [str(value) for value in kept]

    def test_ending_leaves_others_alone(self, session: Session, cast: Cast) -> None:
        hers = make(session, cast)
        made = links.make(
            session, links.RESET, "adam@example.com", links.RESETS_FOR, user_id=cast.adam.user_id
        )
        links.end(session, links.RESET, user_id=cast.adam.user_id)
        assert links.find(session, links.RESET, hers)
        with pytest.raises(LinkNotValid):
            links.find(session, links.RESET, keys.token(**made))

    def test_links_of_nobody_are_never_meant(self, session: Session, cast: Cast) -> None:
        with pytest.raises(ValueError, match="nobody"):
            links.end(session, links.RESET)
