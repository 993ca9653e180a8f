"""Members: changes of roles, removal, leaving, and the owner who always stays."""

from datetime import timedelta
from functools import partial

import pandas as pd
import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from core.access import roles
from core.access.permissions import ORGDESK, Action, Actor
from core.accounts import accounts
from core.audit import history
from core.base import clock
from core.base.errors import (
    InvalidInput,
    LastOwner,
    LeftByChoice,
    NotFound,
    NotPermitted,
    RoleTooHigh,
)
from core.mail import messages
from core.members import bulk, invitations, leaving, members, membership_rows, statistics
from core.members.members import Filters, Sort
from core.models import (
    Entry,
    FormerMembership,
    Invitation,
    InvitationStatus,
    Mail,
    Membership,
    Organization,
    Role,
    User,
)
from tests.conftest import Clock
from tests.support.cast import Cast, email
from tests.support.history import last_entry
from tests.support.plans import explain


def states(session: Session) -> dict[str, InvitationStatus]:
    return {each.email: each.status for each in session.scalars(select(Invitation))}


def add_member(session: Session, cast: Cast, name: str) -> int:
    """Make a new person a member of Acme, and return their id."""
    now = clock.now()
    names = dict.fromkeys(("email", "email_key", "name"), name)
    made = session.execute(insert(User).values(created_at=now, **names).returning(User.id))
    user_id: int = made.scalar_one()
    membership = {"org_id": cast.acme.id, "user_id": user_id, "role": Role.MEMBER}
    session.execute(insert(Membership).values(joined_at=now, **membership))
    return user_id


def remove_adam(session: Session, cast: Cast) -> None:
    members.remove(session, cast.olga, cast.acme.id, cast.adam.user_id)


class TestChangeRole:
    def test_an_owner_changes_the_role_of_a_member(self, session: Session, cast: Cast) -> None:
        changed = members.change_role(
            session, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN, reason="She asked."
        )
        entry = last_entry(session)
        assert changed.role is Role.ADMIN
        assert entry.event == "member.role_changed"
        assert entry.person_id == cast.mia.user_id
        assert entry.reason == "She asked."
        assert [(each["old"], each["new"]) for each in entry.changes] == [("member", "admin")]

    def test_the_member_is_notified(self, session: Session, cast: Cast) -> None:
        members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
        mail = session.scalars(select(Mail)).one()
        assert (mail.template, mail.recipient) == ("role_changed", email(cast.mia))
        assert (mail.context["old"], mail.context["new"]) == ("member", "admin")

    def test_the_last_owner_keeps_the_role(self, session: Session, cast: Cast) -> None:
        with pytest.raises(LastOwner):
            members.change_role(session, cast.olga, cast.acme.id, cast.olga.user_id, Role.MEMBER)

    def test_one_of_two_owners_can_step_down(self, session: Session, cast: Cast) -> None:
        members.change_role(session, cast.olga, cast.acme.id, cast.adam.user_id, Role.OWNER)
        members.change_role(session, cast.olga, cast.acme.id, cast.olga.user_id, Role.MEMBER)
        assert membership_rows.count_owners(session, cast.acme) == 1
        with pytest.raises(NotPermitted):
            members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)

    def test_the_same_role_is_no_change(self, session: Session, cast: Cast) -> None:
        members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.MEMBER)
        assert session.scalars(select(Entry)).all() == []
        assert session.scalars(select(Mail)).all() == []

    def test_a_lower_role_revokes_invitations_to_higher_roles(
        self, session: Session, cast: Cast
    ) -> None:
        acme = cast.acme.id
        invitations.invite(session, cast.adam, acme, "high@example.com", role=Role.ADMIN)
        invitations.invite(session, cast.adam, acme, "low@example.com", role=Role.MEMBER)
        invitations.invite(session, cast.olga, acme, "hers@example.com", role=Role.ADMIN)
        members.change_role(session, cast.olga, acme, cast.adam.user_id, Role.MEMBER)
        assert states(session) == {
            "high@example.com": InvitationStatus.REVOKED,
            "low@example.com": InvitationStatus.PENDING,
            "hers@example.com": InvitationStatus.PENDING,
        }
        rows = {change["row"].split(":")[0] for change in last_entry(session).changes}
        assert rows == {"memberships", "invitations"}

    def test_outsiders_are_not_found(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            members.change_role(session, cast.olga, cast.acme.id, cast.otto.user_id, Role.ADMIN)


class TestReason:
    def test_a_reason_is_in_history_and_in_the_mails(self, session: Session, cast: Cast) -> None:
        acme, mia = cast.acme.id, cast.mia.user_id
        members.change_role(session, cast.olga, acme, mia, Role.ADMIN, reason=" She asked. ")
        members.remove(session, cast.adam, acme, mia, reason="She retired.")
        assert last_entry(session).reason == "She retired."
        texts = [messages.render(each).text for each in session.scalars(select(Mail))]
        assert ["Reason: She asked." in each for each in texts] == [True, False, False]
        assert ["Reason: She retired." in each for each in texts] == [False, True, True]

    def test_without_a_reason_no_mail_names_one(self, session: Session, cast: Cast) -> None:
        members.remove(session, cast.adam, cast.acme.id, cast.mia.user_id)
        assert not [
            each for each in session.scalars(select(Mail)) if "Reason" in messages.render(each).text
        ]

    def test_a_reason_has_a_limit(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput) as refused:
            members.remove(session, cast.olga, cast.acme.id, cast.mia.user_id, reason="x" * 501)
        assert set(refused.value.fields) == {"reason"}


class TestRemove:
    def test_a_removed_member_is_gone_and_notified(self, session: Session, cast: Cast) -> None:
        members.remove(session, cast.adam, cast.acme.id, cast.mia.user_id)
        acme = session.get_one(Organization, cast.acme.id, populate_existing=True)
        mail, news = session.scalars(select(Mail).order_by(Mail.id))
        former = session.scalars(select(FormerMembership)).one()
        assert membership_rows.find(session, cast.acme, cast.mia.user_id) is None
        assert acme.member_count == 2
        assert (mail.template, mail.recipient) == ("member_removed", email(cast.mia))
        assert (news.template, news.recipient) == ("member_news", email(cast.olga))
        assert "Mia was removed.\n\nChanged by Adam." in messages.render(news).text
        assert (former.user_id, former.role) == (cast.mia.user_id, Role.MEMBER)
        assert former.removed_by == cast.adam.user_id
        assert last_entry(session).event == "member.removed"

    def test_an_admin_cannot_remove_an_owner(self, session: Session, cast: Cast) -> None:
        members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.OWNER)
        with pytest.raises(NotPermitted, match="remove an owner"):
            members.remove(session, cast.adam, cast.acme.id, cast.olga.user_id)

    def test_an_admin_can_remove_an_admin(self, session: Session, cast: Cast) -> None:
        members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
        members.remove(session, cast.mia, cast.acme.id, cast.adam.user_id)
        assert membership_rows.find(session, cast.acme, cast.adam.user_id) is None

    def test_the_last_owner_cannot_be_removed(self, session: Session, cast: Cast) -> None:
        with pytest.raises(LastOwner):
            members.remove(session, cast.olga, cast.acme.id, cast.olga.user_id)

    def test_all_pending_invitations_of_a_removed_member_are_revoked(
        self, session: Session, cast: Cast
    ) -> None:
        invitations.invite(session, cast.adam, cast.acme.id, "a@example.com\nb@example.com")
        members.remove(session, cast.olga, cast.acme.id, cast.adam.user_id)
        assert set(states(session).values()) == {InvitationStatus.REVOKED}

    def test_the_queued_mail_of_a_revoked_invitation_is_not_sent(
        self, session: Session, cast: Cast
    ) -> None:
        invitations.invite(session, cast.adam, cast.acme.id, "a@example.com")
        members.remove(session, cast.olga, cast.acme.id, cast.adam.user_id)
        session.expire_all()
        sent = session.scalars(select(Mail).where(Mail.template == "invitation")).one()
        assert sent.due_at is None


class TestLeave:
    def test_a_member_leaves(self, session: Session, cast: Cast) -> None:
        leaving.leave(session, cast.mia, cast.acme.id)
        assert membership_rows.find(session, cast.acme, cast.mia.user_id) is None
        assert last_entry(session).event == "member.left"
        left, news = session.scalars(select(Mail).order_by(Mail.id))
        assert (left.template, left.recipient) == ("member_left", email(cast.mia))
        assert (news.template, news.recipient) == ("member_news", email(cast.olga))
        assert messages.render(news).subject == "Acme: Mia left"

    def test_the_last_owner_cannot_leave(self, session: Session, cast: Cast) -> None:
        with pytest.raises(LastOwner):
            leaving.leave(session, cast.olga, cast.acme.id)

    def test_staff_cannot_leave_an_organization_they_are_not_in(
        self, session: Session, cast: Cast
    ) -> None:
        with pytest.raises(NotFound):
            leaving.leave(session, cast.ada, cast.acme.id)


class TestReinstate:
    def test_a_removed_person_gets_the_old_role_back(self, session: Session, cast: Cast) -> None:
        remove_adam(session, cast)
        again = members.reinstate(session, cast.olga, cast.acme.id, cast.adam.user_id)
        entry = session.scalars(select(Entry).order_by(Entry.id.desc())).first()
        mail = session.scalars(select(Mail).order_by(Mail.id.desc())).first()
        assert again.role is Role.ADMIN
        assert (entry.event, entry.person_id) == ("member.reinstated", cast.adam.user_id)
        assert (mail.template, mail.recipient) == ("member_reinstated", email(cast.adam))
        assert "your previous role, admin" in messages.render(mail).text
        assert session.scalars(select(FormerMembership)).all() == []

    def test_reinstating_twice_is_harmless(self, session: Session, cast: Cast) -> None:
        remove_adam(session, cast)
        acme, adam = cast.acme.id, cast.adam.user_id
        first = members.reinstate(session, cast.olga, acme, adam)
        assert members.reinstate(session, cast.olga, acme, adam) is first

    def test_an_admin_cannot_reinstate_an_owner(self, session: Session, cast: Cast) -> None:
        acme, mia = cast.acme.id, cast.mia.user_id
        members.change_role(session, cast.olga, acme, mia, Role.OWNER)
        members.remove(session, cast.olga, acme, mia)
        with pytest.raises(RoleTooHigh):
            members.reinstate(session, cast.adam, acme, mia)
        assert members.reinstate(session, cast.olga, acme, mia).role is Role.OWNER

    def test_people_cannot_be_reinstated_after_ninety_days(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        remove_adam(session, cast)
        clock.turn(timedelta(days=89))
        assert len(members.former_table(session, cast.olga, cast.acme.id)) == 1
        clock.turn(timedelta(days=1))
        assert members.former_table(session, cast.olga, cast.acme.id).empty
        with pytest.raises(NotFound):
            members.reinstate(session, cast.olga, cast.acme.id, cast.adam.user_id)

    def test_people_who_left_cannot_be_reinstated(self, session: Session, cast: Cast) -> None:
        leaving.leave(session, cast.mia, cast.acme.id)
        assert members.former_table(session, cast.olga, cast.acme.id)["has_left"].tolist() == [True]
        with pytest.raises(LeftByChoice, match="Mia left on their own"):
            members.reinstate(session, cast.olga, cast.acme.id, cast.mia.user_id)
        assert membership_rows.find(session, cast.acme, cast.mia.user_id) is None

    def test_the_table_says_who_removed_whom(self, session: Session, cast: Cast) -> None:
        remove_adam(session, cast)
        members.remove(session, ORGDESK, cast.acme.id, cast.mia.user_id)
        table = members.former_table(session, cast.olga, cast.acme.id).set_index("name")
        assert table["removed_by"].fillna("").to_dict() == {"Adam": "Olga", "Mia": ""}
        assert table.loc["Adam", "role"] == Role.ADMIN
        found = members.former_table(session, cast.olga, cast.acme.id, search="ADA")
        assert found["name"].tolist() == ["Adam"]

    def test_outsiders_cannot_be_reinstated(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            members.reinstate(session, cast.olga, cast.acme.id, cast.otto.user_id)


def join(session: Session, cast: Cast, person: Actor) -> None:
    """Make a person a member of Acme."""
    made = membership_rows.make(session, cast.acme, person.user_id, Role.MEMBER)
    history.record(session, ORGDESK, cast.acme, "member.put", made)


class TestTable:
    def test_members_are_ordered_by_name(self, session: Session, cast: Cast) -> None:
        people = members.table(session, cast.olga, cast.acme.id)
        assert people["name"].tolist() == ["Adam", "Mia", "Olga"]
        assert people["role"].tolist() == [Role.ADMIN, Role.MEMBER, Role.OWNER]
        assert people["two_factor"].tolist() == [False, False, False]

    def test_a_member_sees_no_roles(self, session: Session, cast: Cast) -> None:
        people = members.table(session, cast.mia, cast.acme.id)
        assert people.columns.tolist() == ["user_id", "name", "email", "joined_at"]
        assert people["name"].tolist() == ["Adam", "Mia", "Olga"]
        with pytest.raises(NotPermitted):
            members.table(session, cast.mia, cast.acme.id, Filters(role=Role.OWNER))

    @pytest.mark.parametrize("typed", ["MIA", " mia ", "mia@exa", "example mia"])
    def test_search_finds_names_and_addresses(
        self, session: Session, cast: Cast, typed: str
    ) -> None:
        people = members.table(session, cast.olga, cast.acme.id, Filters(search=typed))
        assert people["name"].tolist() == ["Mia"]
        assert members.count(session, cast.olga, cast.acme.id, Filters(search=typed)) == 1

    @pytest.mark.parametrize("typed", ["%", "_", "\\", "'; --", "\ud800q\x00"])
    def test_wildcards_are_searched_as_text(self, session: Session, cast: Cast, typed: str) -> None:
        assert members.table(session, cast.olga, cast.acme.id, Filters(search=typed)).empty

    def test_the_table_is_sorted_by_role_and_by_last_seen(
        self, session: Session, cast: Cast
    ) -> None:
        second = add_member(session, cast, "Ann")
        for person, ago in ((cast.mia, 2), (cast.olga, 1)):
            user = session.get_one(User, person.user_id)
            user.last_seen_at = clock.now() - timedelta(hours=ago)
        session.get_one(User, second).last_seen_at = clock.now() - timedelta(days=1)
        session.flush()

        def names(sort: Sort) -> list[str]:
            table: pd.DataFrame = members.table(session, cast.adam, cast.acme.id, sort=sort)
            return table["name"].tolist()

        assert names(Sort.ROLE) == ["Olga", "Adam", "Ann", "Mia"]
        assert names(Sort.ROLE_REVERSED) == names(Sort.ROLE)[::-1]
        assert names(Sort.SEEN) == ["Olga", "Mia", "Ann", "Adam"]
        assert names(Sort.SEEN_REVERSED) == names(Sort.SEEN)[::-1]
        without = Filters(without_two_factor=True)
        found = members.table(session, cast.adam, cast.acme.id, without, sort=Sort.SEEN)
        assert found["name"].tolist() == names(Sort.SEEN)

    def test_members_do_not_learn_roles_from_the_order(self, session: Session, cast: Cast) -> None:
        assert Sort.ROLE not in members.list_sorts(session, cast.mia, cast.acme.id)
        for sort in (Sort.ROLE, Sort.ROLE_REVERSED, Sort.SEEN, Sort.SEEN_REVERSED):
            with pytest.raises(NotPermitted):
                members.table(session, cast.mia, cast.acme.id, sort=sort)

    def test_very_many_members_are_not_sorted_by_last_seen(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(members, "MAX_SORTED", 2)
        assert Sort.SEEN not in members.list_sorts(session, cast.olga, cast.acme.id)
        assert Sort.ROLE in members.list_sorts(session, cast.olga, cast.acme.id)
        with pytest.raises(NotPermitted):
            members.table(session, cast.olga, cast.acme.id, sort=Sort.SEEN)

    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    def test_the_order_by_role_is_that_of_an_index(self, session: Session, cast: Cast) -> None:
        for sort in (Sort.ROLE, Sort.ROLE_REVERSED):
            work = partial(members.table, session, cast.olga, cast.acme.id, sort=sort)
            plans = explain(session, work, "EXPLAIN QUERY PLAN ")
            steps = [step for query, plan in plans if "LIMIT" in query for *_, step in plan]
            assert any("ix_memberships_org_id_role_order" in step for step in steps), steps
            assert not any("TEMP B-TREE" in step for step in steps[:2]), steps

    def test_pages_follow_each_other(self, session: Session, cast: Cast) -> None:
        names = [
            members.table(session, cast.olga, cast.acme.id, page=page, per_page=2)["name"].tolist()
            for page in (1, 2, 3)
        ]
        assert names == [["Adam", "Mia"], ["Olga"], []]

    def test_a_renamed_member_is_found_by_the_new_name(self, session: Session, cast: Cast) -> None:
        accounts.rename(session, cast.mia, "Änne Ünal")
        for typed in ("änne", "ÜNAL", "Ünal mia@"):
            found = members.table(session, cast.olga, cast.acme.id, Filters(search=typed))
            assert found["name"].tolist() == ["Änne Ünal"]
        assert members.table(session, cast.olga, cast.acme.id)["name"].tolist()[0] != "Mia"

    def test_members_are_found_and_sorted_by_the_fold_of_every_list(
        self, session: Session, cast: Cast
    ) -> None:
        for person, name in zip(
            (cast.olga, cast.adam, cast.mia), ("Zebra", "O’Neil", "Zo\u00eb"), strict=True
        ):
            accounts.rename(session, person, name)
        session.flush()
        for typed, found in {
            "zoe": "Zoë",
            "Zoe\u0308": "Zoë",
            "oneil": "O’Neil",
            "o'neil": "O’Neil",
        }.items():
            table = members.table(session, cast.olga, cast.acme.id, Filters(search=typed))
            assert table["name"].tolist() == [found]
        for person, name in zip(
            (cast.olga, cast.adam, cast.mia), ("Zebra", "Čapek", "éclair"), strict=True
        ):
            accounts.rename(session, person, name)
        table = members.table(session, cast.olga, cast.acme.id)
        assert table["name"].tolist() == ["Čapek", "éclair", "Zebra"]

    def test_search_results_are_counted_up_to_a_limit(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(members, "MAX_COUNTED", 1)
        assert members.count(session, cast.olga, cast.acme.id) == 3
        assert members.count(session, cast.olga, cast.acme.id, Filters(search="example")) == 2

    def test_the_table_can_be_filtered_by_role(self, session: Session, cast: Cast) -> None:
        people = members.table(session, cast.ada, cast.acme.id, Filters(role=Role.ADMIN))
        assert people["name"].tolist() == ["Adam"]

    def test_the_table_can_be_filtered_by_missing_two_factor(
        self, session: Session, cast: Cast
    ) -> None:
        join(session, cast, cast.sam)  # he has it
        about = (session, cast.olga, cast.acme.id)
        for found in (
            members.table(*about, Filters(without_two_factor=True))["user_id"].tolist(),
            sorted(members.list_ids(*about, Filters(without_two_factor=True))),
        ):
            assert set(found) == {each.user_id for each in (cast.adam, cast.mia, cast.olga)}
        assert members.count(*about, Filters(without_two_factor=True)) == 3
        with pytest.raises(NotPermitted):
            members.table(session, cast.mia, cast.acme.id, Filters(without_two_factor=True))

    def test_the_table_can_be_sorted(self, session: Session, cast: Cast, clock: Clock) -> None:
        join(session, cast, cast.otto)
        names = {
            sort: members.table(session, cast.olga, cast.acme.id, sort=sort)["name"].tolist()
            for sort in members.Sort
        }
        assert names[members.Sort.NAME] == ["Adam", "Mia", "Olga", "Otto"]
        assert names[members.Sort.JOINED][0] == "Otto"
        for sort in (members.Sort.NAME, members.Sort.JOINED):
            assert names[members.Sort(f"-{sort}")] == names[sort][::-1]


class TestBulk:
    def test_roles_are_changed_one_by_one_and_refusals_are_listed(
        self, session: Session, cast: Cast
    ) -> None:
        everyone = [cast.olga.user_id, cast.otto.user_id, cast.adam.user_id, cast.mia.user_id]
        about = (session, cast.olga, cast.acme.id)
        outcome = bulk.change_roles(*about, everyone, Role.MEMBER, reason="Season's end")
        assert outcome.done == 2  # Adam, and Mia, who is a member already
        assert [name for name, _ in outcome.refused] == ["A former member", "Olga"]
        assert "Make someone else an owner first" in outcome.refused[1][1]
        assert members.table(*about).set_index("name")["role"].to_dict() == {
            "Adam": Role.MEMBER,
            "Mia": Role.MEMBER,
            "Olga": Role.OWNER,
        }
        session.commit()  # every change is recorded

    def test_who_gives_up_the_role_does_so_last(self, session: Session, cast: Cast) -> None:
        about = (session, cast.olga, cast.acme.id)
        members.change_role(*about, cast.mia.user_id, Role.OWNER)
        both = [cast.olga.user_id, cast.adam.user_id]
        assert bulk.change_roles(*about, both, Role.MEMBER) == (2, [])

    def test_members_are_removed_and_the_actor_stays(self, session: Session, cast: Cast) -> None:
        db_ids = [cast.adam.user_id, cast.mia.user_id, cast.olga.user_id]
        outcome = bulk.remove(session, cast.adam, cast.acme.id, db_ids)
        assert outcome.done == 1
        assert [name for name, _ in outcome.refused] == ["Olga", "Adam"]
        assert members.table(session, cast.adam, cast.acme.id)["name"].tolist() == ["Adam", "Olga"]


class TestSummary:
    def test_it_counts_roles_with_and_without_two_factor(
        self, session: Session, cast: Cast
    ) -> None:
        join(session, cast, cast.sam)
        counts = statistics.count_by_role(session, cast.olga, cast.acme.id)
        assert sorted(counts.itertuples(index=False, name=None)) == [
            (Role.ADMIN, False, 1),
            (Role.MEMBER, False, 1),
            (Role.MEMBER, True, 1),
            (Role.OWNER, False, 1),
        ]

    def test_it_counts_members_by_role(self, session: Session, cast: Cast, clock: Clock) -> None:
        invitations.invite(session, cast.olga, cast.acme.id, "new@example.com")
        numbers = statistics.summary(session, cast.olga, cast.acme.id)
        assert numbers[["owner", "admin", "member"]].tolist() == [1, 1, 1]
        assert numbers["pending"] == 1
        assert numbers["without_two_factor"] == 3
        assert numbers["last_joined"].isoformat() == "2026-01-05T09:00:00+00:00"

    def test_expired_invitations_are_not_pending(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        invitations.invite(session, cast.olga, cast.acme.id, "new@example.com")
        clock.turn(timedelta(hours=72))
        assert statistics.summary(session, cast.olga, cast.acme.id)["pending"] == 0

    def test_roles_without_members_count_zero(self, session: Session, cast: Cast) -> None:
        leaving.leave(session, cast.mia, cast.acme.id)
        assert statistics.summary(session, cast.olga, cast.acme.id)["member"] == 0

    def test_joins_are_counted_by_month(self, session: Session, cast: Cast, clock: Clock) -> None:
        join(session, cast, cast.otto)
        joined = statistics.joined_by_month(session, cast.olga, cast.acme.id)
        assert [f"{month:%Y-%m}" for month in joined.index][::11] == ["2025-12", "2026-11"]
        assert {f"{month:%Y-%m}": number for month, number in joined.items() if number} == {
            "2026-01": 3,
            "2026-11": 1,
        }

    def test_a_member_sees_no_numbers_of_invitations(self, session: Session, cast: Cast) -> None:
        numbers = statistics.summary(session, cast.mia, cast.acme.id)
        assert set(numbers.index) == {"owner", "admin", "member", "last_joined"}


class TestRoles:
    def test_the_difference_between_admin_and_member(self) -> None:
        difference = roles.difference(Role.ADMIN, Role.MEMBER)
        assert difference.gained == []
        assert Action.INVITE in difference.lost
        assert difference.kept == [Action.VIEW]

    def test_an_owner_gains_what_an_admin_lacks(self) -> None:
        difference = roles.difference(Role.ADMIN, Role.OWNER)
        assert Action.DELETE in difference.gained
        assert difference.lost == []

    def test_the_roles_table_is_drawn_from_the_permissions(self) -> None:
        table = roles.table().set_index("permission")
        assert table.loc["Manage invitations"].tolist() == [False, True, True]
        assert table.loc["Delete the organization"].tolist() == [False, False, True]
        assert "Manage accounts and staff roles" not in table.index


def test_an_admin_cannot_grant_the_role_of_owner(session: Session, cast: Cast) -> None:
    with pytest.raises(RoleTooHigh):
        invitations.invite(session, cast.adam, cast.acme.id, "x@example.com", role=Role.OWNER)


def test_orgdesk_itself_can_change_roles(session: Session, cast: Cast) -> None:
    members.change_role(session, ORGDESK, cast.acme.id, cast.mia.user_id, Role.OWNER)
    named = select(Membership.role).where(Membership.user_id == cast.mia.user_id)
    assert session.scalars(named).one() is Role.OWNER


def test_nobody_floods_another_with_mails_about_roles(session: Session, cast: Cast) -> None:
    for _ in range(4):
        for role in (Role.ADMIN, Role.MEMBER):
            members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, role)
    to_mia = select(func.count()).where(Mail.recipient == email(cast.mia))
    assert session.scalar(to_mia) == 5
    members.change_role(session, cast.olga, cast.acme.id, cast.adam.user_id, Role.MEMBER)
    assert session.scalar(select(func.count()).where(Mail.recipient == email(cast.adam))) == 1
