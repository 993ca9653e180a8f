"""Two-factor: setup, challenges, recovery codes, and who must have it."""

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import ORGDESK, Action, Actor, access, find_organization, staff_rights
from core.accounts import administration, sessions, totp, two_factor
from core.audit import history
from core.base import crypto
from core.base.errors import CodeNeeded, InvalidInput, NotFound, NotPermitted, TooManyAttempts
from core.database import db
from core.members import account_access, leaving
from core.models import (
    Challenge,
    Entry,
    Mail,
    Membership,
    Organization,
    RecoveryCode,
    Role,
    SecondFactor,
    Staff,
    Stage,
    User,
)
from core.ops import cleanup
from tests.conftest import Clock
from tests.support import logins
from tests.support.cast import SECRET, Cast, email

HERE = "the key of a handshake"
CODES = [f"AAAA-BBBB-{number:04}" for number in range(10)]


@pytest.fixture(autouse=True)
def _frozen_clock(clock: Clock) -> None:
    """Freeze the clock, so that codes change only when a test advances it."""


def code(clock: Clock, secret: str = SECRET, *, ahead: int = 0) -> str:
    return pyotp.TOTP(secret).at(clock.now(), counter_offset=ahead)


def user(session: Session, person: Actor) -> User:
    return session.get_one(User, person.user_id, populate_existing=True)


def set_up(session: Session, person: Actor, clock: Clock, session_id: int = 0) -> str:
    """Turn a person's two-factor on and return the secret."""
    secret = totp.new_secret()
    two_factor.begin_setup(session, person, secret)
    two_factor.confirm_setup(session, person, code(clock, secret), CODES, session_id=session_id)
    return secret


def enter_code(typed: str, connection: str = HERE, ip_address: str = "192.0.2.1") -> str:
    """Enter a code and return the ticket of the new session."""
    ticket = sessions.new_token()
    two_factor.complete_challenge(connection, typed, ticket, device="Test", ip_address=ip_address)
    return ticket


def mails(session: Session) -> list[str]:
    return [mail.context["what"] for mail in session.scalars(select(Mail).order_by(Mail.id))]


def events(session: Session) -> list[str]:
    return list(session.scalars(select(Entry.event).order_by(Entry.id)))


class TestSetUp:
    def test_a_code_of_the_pending_secret_activates_it(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        assert two_factor.get_state(session, cast.mia) == two_factor.State(None, 0, None, False)
        secret = set_up(session, cast.mia, clock)
        state = two_factor.get_state(session, cast.mia)
        assert state == two_factor.State(clock.now(), 10, None, False)
        assert events(session) == ["account.two_factor_on"]
        assert mails(session) == ["turned on"]
        kept = session.get_one(SecondFactor, cast.mia.user_id).secret
        assert kept is not None
        assert secret not in kept
        assert crypto.decrypt("two-factor", kept, owner=str(cast.mia.user_id)) == secret
        hashes = session.scalars(select(RecoveryCode.code_hash)).all()
        assert not set(hashes) & {crypto.fingerprint(each) for each in CODES}

    def test_another_code_does_not(self, session: Session, cast: Cast) -> None:
        two_factor.begin_setup(session, cast.mia, totp.new_secret())
        for typed in ("", "000000", "12345", "１２３４５６", "x" * 1000, "\ud800"):
            with pytest.raises(InvalidInput) as refused:
                two_factor.confirm_setup(session, cast.mia, typed, CODES, session_id=0)
            assert list(refused.value.fields) == ["code"]
        assert user(session, cast.mia).two_factor_at is None

    def test_a_secret_is_pending_until_confirmed_or_discarded(
        self, session: Session, cast: Cast
    ) -> None:
        secret = totp.new_secret()
        two_factor.begin_setup(session, cast.mia, secret)
        assert two_factor.get_state(session, cast.mia).pending_secret == secret
        two_factor.cancel_setup(session, cast.mia)
        assert two_factor.get_state(session, cast.mia).pending_secret is None
        with pytest.raises(InvalidInput):
            two_factor.confirm_setup(session, cast.mia, "123456", CODES, session_id=0)

    def test_sessions_that_began_without_a_code_end(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        session_id, here = logins.log_in(session, cast.mia)
        _, other = logins.log_in(session, cast.mia)
        set_up(session, cast.mia, clock, session_id)
        assert sessions.find(session, here)
        assert sessions.find(session, other) is None

    def test_a_new_device_replaces_the_old_one(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        first = set_up(session, cast.mia, clock)
        second = totp.new_secret()
        two_factor.begin_setup(session, cast.mia, second)
        clock.turn(timedelta(minutes=1))
        assert totp.redeem_code(session, cast.mia.user_id, code(clock, first))
        two_factor.confirm_setup(session, cast.mia, code(clock, second), CODES[:5], session_id=0)
        clock.turn(timedelta(minutes=1))
        assert not totp.redeem_code(session, cast.mia.user_id, code(clock, first))
        assert totp.redeem_code(session, cast.mia.user_id, code(clock, second))
        assert two_factor.get_state(session, cast.mia).codes_left == 5
        assert events(session)[-1] == "account.two_factor_replaced"

    def test_new_recovery_codes_replace_the_old(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        set_up(session, cast.mia, clock)
        new = totp.new_recovery_codes()
        assert len(set(new)) == 10
        two_factor.replace_recovery_codes(session, cast.mia, new)
        assert not totp.redeem_recovery_code(session, cast.mia.user_id, CODES[0])
        typed = new[0].lower().replace("-", " ")
        assert totp.redeem_recovery_code(session, cast.mia.user_id, typed)
        with pytest.raises(InvalidInput):
            two_factor.replace_recovery_codes(session, cast.otto, new)

    def test_a_secret_of_another_user_or_key_cannot_be_decrypted(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        set_up(session, cast.mia, clock)
        hers = session.get_one(SecondFactor, cast.mia.user_id)
        session.add(SecondFactor(user_id=cast.otto.user_id, secret=hers.secret, last_step=0))
        session.flush()
        clock.turn(timedelta(minutes=1))
        assert totp.decrypt(hers.secret, cast.otto.user_id) is None
        assert not totp.redeem_code(session, cast.otto.user_id, "123456")


class TestSigningIn:
    def test_the_password_alone_begins_no_session(self, session: Session, cast: Cast) -> None:
        ticket = sessions.new_token()
        with pytest.raises(CodeNeeded):
            sessions.start(session, cast.sam.user_id, ticket, device="", ip_address="")

    def test_the_code_starts_a_session_in_the_same_connection(
        self, engine: Engine, cast: Cast, clock: Clock
    ) -> None:
        db.run(two_factor.begin_challenge, cast.sam.user_id, HERE)
        with pytest.raises(InvalidInput, match="Go back"):
            enter_code(code(clock), connection="another handshake")
        token = sessions.new_token()
        assert db.run(sessions.redeem, enter_code(code(clock)), token)
        with db.read() as session:
            assert sessions.find(session, token).actor == cast.sam
            assert two_factor.find_challenged_user_id(session, HERE) is None

    def test_a_password_changed_after_verification_starts_no_challenge(
        self, session: Session, cast: Cast
    ) -> None:
        two_factor.begin_challenge(session, cast.sam.user_id, HERE, epoch=0)
        assert two_factor.find_challenged_user_id(session, HERE) == cast.sam.user_id
        session.execute(
            update(User).where(User.id == cast.sam.user_id).values(password_epoch=1),
            execution_options={"unrecorded": True},
        )
        assert two_factor.find_challenged_user_id(session, HERE) is None
        two_factor.begin_challenge(session, cast.sam.user_id, HERE, epoch=0)
        assert two_factor.find_challenged_user_id(session, HERE) is None

    def test_the_clock_of_a_phone_may_be_half_a_minute_off(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        for ahead, taken in ((-2, False), (-1, True), (2, False), (1, True)):
            typed = code(clock, ahead=ahead)
            assert totp.redeem_code(session, cast.sam.user_id, typed) is taken

    @pytest.mark.parametrize(
        "digits", ["0123456789", "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९"]
    )
    def test_a_code_is_read_as_people_type_it(
        self, session: Session, cast: Cast, clock: Clock, digits: str
    ) -> None:
        right = code(clock).translate(str.maketrans("0123456789", digits))
        assert totp.redeem_code(session, cast.sam.user_id, f"{right[:3]}-{right[3:]}")
        assert not totp.redeem_code(session, cast.sam.user_id, f"{right}0")

    def test_a_code_works_once_and_earlier_codes_never(
        self, engine: Engine, cast: Cast, clock: Clock
    ) -> None:
        db.run(two_factor.begin_challenge, cast.sam.user_id, HERE)
        enter_code(f" {code(clock)[:3]} {code(clock)[3:]} ")
        for used in (code(clock), code(clock, ahead=-1)):
            db.run(two_factor.begin_challenge, cast.sam.user_id, HERE)
            with pytest.raises(InvalidInput, match="already used"):
                enter_code(used)
        assert enter_code(code(clock, ahead=1))

    def test_five_attempts_per_account_from_anywhere(
        self, engine: Engine, cast: Cast, clock: Clock
    ) -> None:
        db.run(two_factor.begin_challenge, cast.sam.user_id, HERE)
        for number in range(5):
            with pytest.raises(InvalidInput):
                enter_code("000000", ip_address=f"192.0.2.{number}")
        for _ in range(2):
            with pytest.raises(TooManyAttempts):
                enter_code(code(clock), ip_address="192.0.2.9")
        with db.read() as session:
            mail = session.scalars(select(Mail)).one()
        assert (mail.template, mail.recipient) == ("codes_tried", email(cast.sam))
        clock.turn(timedelta(seconds=59))
        with pytest.raises(TooManyAttempts):
            enter_code(code(clock), ip_address="192.0.2.9")
        clock.turn(timedelta(minutes=1))
        db.run(two_factor.begin_challenge, cast.sam.user_id, HERE)
        assert enter_code(code(clock), ip_address="192.0.2.9")

    def test_many_wrong_codes_slow_an_ip_address(
        self, engine: Engine, cast: Cast, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        few = throttling.FROM_ONE_ORIGIN._replace(free=5)
        monkeypatch.setattr(throttling, "FROM_ONE_ORIGIN", few)
        for number in range(5):
            db.run(
                two_factor.begin_challenge,
                cast.oda.user_id if number % 2 else cast.sam.user_id,
                HERE,
            )
            with pytest.raises(InvalidInput):
                enter_code("000000")
        db.run(two_factor.begin_challenge, cast.sue.user_id, HERE)
        with pytest.raises(TooManyAttempts):
            enter_code(code(clock))
        clock.turn(timedelta(minutes=1))
        assert enter_code(code(clock))

    def test_a_challenge_expires_after_five_minutes(
        self, engine: Engine, cast: Cast, clock: Clock
    ) -> None:
        db.run(two_factor.begin_challenge, cast.sam.user_id, HERE)
        clock.turn(two_factor.CHALLENGE_TTL)
        with pytest.raises(InvalidInput, match="too long"):
            enter_code(code(clock))
        clock.turn(timedelta(days=2))
        cleanup.run_due()
        with db.read() as session:
            assert session.scalars(select(Challenge)).all() == []

    @pytest.mark.parametrize("change", ["password_epoch", "disabled_at", "two_factor_at"])
    def test_changes_since_the_password_end_the_challenge(
        self, engine: Engine, cast: Cast, clock: Clock, change: str
    ) -> None:
        db.run(two_factor.begin_challenge, cast.sam.user_id, HERE)
        value = {"password_epoch": 1, "disabled_at": clock.now(), "two_factor_at": None}[change]
        with db.Session(db.writing_engine()) as session, session.begin():
            changed = update(User).where(User.id == cast.sam.user_id).values({change: value})
            session.execute(changed.execution_options(unrecorded=True))
        with pytest.raises(InvalidInput, match="Go back"):
            enter_code(code(clock))

    def test_a_recovery_code_works_once_and_is_mailed(
        self, engine: Engine, cast: Cast, clock: Clock
    ) -> None:
        db.run(set_up, cast.mia, clock)
        for codes_left, typed in ((9, CODES[3]), (8, CODES[4].lower())):
            db.run(two_factor.begin_challenge, cast.mia.user_id, HERE)
            assert enter_code(typed)
            with db.read() as session:
                mail = session.scalars(select(Mail).order_by(Mail.id.desc())).first()
                assert mail.context["what"] == "recovery code used"
                assert mail.context["detail"] == f"Recovery codes left: {codes_left}."
                assert events(session)[-1] == "account.recovery_code_used"
        db.run(two_factor.begin_challenge, cast.mia.user_id, HERE)
        with pytest.raises(InvalidInput):
            enter_code(CODES[3])


class TestRequired:
    def test_staff_without_two_factor_has_no_staff_rights(
        self, session: Session, cast: Cast
    ) -> None:
        account_access.set_staff(session, cast.ada, cast.mia.user_id, Staff.ADMINISTRATOR)
        assert staff_rights(session, cast.mia) == frozenset()
        with pytest.raises(NotPermitted):
            administration.table(session, cast.mia)
        with pytest.raises(NotFound):
            access(session, cast.mia, cast.otto_ltd.id, Action.VIEW)
        assert find_organization(session, cast.mia, cast.otto_ltd.public_id) is None
        _, rights = find_organization(session, cast.mia, cast.acme.public_id)
        assert Action.VIEW in rights
        assert Action.VIEW_ALL not in rights

    def test_staff_with_two_factor_has_its_rights(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        account_access.set_staff(session, cast.ada, cast.mia.user_id, Staff.OPS)
        session_id, token = logins.log_in(session, cast.mia)
        assert sessions.find(session, token).lacks_two_factor
        set_up(session, cast.mia, clock, session_id)
        assert not sessions.find(session, token).lacks_two_factor
        assert Action.VIEW_ALL in staff_rights(session, cast.mia)
        assert access(session, cast.mia, cast.otto_ltd.id, Action.VIEW)

    def test_staff_does_not_turn_it_off(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput, match="Staff must use two-factor"):
            two_factor.turn_off(session, cast.sam)

    def test_others_do(self, session: Session, cast: Cast, clock: Clock) -> None:
        set_up(session, cast.olga, clock)
        for _ in range(2):
            assert two_factor.turn_off(session, cast.olga).two_factor_at is None
        assert events(session) == ["account.two_factor_on", "account.two_factor_off"]
        assert session.get(SecondFactor, cast.olga.user_id) is None
        ticket = sessions.new_token()
        assert sessions.start(session, cast.olga.user_id, ticket, device="", ip_address="")

    def test_not_owners_of_what_is_in_production(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        set_up(session, cast.olga, clock)
        set_up(session, cast.adam, clock)
        org = session.get_one(Organization, cast.acme.id)
        org.stage = Stage.PRODUCTION
        history.record(session, ORGDESK, org, "test.moved", org)
        with pytest.raises(InvalidInput, match="Acme is in production"):
            two_factor.turn_off(session, cast.olga)
        assert two_factor.turn_off(session, cast.adam).two_factor_at is None

    def test_deleting_an_account_deletes_its_secret(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        set_up(session, cast.mia, clock)
        leaving.delete_account(session, cast.mia)
        for kind in (SecondFactor, RecoveryCode):
            rows = select(kind).where(kind.user_id == cast.mia.user_id)
            assert session.scalars(rows).all() == []


class TestReset:
    def test_an_administrator_resets_it_with_a_reason(self, session: Session, cast: Cast) -> None:
        _, token = logins.log_in(session, cast.sam)
        administration.reset_two_factor(
            session, cast.ada, cast.sam.user_id, reason="The phone is lost"
        )
        assert sessions.find(session, token) is None
        assert user(session, cast.sam).two_factor_at is None
        assert staff_rights(session, cast.sam) == frozenset()
        (mail,) = session.scalars(select(Mail)).all()
        assert mail.context["what"] == "reset"
        assert mail.context["detail"] == "Reset by Ada. Reason: The phone is lost"
        entry = session.scalars(select(Entry)).one()
        assert (entry.event, entry.reason) == ("account.two_factor_reset", "The phone is lost")
        assert entry.person_id == cast.sam.user_id
        assert sessions.start(session, cast.sam.user_id, "ticket", device="", ip_address="")

    def test_not_without_a_reason_nor_the_own(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput) as refused:
            administration.reset_two_factor(session, cast.ada, cast.sam.user_id, reason=" ")
        assert list(refused.value.fields) == ["reason"]
        with pytest.raises(InvalidInput, match="your own"):
            administration.reset_two_factor(session, cast.ada, cast.ada.user_id, reason="Lost")

    def test_the_command_line_helps_a_lone_administrator(
        self, session: Session, cast: Cast
    ) -> None:
        administration.reset_two_factor(session, ORGDESK, cast.ada.user_id, reason="Lost")
        assert user(session, cast.ada).two_factor_at is None
        assert user(session, cast.ada).staff is Staff.ADMINISTRATOR

    def test_a_member_without_two_factor_keeps_the_member_rights(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        set_up(session, cast.mia, clock)
        administration.reset_two_factor(session, cast.ada, cast.mia.user_id, reason="Lost")
        role = select(Membership.role).where(Membership.user_id == cast.mia.user_id)
        assert session.scalar(role) is Role.MEMBER
