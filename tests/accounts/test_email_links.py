"""Email links: they work once, expire, and are stored only as hashes."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.accounts import email_links
from core.base import crypto
from core.base.errors import LinkNotValid
from core.models import Link
from tests.conftest import Clock
from tests.support.cast import Cast


def make(session: Session, cast: Cast, kind: str = email_links.RESET) -> str:
    made = email_links.create(
        session, kind, "mia@example.com", email_links.RESET_TTL, user_id=cast.mia.user_id
    )
    return crypto.token(**made)


class TestUse:
    def test_a_link_works_once(self, session: Session, cast: Cast) -> None:
        token = make(session, cast)
        assert email_links.get(session, email_links.RESET, token).user_id == cast.mia.user_id
        assert email_links.redeem(session, email_links.RESET, token).user_id == cast.mia.user_id
        with pytest.raises(LinkNotValid):
            email_links.redeem(session, email_links.RESET, token)

    def test_getting_a_link_does_not_use_it(self, session: Session, cast: Cast) -> None:
        token = make(session, cast)
        email_links.get(session, email_links.RESET, token)
        email_links.get(session, email_links.RESET, token)
        assert email_links.redeem(session, email_links.RESET, token)

    def test_it_ends_with_its_time(self, session: Session, cast: Cast, clock: Clock) -> None:
        token = make(session, cast)
        clock.turn(email_links.RESET_TTL - timedelta(seconds=1))
        email_links.get(session, email_links.RESET, token)
        clock.turn(timedelta(seconds=1))
        with pytest.raises(LinkNotValid):
            email_links.redeem(session, email_links.RESET, token)

    def test_a_newer_one_replaces_it(self, session: Session, cast: Cast) -> None:
        old, new = make(session, cast), make(session, cast)
        with pytest.raises(LinkNotValid):
            email_links.redeem(session, email_links.RESET, old)
        assert email_links.redeem(session, email_links.RESET, new)

    def test_a_link_works_only_for_its_kind(self, session: Session, cast: Cast) -> None:
        token = make(session, cast, email_links.CONFIRM)
        with pytest.raises(LinkNotValid):
            email_links.redeem(session, email_links.RESET, token)

    def test_every_link_that_does_not_work_gets_the_same_answer(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        used, late = make(session, cast), make(session, cast)
        clock.turn(email_links.RESET_TTL)
        refusals = set()
        for token in (used, late, "", "x", "\ud800", "a" * 100_000):
            with pytest.raises(LinkNotValid) as refused:
                email_links.redeem(session, email_links.RESET, token)
            refusals.add(str(refused.value))
        assert refusals == {str(email_links.not_valid(email_links.RESET))}


class TestRows:
    def test_the_token_is_in_no_row(self, session: Session, cast: Cast) -> None:
        token = make(session, cast)
        row = session.scalars(select(Link)).one()
        kept = [getattr(row, column.key) for column in Link.__table__.columns]
        assert token not in [str(value) for value in kept]

    def test_ending_leaves_others_alone(self, session: Session, cast: Cast) -> None:
        hers = make(session, cast)
        made = email_links.create(
            session,
            email_links.RESET,
            "adam@example.com",
            email_links.RESET_TTL,
            user_id=cast.adam.user_id,
        )
        email_links.revoke(session, email_links.RESET, user_id=cast.adam.user_id)
        assert email_links.get(session, email_links.RESET, hers)
        with pytest.raises(LinkNotValid):
            email_links.get(session, email_links.RESET, crypto.token(**made))

    def test_revoking_needs_a_person_or_an_organization(self, session: Session, cast: Cast) -> None:
        with pytest.raises(ValueError, match="user_id or org_id"):
            email_links.revoke(session, email_links.RESET)
