"""Tests of undo: what is foreseen, what is put back, and what is refused, on both engines."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.accounts.sessions import VerifiedPassword
from core.base.errors import (
    AlreadyUndone,
    CannotUndo,
    ChangedSince,
    InvalidInput,
    NotPermitted,
    PasswordNeeded,
)
from core.changes import changes, undo_marks
from core.changes.cells import Cell
from core.changes.inverse import Ask
from core.changes.judgement import State
from core.database import db
from core.members import leaving, members, ownership
from core.models import Entry, FormerMembership, Logo, Mail, Membership, Organization, Role, Stage
from core.onboarding import onboarding, working_days
from core.onboarding.onboarding import Plan
from core.organizations import organizations
from core.profile import logos, profile
from core.profile.logos import CleanLogo
from core.staff import notes
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.history import last_entry, verified

WHY = "A slip of the hand."
PHONE = "+12125550100"


def save(session: Session, actor: Actor, cast: Cast, **texts: str) -> Entry:
    """Change the profile of Acme, and return the entry."""
    shown = profile.form_texts(org(session, cast))
    profile.save(session, actor, cast.acme.id, shown, shown | texts)
    return last_entry(session)


def org(session: Session, cast: Cast) -> Organization:
    return session.get_one(Organization, cast.acme.id, populate_existing=True)


def proof_of(actor: Actor, epoch: int = 0) -> VerifiedPassword:
    return VerifiedPassword(actor.user_id, epoch)


def states(act: changes.Act) -> dict[str, State]:
    return {line.cell.field: line.state for line in act.lines}


class TestAPhoneNumber:
    def test_it_is_put_back_by_a_change_that_names_what_it_undoes(
        self, session: Session, cast: Cast
    ):
        save(session, cast.olga, cast, phone=PHONE)
        mistake = save(session, cast.olga, cast, phone="")
        (act,) = changes.plan(session, cast.olga, [mistake.id])
        (line,) = act.put_back
        assert (line.label, line.before, line.now) == ("Phone", "+1 212-555-0100", "(empty)")
        made = changes.undo(session, cast.olga, mistake.id)
        assert org(session, cast).phone == PHONE
        assert (made.event, made.undoes_id) == ("profile.changed", mistake.id)

    def test_an_undo_confirms_no_profile(self, session: Session, cast: Cast, clock: Clock):
        mistake = save(session, cast.olga, cast, phone=PHONE)
        confirmed_at = org(session, cast).confirmed_at
        clock.turn(timedelta(days=3))
        changes.undo(session, cast.olga, mistake.id)
        assert org(session, cast).confirmed_at == confirmed_at

    def test_only_the_chosen_fields_are_put_back(self, session: Session, cast: Cast):
        both = save(session, cast.olga, cast, phone=PHONE, twitter="acme")
        changes.undo(session, cast.olga, both.id, only=[Cell("organization", "phone")])
        assert (org(session, cast).phone, org(session, cast).twitter) == (None, "acme")
        changes.undo(session, cast.olga, both.id)
        assert org(session, cast).twitter is None

    def test_what_was_changed_since_is_left_alone_and_says_by_whom(
        self, session: Session, cast: Cast
    ):
        first = save(session, cast.olga, cast, phone=PHONE, twitter="acme")
        second = save(session, cast.olga, cast, phone="+12125550199")
        (act,) = changes.plan(session, cast.olga, [first.id])
        assert states(act) == {"phone": State.CHANGED, "twitter": State.PUT_BACK}
        (since,) = [line for line in act.lines if line.state is State.CHANGED]
        assert (since.changed_by, since.changed_at) == ("Olga", second.at)
        with pytest.raises(ChangedSince):
            changes.undo(session, cast.olga, first.id, only=[since.cell])

    def test_an_earlier_change_does_not_overrule_a_later_one_with_the_same_value(
        self, session: Session, cast: Cast
    ):
        one, two = "+12125550101", "+12125550102"
        save(session, cast.olga, cast, phone=one)
        first = save(session, cast.olga, cast, phone=two)
        back = save(session, cast.olga, cast, phone=one)
        save(session, cast.olga, cast, phone=two)
        with pytest.raises(ChangedSince):
            changes.undo(session, cast.olga, first.id)
        (act,) = changes.plan(session, cast.olga, [back.id])
        assert states(act) == {"phone": State.ALREADY}

    def test_redo_is_the_undo_of_the_newest_undo(self, session: Session, cast: Cast):
        mistake = save(session, cast.olga, cast, phone=PHONE)
        undo = changes.undo(session, cast.olga, mistake.id)
        with pytest.raises(AlreadyUndone):
            changes.undo(session, cast.olga, mistake.id)
        redo = changes.undo(session, cast.olga, undo.id)
        assert (org(session, cast).phone, redo.undoes_id) == (PHONE, undo.id)
        changes.undo(session, cast.olga, redo.id)
        assert org(session, cast).phone is None

    def test_a_redo_is_in_force_like_the_change_itself(
        self, session: Session, cast: Cast, clock: Clock
    ):
        first = save(session, cast.olga, cast, phone=PHONE)
        save(session, cast.olga, cast, phone="+12125550199")
        back = save(session, cast.olga, cast, phone=PHONE)
        undo = changes.undo(session, cast.olga, back.id)
        clock.turn(timedelta(hours=1))
        redo = changes.undo(session, cast.ada, undo.id, reason=WHY)
        (act,) = changes.plan(session, cast.olga, [first.id])
        (line,) = act.lines
        assert (line.state, line.changed_by) == (State.CHANGED, "Ada")
        assert line.changed_at == redo.at

    def test_staff_gives_a_reason_which_history_keeps(self, session: Session, cast: Cast):
        mistake = save(session, cast.olga, cast, phone=PHONE)
        (act,) = changes.plan(session, cast.oda, [mistake.id])
        assert act.asks == {Ask.REASON}
        with pytest.raises(InvalidInput, match="Write a few words"):
            changes.undo(session, cast.oda, mistake.id)
        made = changes.undo(session, cast.oda, mistake.id, reason=WHY)
        assert made.reason == WHY


class TestAPlan:
    def test_it_changes_nothing_and_stops_no_mail(self, cast: Cast):
        def remove(session: Session) -> int:
            members.remove(session, cast.olga, cast.acme.id, cast.mia.user_id)
            return last_entry(session).id

        removal = db.run(remove)
        with db.read() as session:
            before = [*session.execute(select(Mail.id, Mail.due_at))]
        (act,) = db.run(changes.plan, cast.olga, [removal])
        assert act.put_back
        with db.read() as session:
            assert [*session.execute(select(Mail.id, Mail.due_at))] == before
            assert last_entry(session).id == removal
            assert session.scalar(select(func.count()).select_from(FormerMembership)) == 1
        assert verified()[0] == []

    def test_the_security_log_has_nothing_of_it(self, cast: Cast, caplog: pytest.LogCaptureFixture):
        def reinstate(session: Session) -> int:
            members.remove(session, cast.olga, cast.acme.id, cast.mia.user_id)
            members.reinstate(session, cast.olga, cast.acme.id, cast.mia.user_id)
            return last_entry(session).id

        entry_id = db.run(reinstate)
        caplog.clear()
        with caplog.at_level("INFO"):
            db.run(changes.plan, cast.olga, [entry_id])
        assert "member.removed" not in caplog.text

    def test_it_says_what_the_use_case_would_refuse(self, session: Session, cast: Cast):
        mistake = save(session, cast.olga, cast, overview="Care")
        (act,) = changes.plan(session, cast.oda, [mistake.id])
        assert act.refusal == "Only owners can change this. Ask one of them."
        assert act.put_back == []

    def test_a_move_and_the_move_back_do_not_hide_each_other(self, session: Session, cast: Cast):
        ids = [save(session, cast.olga, cast, phone=phone).id for phone in (PHONE, "")]
        newest, oldest = changes.plan(session, cast.olga, ids)
        assert (newest.entry_id, oldest.entry_id) == (ids[1], ids[0])
        assert all(act.put_back for act in (newest, oldest))
        outcome = changes.undo_all(session, cast.olga, ids)
        assert (len(outcome.done), outcome.refused) == (2, [])

    def test_an_event_without_a_way_back_says_why(self, session: Session, cast: Cast):
        profile.confirm(session, cast.olga, cast.acme.id)
        entry = last_entry(session)
        (act,) = changes.plan(session, cast.olga, [entry.id])
        assert act.refusal.startswith("It says that someone")
        with pytest.raises(CannotUndo):
            changes.undo(session, cast.olga, entry.id)


class TestPeople:
    def test_who_is_brought_back_joined_when_they_did(
        self, session: Session, cast: Cast, clock: Clock
    ):
        members.remove(session, cast.olga, cast.acme.id, cast.mia.user_id)
        clock.turn(timedelta(days=3))
        changes.undo(session, cast.olga, last_entry(session).id)
        mia = session.scalars(
            select(Membership).where(Membership.user_id == cast.mia.user_id)
        ).one()
        assert (mia.role, mia.joined_at.year, mia.joined_at.month) == (Role.MEMBER, 2026, 1)

    def test_a_person_is_found_again_after_a_return(self, session: Session, cast: Cast):
        """The role is a cell of the person, whose membership is another row now."""
        acme, mia = cast.acme.id, cast.mia.user_id
        members.change_role(session, cast.olga, acme, mia, Role.ADMIN)
        change = last_entry(session)
        members.remove(session, cast.olga, acme, mia)
        changes.undo(session, cast.olga, last_entry(session).id)
        changes.undo(session, cast.olga, change.id)
        role = select(Membership.role).where(Membership.user_id == mia)
        assert session.scalar(role) == Role.MEMBER

    def test_who_left_is_invited_not_brought_back(self, session: Session, cast: Cast):
        leaving.leave(session, cast.mia, cast.acme.id)
        made = changes.undo(session, cast.olga, last_entry(session).id)
        assert made.event == "invitation.sent"
        with pytest.raises(AlreadyUndone):
            changes.undo(session, cast.olga, made.undoes_id or 0)
        mine = select(Membership).where(Membership.user_id == cast.mia.user_id)
        assert session.scalar(mine) is None

    @pytest.mark.usefixtures("has_person")
    def test_a_transfer_is_undone_and_redone_by_one_entry_each(self, session: Session, cast: Cast):
        offer = ownership.offer(session, cast.olga, cast.acme.id, cast.mia.user_id)
        ownership.accept(session, cast.mia, cast.acme.id, offer.id)
        transfer = last_entry(session)
        made = changes.undo(session, cast.mia, transfer.id, proof=proof_of(cast.mia))
        assert made.event == "ownership.transferred"
        assert roles(session, cast) == {"Olga": Role.OWNER, "Adam": Role.ADMIN, "Mia": Role.MEMBER}
        changes.undo(session, cast.olga, made.id, proof=proof_of(cast.olga))
        assert roles(session, cast) == {"Olga": Role.ADMIN, "Adam": Role.ADMIN, "Mia": Role.OWNER}

    def test_half_of_a_transfer_is_not_put_back(self, session: Session, cast: Cast):
        acme = cast.acme.id
        offer = ownership.offer(session, cast.olga, acme, cast.mia.user_id)
        ownership.accept(session, cast.mia, acme, offer.id)
        transfer = last_entry(session)
        members.change_role(session, cast.mia, acme, cast.olga.user_id, Role.MEMBER)
        (act,) = changes.plan(session, cast.mia, [transfer.id])
        assert {line.state for line in act.lines} == {State.CHANGED}


def roles(session: Session, cast: Cast) -> dict[str, Role]:
    people = {cast.olga.user_id: "Olga", cast.adam.user_id: "Adam", cast.mia.user_id: "Mia"}
    found = select(Membership.user_id, Membership.role).where(Membership.org_id == cast.acme.id)
    return {people[user_id]: role for user_id, role in session.execute(found)}


class TestWeightyActs:
    """What takes a password, or a typed name, takes it for its undo as well."""

    @pytest.fixture
    def removal(self, session: Session, cast: Cast) -> int:
        """The entry of an owner who was removed."""
        acme, adam = cast.acme.id, cast.adam.user_id
        members.change_role(session, cast.olga, acme, adam, Role.OWNER)
        members.remove(session, cast.olga, acme, adam)
        return last_entry(session).id

    def test_nobody_becomes_an_owner_without_the_password(
        self, session: Session, cast: Cast, removal: int
    ):
        (act,) = changes.plan(session, cast.olga, [removal])
        assert act.asks == {Ask.PASSWORD}
        for proof in (None, proof_of(cast.ada), proof_of(cast.olga, epoch=7)):
            with pytest.raises(PasswordNeeded):
                changes.undo(session, cast.olga, removal, proof=proof)
        changes.undo(session, cast.olga, removal, proof=proof_of(cast.olga))
        assert roles(session, cast)["Adam"] is Role.OWNER

    def test_a_creation_takes_the_name_and_the_password(self, session: Session, cast: Cast):
        made = organizations.create(session, cast.olga, "New Clinic")
        entry_id, proof = last_entry(session).id, proof_of(cast.olga)
        with pytest.raises(PasswordNeeded):
            changes.undo(session, cast.olga, entry_id, name="New Clinic")
        with pytest.raises(InvalidInput, match="Type the name"):
            changes.undo(session, cast.olga, entry_id, name="Acme", proof=proof)
        changes.undo(session, cast.olga, entry_id, name="New Clinic", proof=proof)
        assert made.deleted_at is not None

    def test_an_undo_of_several_gives_no_proof(self, session: Session, cast: Cast, removal: int):
        outcome = changes.undo_all(session, cast.olga, [removal])
        assert (outcome.done, outcome.refused) == ([], ["Enter your password to undo this."])


class TestStages:
    def test_a_wrong_flag_is_taken_back_with_days_and_request(
        self, session: Session, cast: Cast, clock: Clock
    ):
        onboarding.request(session, cast.olga, cast.acme.id, note="Soon, please")
        onboarding.plan(session, cast.sue, cast.acme.id, Plan(rep_id=cast.sue.user_id))
        before = facts(session, cast)
        clock.turn(timedelta(days=4))
        onboarding.flag_one(session, cast.sam, cast.acme.id)
        made = changes.undo(session, cast.sam, last_entry(session).id, reason=WHY)
        assert facts(session, cast) == before
        assert (made.event, made.reason) == ("stage.withdrawn", WHY)

    def test_what_was_planned_since_stays(self, session: Session, cast: Cast):
        onboarding.flag_one(session, cast.sam, cast.acme.id)
        flag = last_entry(session)
        plan = Plan(cast.sue.user_id, next_step="Call them")
        onboarding.plan(session, cast.sue, cast.acme.id, plan)
        changes.undo(session, cast.sam, flag.id, reason=WHY)
        stored = org(session, cast)
        found = (stored.stage, stored.rep_id, stored.next_step)
        assert found == (Stage.FREE, cast.sue.user_id, "Call them")

    def test_a_plan_goes_back_to_nobody_and_to_a_date_that_has_passed(
        self, session: Session, cast: Cast, clock: Clock
    ):
        acme, today = cast.acme.id, working_days.today()
        planned = Plan(cast.sam.user_id, today, "Call them", today)
        onboarding.plan(session, cast.sam, acme, planned)
        first = last_entry(session)
        clock.turn(timedelta(days=9))
        onboarding.plan(session, cast.sam, acme, Plan(cast.sue.user_id))
        changes.undo(session, cast.sam, last_entry(session).id, reason=WHY)
        assert org(session, cast).next_step_on == today
        changes.undo(session, cast.sam, first.id, reason=WHY)
        assert (org(session, cast).rep_id, org(session, cast).next_step) == (None, None)

    def test_a_next_step_goes_with_its_date_or_not_at_all(self, session: Session, cast: Cast):
        acme, today = cast.acme.id, working_days.today()
        onboarding.plan(session, cast.sam, acme, Plan(cast.sam.user_id, None, "Call them", today))
        first = last_entry(session)
        later = Plan(cast.sam.user_id, None, "Call them", today + timedelta(days=1))
        onboarding.plan(session, cast.sam, acme, later)
        (act,) = changes.plan(session, cast.sam, [first.id])
        assert states(act) == {
            "rep_id": State.PUT_BACK,
            "next_step": State.CHANGED,
            "next_step_on": State.CHANGED,
        }
        onboarding.plan(session, cast.sam, acme, Plan(cast.sam.user_id))
        (act,) = changes.plan(session, cast.sam, [last_entry(session).id])
        assert act.has_choice is False
        only = [Cell("organization", "next_step")]
        changes.undo(session, cast.sam, last_entry(session).id, only=only, reason=WHY)
        assert (org(session, cast).next_step, org(session, cast).next_step_on) == (
            "Call them",
            today + timedelta(days=1),
        )

    def test_there_is_no_way_back_over_two_stages(self, session: Session, cast: Cast):
        def move(to_stage: Stage, from_stage: Stage) -> Entry:
            onboarding.move(
                session,
                cast.ada,
                cast.acme.id,
                to_stage,
                from_stage=from_stage,
                reason=WHY,
                override=True,
            )
            return last_entry(session)

        move(Stage.ONBOARDING, Stage.FREE)
        overridden = move(Stage.PREPRODUCTION, Stage.ONBOARDING)
        withdrawn = move(Stage.FREE, Stage.PREPRODUCTION)
        (act,) = changes.plan(session, cast.ada, [withdrawn.id])
        assert act.refusal.startswith("No move leads from free to preproduction.")
        (act,) = changes.plan(session, cast.ada, [overridden.id])
        assert states(act)["stage"] is State.CHANGED

    def test_an_override_is_never_repeated_by_a_redo(self, session: Session, cast: Cast):
        acme = cast.acme.id
        onboarding.flag_one(session, cast.ada, acme)
        onboarding.move(
            session,
            cast.ada,
            acme,
            Stage.PREPRODUCTION,
            from_stage=Stage.ONBOARDING,
            reason=WHY,
            override=True,
        )
        undo = changes.undo(session, cast.ada, last_entry(session).id, reason=WHY)
        (act,) = changes.plan(session, cast.ada, [undo.id])
        assert act.refusal.startswith("Not ready for preproduction yet.")


def facts(session: Session, cast: Cast) -> tuple[object, ...]:
    stored = org(session, cast)
    return (
        *(stored.stage, stored.stage_entered_at, stored.rep_id, stored.snoozed_until),
        *(stored.requested_at, stored.request_note, stored.next_step, stored.target_on),
    )


class TestMails:
    def test_a_mail_that_waits_is_stopped_and_nobody_hears_of_either(
        self, session: Session, cast: Cast
    ):
        members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
        changes.undo(session, cast.olga, last_entry(session).id)
        waiting = select(Mail.template).where(Mail.due_at.is_not(None))
        assert session.scalars(waiting).all() == []

    def test_who_has_read_of_a_change_reads_of_its_undo(self, session: Session, cast: Cast):
        members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
        for mail in session.scalars(select(Mail)):
            mail.sent_at, mail.due_at = mail.created_at, None
        changes.undo(session, cast.olga, last_entry(session).id)
        waiting = select(Mail.recipient).where(Mail.due_at.is_not(None))
        assert session.scalars(waiting).all() == ["mia@example.com"]


class TestLogos:
    def test_a_picture_comes_back(self, session: Session, cast: Cast):
        old, new = (CleanLogo(b"png", b"small", letter * 64) for letter in "ab")
        logos.set_logo(session, cast.olga, cast.acme.id, old)
        logos.set_logo(session, cast.olga, cast.acme.id, new)
        changes.undo(session, cast.olga, last_entry(session).id)
        assert org(session, cast).logo == old.digest

    def test_one_that_is_no_longer_kept_says_so(self, session: Session, cast: Cast):
        logos.set_logo(session, cast.olga, cast.acme.id, CleanLogo(b"png", b"small", "a" * 64))
        logos.remove_logo(session, cast.olga, cast.acme.id)
        session.delete(session.get_one(Logo, "a" * 64))
        (act,) = changes.plan(session, cast.olga, [last_entry(session).id])
        assert act.refusal == "That picture is no longer kept. Upload it again."


def test_the_entries_of_others_need_the_right_to_view_history(session: Session, cast: Cast):
    members.remove(session, cast.olga, cast.acme.id, cast.mia.user_id)
    with pytest.raises(NotPermitted):
        changes.plan(session, cast.adam, [last_entry(session).id])


def test_one_refusal_of_several_keeps_the_others(session: Session, cast: Cast):
    first = save(session, cast.olga, cast, phone=PHONE)
    second = save(session, cast.olga, cast, twitter="acme")
    changes.undo(session, cast.olga, first.id)
    outcome = changes.undo_all(session, cast.olga, [first.id, second.id])
    assert len(outcome.done) == 1
    assert outcome.refused[0].startswith("This was undone already.")


class TestMarks:
    def test_they_say_what_is_offered_and_who_has_undone_it(self, session: Session, cast: Cast):
        mistake = save(session, cast.olga, cast, phone=PHONE)
        undo = changes.undo(session, cast.oda, mistake.id, reason=WHY)
        assert marks(session, mistake, undo) == [("", "Oda"), ("Redo", "")]
        redo = changes.undo(session, cast.olga, undo.id)
        assert marks(session, mistake, undo, redo) == [("", ""), ("", "Olga"), ("Undo", "")]

    def test_what_was_undone_in_part_can_be_undone_further(self, session: Session, cast: Cast):
        both = save(session, cast.olga, cast, phone=PHONE, twitter="acme")
        changes.undo(session, cast.olga, both.id, only=[Cell("organization", "phone")])
        assert marks(session, both) == [("Undo", "Olga")]
        changes.undo(session, cast.olga, both.id, only=[Cell("organization", "twitter")])
        assert marks(session, both) == [("", "Olga")]

    def test_notes_for_staff_are_for_their_author(self, session: Session, cast: Cast):
        notes.write(session, cast.sam, cast.acme.id, "A call")
        entry = last_entry(session)
        assert undo_marks.find_marks(session, [entry.id], reader_id=cast.sam.user_id)
        assert not undo_marks.find_marks(session, [entry.id], reader_id=cast.ada.user_id)


def marks(session: Session, *entries: Entry) -> list[tuple[str, str]]:
    ids = [entry.id for entry in entries]
    found = undo_marks.find_marks(session, ids, reader_id=None)
    return [(found[each].offer.value, found[each].undone_by) for each in ids]
