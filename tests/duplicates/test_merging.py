"""A duplicate is merged into the organization that stays, and taken apart again."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import ORGDESK, Action, Actor, access, may
from core.audit import activity, history, verification
from core.audit.verification import Broken
from core.base.errors import CannotMerge, CannotUndo, InvalidInput, NotFound
from core.changes import changes
from core.duplicates import merging
from core.members import invitations, membership_rows, ownership
from core.models import DigestItem, Entry, Membership, Organization, Role, Stage
from core.onboarding import onboarding, working_days
from core.ops import cleanup
from core.organizations import organization_rows, organizations
from core.profile import profile
from core.staff import impersonation
from tests.conftest import Clock
from tests.support.cast import Cast

WHY = "The same company."


def merge(session: Session, cast: Cast, *take: str, by: Actor | None = None) -> Organization:
    """Merge Otto Ltd into Acme, as Oda unless by someone else."""
    actor = by or cast.oda
    return merging.merge(session, actor, cast.otto_ltd.id, cast.acme.id, take=take, reason=WHY)


def undo(session: Session, cast: Cast) -> Organization:
    return merging.undo_merge(session, cast.oda, cast.otto_ltd.id, reason="Two companies.")


def fill(session: Session, actor: Actor, org: Organization, **texts: str) -> None:
    shown = profile.form_texts(session.get_one(Organization, org.id))
    profile.save(session, actor, org.id, shown, shown | texts)


def set_values(session: Session, org: Organization, **values: object) -> None:
    """Set columns of an organization, past every rule."""
    row = session.get_one(Organization, org.id)
    for name, value in values.items():
        setattr(row, name, value)
    history.record(session, ORGDESK, row, "profile.changed", row)


def join(session: Session, org: Organization, person: Actor) -> None:
    row = session.get_one(Organization, org.id)
    membership = membership_rows.make(session, row, person.user_id, Role.MEMBER)
    history.record(session, ORGDESK, row, "member.reinstated", membership)


def state(session: Session, org: Organization) -> dict[str, object]:
    """Return every recorded column of an organization, and who is in it."""
    columns = [each for each in Organization.__table__.columns if not each.info.get("unrecorded")]
    row = session.execute(select(*columns).where(Organization.id == org.id)).one()._asdict()
    members = select(Membership.id, Membership.user_id, Membership.role, Membership.joined_at)
    return row | {"members": session.execute(members.where(Membership.org_id == org.id)).all()}


def events(session: Session, org: Organization) -> list[str]:
    found = select(Entry.event).where(Entry.org_id == org.id).order_by(Entry.id)
    return list(session.scalars(found))


def last(session: Session, org: Organization, event: str) -> Entry:
    found = select(Entry).where(Entry.org_id == org.id, Entry.event == event)
    return session.scalars(found.order_by(Entry.id.desc())).first()


class TestMerge:
    def test_the_source_goes_out_of_sight_and_the_target_takes_what_was_chosen(
        self, session: Session, cast: Cast
    ) -> None:
        fill(session, cast.otto, cast.otto_ltd, phone="+1 212 555 0100", website="otto.example")
        fill(session, cast.olga, cast.acme, website="acme.example")
        target = merge(session, cast, "phone")
        assert (target.phone, target.website) == ("+12125550100", "https://acme.example")
        source = session.get_one(Organization, cast.otto_ltd.id)
        assert source.merged_into == target.id
        with pytest.raises(NotFound):
            access(session, cast.otto, source.id, Action.VIEW)

    def test_nobody_joins_the_target(self, session: Session, cast: Cast) -> None:
        merge(session, cast)
        assert not may(session, cast.otto, cast.acme.id, Action.VIEW)

    def test_both_histories_tell_it(self, session: Session, cast: Cast) -> None:
        fill(session, cast.otto, cast.otto_ltd, phone="+1 212 555 0100")
        merge(session, cast, "phone")
        assert events(session, cast.otto_ltd)[-1] == "organization.merged"
        assert events(session, cast.acme)[-1] == "organization.merged_in"
        said = activity.table(session, cast.oda)["what"].tolist()
        assert said[:2] == [
            "merged Otto Ltd into it: set the phone to +1 212-555-0100",
            "merged it into Acme",
        ]

    def test_owners_of_both_hear_of_it_and_how_many_people_were_left_out(
        self, session: Session, cast: Cast
    ) -> None:
        join(session, cast.otto_ltd, cast.mia)
        merge(session, cast)
        found = session.scalars(select(DigestItem).order_by(DigestItem.id)).all()
        told = {item.reader: (item.title, item.detail) for item in found}
        to_olga, to_otto = (told[f"person:{it.user_id}"] for it in (cast.olga, cast.otto))
        assert to_olga[0] == to_otto[0] == "Otto Ltd was merged into Acme"
        assert "1 person is in Otto Ltd only" in to_olga[1]
        assert WHY in to_otto[1]

    @pytest.mark.parametrize(
        ("field", "why"),
        [
            ("alert_email", "Only owners change this"),
            ("member_limit", "Only owners change this"),
            ("phone", "Otto Ltd has nothing here"),
            ("rep_id", "Only sales reps"),
        ],
    )
    def test_some_fields_cannot_be_taken(
        self, session: Session, cast: Cast, field: str, why: str
    ) -> None:
        values = {"rep_id": cast.sam.user_id, "alert_email": "x@example.com", "member_limit": 9}
        set_values(session, cast.otto_ltd, **values)
        with pytest.raises(InvalidInput) as refusal:
            merge(session, cast, field)
        assert refusal.value.fields[field].startswith(why)

    def test_a_plan_is_taken_by_who_may_plan_where_there_is_one(
        self, session: Session, cast: Cast
    ) -> None:
        onboarding.flag(session, cast.sam, [cast.otto_ltd.id])
        with pytest.raises(InvalidInput, match="has no plan"):
            merge(session, cast, "rep_id", by=cast.ada)
        onboarding.flag(session, cast.sue, [cast.acme.id])
        assert merge(session, cast, "rep_id", by=cast.ada).rep_id == cast.sam.user_id

    def test_a_reason_is_needed(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput):
            merging.merge(session, cast.oda, cast.otto_ltd.id, cast.acme.id, reason=" ")

    def test_impersonations_end(self, session: Session, cast: Cast) -> None:
        impersonation.start(session, cast.ada, cast.otto_ltd.id, reason="They asked.")
        merge(session, cast)
        assert events(session, cast.otto_ltd)[-2:] == ["acting.ended", "organization.merged"]

    def test_an_organization_cannot_be_merged_into_itself(
        self, session: Session, cast: Cast
    ) -> None:
        with pytest.raises(CannotMerge):
            merging.merge(session, cast.oda, cast.acme.id, cast.acme.id, reason=WHY)

    def test_one_in_production_stays(self, session: Session, cast: Cast) -> None:
        set_values(session, cast.otto_ltd, stage=Stage.PRODUCTION)
        with pytest.raises(CannotMerge, match="production"):
            merge(session, cast)

    def test_an_open_offer_of_ownership_is_answered_first(
        self, session: Session, cast: Cast
    ) -> None:
        join(session, cast.otto_ltd, cast.mia)
        ownership.offer(session, cast.otto, cast.otto_ltd.id, cast.mia.user_id)
        with pytest.raises(CannotMerge, match="offer of ownership"):
            merge(session, cast)

    def test_deleted_ones_are_not_merged(self, session: Session, cast: Cast) -> None:
        organizations.delete(session, cast.otto, cast.otto_ltd.id, name="Otto Ltd")
        with pytest.raises(NotFound):
            merge(session, cast)
        with pytest.raises(NotFound):
            merging.merge(session, cast.oda, cast.acme.id, cast.otto_ltd.id, reason=WHY)

    def test_a_target_takes_several_but_is_not_merged_itself(
        self, session: Session, cast: Cast
    ) -> None:
        third = organizations.create(session, cast.mia, "Third")
        merge(session, cast)
        with pytest.raises(CannotMerge, match="Undo that merge first"):
            merging.merge(session, cast.oda, cast.acme.id, third.id, reason=WHY)
        merging.merge(session, cast.oda, third.id, cast.acme.id, reason=WHY)
        assert len(merging.list_sources(session, cast.acme.id)) == 2

    def test_one_without_an_owner_does_not_take_one_with_owners(
        self, session: Session, cast: Cast
    ) -> None:
        org = organization_rows.make(session, cast.oda, "New", is_unclaimed=True)
        history.record(session, cast.oda, org, "organization.created", org)
        with pytest.raises(CannotMerge, match="no owner yet"):
            merging.merge(session, cast.oda, cast.acme.id, org.id, reason=WHY)
        merging.merge(session, cast.oda, org.id, cast.acme.id, reason=WHY)


class TestUndo:
    def test_both_are_as_before(self, session: Session, cast: Cast) -> None:
        fill(session, cast.otto, cast.otto_ltd, phone="+1 212 555 0100", website="otto.example")
        invitations.invite(session, cast.otto, cast.otto_ltd.id, "new@example.com", role=Role.ADMIN)
        before = [state(session, each) for each in (cast.acme, cast.otto_ltd)]
        merge(session, cast, "phone", "website", "name")
        assert undo(session, cast).name == "Otto Ltd"
        session.flush()
        assert [state(session, each) for each in (cast.acme, cast.otto_ltd)] == before

    def test_what_was_changed_since_stays(self, session: Session, cast: Cast) -> None:
        fill(session, cast.otto, cast.otto_ltd, phone="+1 212 555 0100", website="otto.example")
        merge(session, cast, "phone", "website")
        fill(session, cast.olga, cast.acme, phone="+1 212 555 0111")
        fill(session, cast.olga, cast.acme, phone="+1 212 555 0100")  # a decision of hers
        entry = last(session, cast.acme, "organization.merged_in")
        (act,) = changes.plan(session, cast.oda, [entry.id])
        states = {line.label: str(line.state) for line in act.lines}
        assert states["Phone"] == "changed since"
        assert states["Otto Ltd"] == states["Public website"] == "will be put back"
        undo(session, cast)
        target = session.get_one(Organization, cast.acme.id)
        assert (target.phone, target.website) == ("+12125550100", None)

    def test_a_step_and_its_date_are_put_back_together(self, session: Session, cast: Cast) -> None:
        onboarding.flag(session, cast.sam, [cast.otto_ltd.id, cast.acme.id])
        for org_id, step in ((cast.otto_ltd.id, "Call"), (cast.acme.id, "Write")):
            onboarding.set_next_step(
                session,
                cast.sam,
                org_id,
                rep_id=cast.sam.user_id,
                next_step=step,
                next_step_on=working_days.today() + timedelta(days=len(step)),
            )
        before = state(session, cast.acme)
        merge(session, cast, "next_step", by=cast.ada)
        onboarding.set_next_step(
            session,
            cast.sam,
            cast.acme.id,
            rep_id=cast.sam.user_id,
            next_step="Call",
            next_step_on=working_days.today() + timedelta(days=30),
        )
        undo(session, cast)
        session.flush()
        now = state(session, cast.acme)
        assert (now["next_step"], before["next_step"]) == ("Call", "Write")

    @pytest.mark.parametrize("event", ["organization.merged", "organization.merged_in"])
    def test_either_entry_undoes_both_and_the_undo_is_undone(
        self, session: Session, cast: Cast, event: str
    ) -> None:
        fill(session, cast.otto, cast.otto_ltd, phone="+1 212 555 0100")
        merge(session, cast, "phone")
        pair = (
            last(session, cast.otto_ltd, "organization.merged"),
            last(session, cast.acme, "organization.merged_in"),
        )
        chosen = next(entry for entry in pair if entry.event == event)
        undone = changes.undo(session, cast.oda, chosen.id, reason="Two companies.")
        source = session.get_one(Organization, cast.otto_ltd.id)
        target = session.get_one(Organization, cast.acme.id)
        assert (source.merged_into, target.phone) == (None, None)
        undoes = {entry.undoes_id for entry in session.scalars(select(Entry)) if entry.undoes_id}
        assert undoes == {entry.id for entry in pair}
        changes.undo(session, cast.oda, undone.id, reason="It was right.")
        assert (source.merged_into, target.phone) == (target.id, "+12125550100")

    def test_both_entries_of_one_act_are_undone_as_one(self, session: Session, cast: Cast) -> None:
        merge(session, cast)
        named = {cast.otto_ltd: "organization.merged", cast.acme: "organization.merged_in"}
        act = [last(session, org, event).id for org, event in named.items()]
        assert [each.refusal for each in changes.plan(session, cast.oda, act)] == [""]
        outcome = changes.undo_all(session, cast.oda, act, reason="Two companies.")
        assert (len(outcome.done), outcome.refused) == (1, [])
        source = session.get_one(Organization, cast.otto_ltd.id)
        assert source.merged_into is None

    def test_it_can_be_undone_for_thirty_days(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        merge(session, cast)
        clock.turn(merging.UNDO_TTL + timedelta(seconds=1))
        with pytest.raises(CannotUndo, match="30 days"):
            undo(session, cast)

    def test_a_deleted_target_is_restored_first(self, session: Session, cast: Cast) -> None:
        merge(session, cast)
        organizations.delete(session, cast.olga, cast.acme.id, name="Acme")
        with pytest.raises(CannotUndo, match="Acme was deleted"):
            undo(session, cast)

    def test_owners_see_that_only_the_team_can_undo_it(self, session: Session, cast: Cast) -> None:
        merge(session, cast)
        entry = last(session, cast.acme, "organization.merged_in")
        (act,) = changes.plan(session, cast.olga, [entry.id])
        assert act.refusal == "Only the Orgdesk team can undo a merge. Ask them to."

    def test_restoring_passes_a_merged_one_by(self, session: Session, cast: Cast) -> None:
        merge(session, cast)
        with pytest.raises(NotFound):
            organizations.restore(session, cast.ada, cast.otto_ltd.id)

    def test_cleanup_keeps_it_while_the_target_lives_and_purges_both_afterwards(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        merge(session, cast)
        clock.turn(organizations.DELETED_TTL + timedelta(days=1))
        assert cleanup.purge_organizations(session) == 0
        organizations.delete(session, cast.olga, cast.acme.id, name="Acme")
        clock.turn(organizations.DELETED_TTL + timedelta(days=1))
        assert [cleanup.purge_organizations(session) for _ in range(3)] == [1, 1, 0]

    def test_history_verifies_afterwards(self, session: Session, cast: Cast) -> None:
        merge(session, cast)
        undo(session, cast)
        session.flush()
        assert [it for it in verification.verify(session) if isinstance(it, Broken)] == []
