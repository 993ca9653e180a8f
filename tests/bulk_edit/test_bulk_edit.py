"""Bulk edit: what was previewed is what is changed, by the rules of the single edit."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from core.access.permissions import ORGDESK, Actor
from core.audit import history
from core.base.errors import InvalidInput, NotPermitted
from core.bulk_edit import bulk_edit, fields
from core.bulk_edit.bulk_edit import Preview
from core.bulk_edit.fields import Current, Field
from core.changes import run_undo
from core.database import change_tracking, db
from core.mail import digests
from core.members import account_access, membership_rows
from core.models import Alert, Entry, Mail, Organization, Role, RunStatus, Staff, Stage
from core.notifications import dispatch
from core.onboarding import onboarding, working_days
from core.onboarding.onboarding import Plan
from core.organizations.filters import Filters
from core.profile import profile
from core.runs import advance, items, runs
from core.runs.items import Selection
from tests.conftest import Clock
from tests.runs.work import finish, work_on_a_batch
from tests.support.cast import Cast, email
from tests.support.statements import recorded

ALL = Selection((), Filters())
WHY = "They told us by phone."

one = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advance, "_MIN_PAUSE", 0.0)


def propose(actor: Actor, reason: str = WHY, **values: Any) -> Preview:
    set_to = {Field(name): value for name, value in values.items()}
    return db.run(bulk_edit.propose, actor, ALL, set_to, reason=reason)


def values_of(*names: str) -> list[tuple[Any, ...]]:
    columns = [getattr(Organization, name) for name in names]
    with db.read() as session:
        found = session.execute(select(*columns).order_by(Organization.id))
        return [tuple(row) for row in found]


class TestPreview:
    def test_it_counts_what_changes_and_changes_nothing(self, cast: Cast) -> None:
        db.run(onboarding.plan, cast.sam, cast.acme.id, Plan(cast.sue.user_id))
        before = values_of("rep_id", "next_step", "version")
        preview = propose(cast.sam, rep_id=cast.sue.user_id, next_step="Call")
        assert preview.changing == {Field.REP: 1, Field.NEXT_STEP: 2}
        assert (preview.unchanged, preview.tried, preview.refused) == (0, 2, [])
        assert values_of("rep_id", "next_step") == [row[:2] for row in before]

    def test_it_names_refusals_with_their_sentences(self, cast: Cast) -> None:
        db.run(onboarding.flag, cast.sam, [cast.acme.id])
        preview = propose(cast.sam, stage="preproduction")
        (acme, otto_ltd) = preview.refused
        assert acme.why.startswith("Not ready for preproduction yet. Open checks: Confirm the")
        assert (otto_ltd.name, otto_ltd.why[:33]) == (
            "Otto Ltd",
            "This organization is in free now,",
        )

    @one
    def test_different_values_are_counted(self, session: Session, cast: Cast) -> None:
        onboarding.plan(session, cast.sam, cast.acme.id, Plan(cast.sue.user_id))
        found = fields.count_values(session, cast.sam, ALL)
        assert found[Field.REP] == Current(1, 1, cast.sue.user_id)
        assert found[Field.STAGE] == Current(1, 0, Stage.FREE)
        onboarding.plan(session, cast.sam, cast.otto_ltd.id, Plan(cast.sam.user_id))
        assert fields.count_values(session, cast.sam, ALL)[Field.REP].values == 2

    @one
    def test_all_errors_are_named_beside_their_fields(self, cast: Cast) -> None:
        yesterday = (working_days.today() - timedelta(days=1)).isoformat()
        wrong = {"phone": "12", "website": "", "next_step": None, "next_step_on": yesterday}
        with pytest.raises(InvalidInput) as refused:
            propose(cast.ada, **wrong, rep_id=cast.olga.user_id, snoozed_until=yesterday)
        assert set(refused.value.fields) == {*wrong, "rep_id", "snoozed_until"} - {
            "next_step_on"
        } | {"next_step_on"}

    @one
    def test_a_reason_is_due_where_owners_hear_of_it(self, cast: Cast) -> None:
        for value in ({"phone": None}, {"stage": "free"}, {"alerts_off": "stage"}):
            with pytest.raises(InvalidInput, match="few words"):
                propose(cast.ada, reason="", **value)
        assert propose(cast.ada, reason="", target_on=None).run.reason == ""


class TestRights:
    """The rights of the single edit."""

    @one
    @pytest.mark.parametrize(
        ("values", "who"),
        [
            ({"phone": None}, "oda ada"),
            ({"next_step": "Call"}, "sam sue ada"),
            ({"alerts_off": None}, "ada"),
            ({"phone": None, "next_step": "Call"}, "ada"),
        ],
    )
    def test_who_may_edit_one_may_edit_many(
        self, cast: Cast, values: dict[str, Any], who: str
    ) -> None:
        allowed = set()
        for name in ("olga", "adam", "mia", "otto", "oda", "sam", "sue", "ada"):
            try:
                propose(getattr(cast, name), **values)
            except NotPermitted:
                continue
            allowed.add(name)
        assert allowed == set(who.split())

    @one
    def test_a_right_that_is_lost_ends_the_run(self, cast: Cast) -> None:

        run = propose(cast.sam, next_step="Call").run
        db.run(account_access.set_staff, cast.ada, cast.sam.user_id, Staff.OPS)
        ended = finish(cast.sam, run)
        assert (ended.status, ended.done) == (RunStatus.FAILED, 0)
        assert "You don't have permission" in ended.ended_because


class TestEdit:
    def test_contact_details_are_set_and_cleared(self, cast: Cast) -> None:
        old = {"phone": "+14155550132", "twitter": "acme"}
        db.run(profile.save, cast.olga, cast.acme.id, dict.fromkeys(old, ""), old)
        preview = propose(cast.oda, phone="+49 431 97990-0", twitter=None)
        assert preview.changing == {Field.PHONE: 2, Field.TWITTER: 1}
        ended = finish(cast.oda, preview.run)
        assert (ended.done, ended.refused, ended.skipped) == (2, 0, 0)
        assert values_of("phone", "twitter") == [("+49431979900", None)] * 2

    def test_each_is_changed_by_the_single_edit_with_the_number_of_the_run(
        self, cast: Cast
    ) -> None:
        run = propose(cast.ada, next_step="Call", phone="+49 431 979900").run
        finish(cast.ada, run)
        with db.read() as session:
            events = select(Entry.event, Entry.run_id, func.count()).group_by(
                Entry.event, Entry.run_id
            )
            assert set(session.execute(events).all()) == {
                ("onboarding.planned", run.id, 2),
                ("profile.changed", run.id, 2),
            }

    def test_each_takes_few_statements(self, engine: Engine, cast: Cast) -> None:
        run = propose(cast.sam, rep_id=cast.sue.user_id).run
        db.run(runs.confirm, cast.sam, run.id, shown=2)
        with recorded(engine) as sent:
            work_on_a_batch(run)
        counts = Counter(" ".join(statement.split()[:2]).rstrip(",") for statement in sent)
        assert counts["UPDATE organizations"] == 2 * 2  # the lock, and the new value
        assert counts["SELECT users.id"] == 2  # who does it, and the rep
        assert (counts["UPDATE run_items"], counts["UPDATE runs"]) == (1, 2)  # and its lock

    def test_an_onboarding_keeps_what_is_left_as_it_is(self, cast: Cast) -> None:
        day = working_days.today()
        db.run(onboarding.plan, cast.sam, cast.acme.id, Plan(cast.sue.user_id, day, "Call", day))
        finish(cast.sam, propose(cast.sam, next_step="Write").run)
        acme, otto_ltd = values_of("rep_id", "target_on", "next_step", "next_step_on")
        assert acme == (cast.sue.user_id, day, "Write", day)
        assert otto_ltd == (None, None, "Write", None)

    @one
    def test_clearing_the_next_step_clears_its_day(self, cast: Cast) -> None:
        day = working_days.today()
        db.run(onboarding.plan, cast.sam, cast.acme.id, Plan(cast.sue.user_id, None, "Call", day))
        finish(cast.sam, propose(cast.sam, next_step=None).run)
        assert values_of("next_step", "next_step_on")[0] == (None, None)

    def test_a_stage_goes_through_its_gate(self, cast: Cast) -> None:
        db.run(onboarding.flag, cast.sam, [cast.acme.id])
        ended = finish(cast.sam, propose(cast.sam, stage="preproduction").run)
        assert (ended.done, ended.refused) == (0, 2)
        assert values_of("stage") == [(Stage.ONBOARDING,), (Stage.FREE,)]

    @one
    def test_flagging_takes_the_rep_that_is_set(self, cast: Cast) -> None:
        finish(cast.sam, propose(cast.sam, stage="onboarding", rep_id=cast.sue.user_id).run)
        assert values_of("stage", "rep_id") == [(Stage.ONBOARDING, cast.sue.user_id)] * 2
        with db.read() as session:
            assert session.scalar(select(func.count()).select_from(Entry)) == 2

    @one
    def test_snooze_and_alerts(self, cast: Cast) -> None:
        db.run(onboarding.flag, cast.sam, [cast.acme.id])
        until = working_days.today() + timedelta(days=9)
        run = propose(cast.ada, snoozed_until=until.isoformat(), alerts_off=Alert.STAGE.value).run
        ended = finish(cast.ada, run)
        assert (ended.done, ended.refused) == (1, 1)
        assert values_of("snoozed_until", "alerts_off") == [(until, "stage"), (None, None)]

    def test_what_is_so_already_is_skipped(self, cast: Cast) -> None:
        db.run(onboarding.plan, cast.sam, cast.acme.id, Plan(cast.sue.user_id))
        ended = finish(cast.sam, propose(cast.sam, rep_id=cast.sue.user_id).run)
        assert (ended.done, ended.skipped, ended.refused) == (1, 1, 0)

    @one
    def test_a_refused_row_changes_nothing(self, cast: Cast) -> None:
        """The plan is changed before the snooze is refused: a free one can't be stuck."""
        until = (working_days.today() + timedelta(days=9)).isoformat()
        ended = finish(cast.sam, propose(cast.sam, next_step="Call", snoozed_until=until).run)
        assert ended.refused == 2
        assert values_of("next_step") == [(None,), (None,)]
        with db.read() as session:
            assert session.scalar(select(func.count()).select_from(Entry)) == 0
            listed = items.list_refusals(session, cast.oda, ended.id)
        assert list(listed["name"]) == ["Acme", "Otto Ltd"]


class TestMails:
    def dispatch_all(self, clock: Clock) -> list[Mail]:
        for _ in range(3):
            dispatch.run_due()
            clock.turn(timedelta(minutes=1))
        with db.read() as session:
            return list(session.scalars(select(Mail).order_by(Mail.id)))

    def test_an_owner_gets_one_mail_when_the_run_has_ended(self, cast: Cast, clock: Clock) -> None:

        def share(session: Session) -> None:
            made = membership_rows.make(session, cast.otto_ltd, cast.olga.user_id or 0, Role.OWNER)
            history.record(session, ORGDESK, cast.otto_ltd, "member.put", made)

        db.run(share)
        self.dispatch_all(clock)
        run = propose(cast.oda, phone="+49 431 979900").run

        db.run(runs.confirm, cast.oda, run.id, shown=2)
        work_on_a_batch(run)  # both rows
        dispatch.run_due()
        with db.read() as session:
            assert session.scalars(select(Mail)).all() == []
        found = [mail for mail in self.dispatch_all(clock) if mail.recipient == email(cast.olga)]
        (mail,) = found
        titles = {line["title"] for line in mail.context["lines"]}
        assert titles == {"Acme: Phone changed", "Otto Ltd: Phone changed"}
        assert WHY in mail.context["lines"][0]["detail"]

    def test_a_run_that_is_undone_before_its_mail_is_told_to_no_one(
        self, cast: Cast, clock: Clock
    ) -> None:
        run = propose(cast.oda, phone="+49 431 979900").run
        finish(cast.oda, run)
        undo = db.run(run_undo.propose, cast.oda, run.id, reason=WHY).run
        finish(cast.oda, undo)
        assert self.dispatch_all(clock) == []

    def test_both_reps_hear_of_what_was_handed_over(self, cast: Cast, clock: Clock) -> None:
        db.run(onboarding.plan, cast.sam, cast.acme.id, Plan(cast.sam.user_id))
        db.run(onboarding.plan, cast.sam, cast.otto_ltd.id, Plan(cast.sam.user_id))
        self.dispatch_all(clock)
        finish(cast.ada, propose(cast.ada, rep_id=cast.sue.user_id).run)
        mails = {mail.recipient: mail for mail in self.dispatch_all(clock)}
        assert set(mails) == {email(cast.sam), email(cast.sue)}
        lines = [line["title"] for line in mails[email(cast.sue)].context["lines"]]
        assert lines == ["Acme is now yours", "Otto Ltd is now yours"]
        lines = [line["title"] for line in mails[email(cast.sam)].context["lines"]]
        assert lines == ["Acme now has Sue", "Otto Ltd now has Sue"]

    @one
    def test_other_lines_do_not_wait_for_the_run(self, cast: Cast, clock: Clock) -> None:
        db.run(onboarding.plan, cast.sam, cast.acme.id, Plan(cast.sue.user_id))

        def add(session: Session) -> None:
            digests.add_for_person(
                session,
                cast.sue.user_id or 0,
                cast.acme,
                "x",
                "Now",
                page="p",
                interval=timedelta(0),
            )

        run = propose(cast.sam, next_step="Call").run
        db.run(runs.confirm, cast.sam, run.id, shown=2)

        def add_in_run(session: Session) -> None:
            with change_tracking.because(session, run_id=run.id):
                add(session)

        db.run(add_in_run)
        db.run(add)
        (mail,) = self.dispatch_all(clock)
        assert (mail.context["headline"], len(mail.context["lines"])) == ("Now", 1)
        db.run(runs.cancel, cast.sam, run.id)
        assert len(self.dispatch_all(clock)) == 2
