"""Statistics: the same numbers as the rows of the table, on both engines."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.base import clock
from core.base.errors import NotPermitted
from core.database import db
from core.models import Organization, Role, Stage
from core.organizations import statistics, table
from core.organizations.filters import Filters, Members, Profile
from tests.organizations.test_table import REP, make_organizations, pending
from tests.support.cast import Cast


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session that is rolled back at the end and records no history."""
    with db.Session(db.writing_engine(), expire_on_commit=False) as session:
        yield session


class TestOrganizations:
    def test_members_have_no_access(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotPermitted):
            statistics.organizations(session, cast.olga, Filters())
        with pytest.raises(NotPermitted):
            statistics.organizations(session, cast.oda, Filters(is_deleted=True))

    def test_every_value_has_a_row(self, session: Session, cast: Cast) -> None:
        found = statistics.organizations(session, cast.oda, Filters())
        assert (found.organizations, found.members) == (2, 4)
        assert found.stages["stage"].tolist() == list(Stage)
        assert found.stages["organizations"].tolist() == [2, 0, 0, 0]
        assert found.sizes["step"].tolist() == list(Members)
        assert found.sizes["organizations"].tolist() == [1, 1, 0, 0, 0]
        assert found.sizes["members"].tolist() == [1, 3, 0, 0, 0]

    def test_months_without_new_organizations_are_included(
        self, session: Session, cast: Cast
    ) -> None:
        session.get_one(Organization, cast.acme.id).created_at = datetime(
            2025, 10, 31, 23, tzinfo=UTC
        )
        session.flush()
        months = statistics.organizations(session, cast.oda, Filters()).months
        assert [str(month) for month in months["month"]] == [
            *("2025-10", "2025-11", "2025-12", "2026-01"),
        ]
        assert months["organizations"].tolist() == [1, 0, 0, 1]
        assert months["in_all"].tolist() == [1, 1, 1, 2]

    @pytest.mark.parametrize(
        "filters",
        [
            Filters(stages=(Stage.FREE, Stage.PRODUCTION)),
            Filters(words="clinic 3"),
            Filters(members=Members.HANDFUL, created_to=date(2024, 1, 3)),
            Filters(profile=Profile.COMPLETE, words="clinic"),
        ],
    )
    def test_totals_match_the_table(self, session: Session, cast: Cast, filters: Filters) -> None:
        make_organizations(session, 90)
        rows = table.table(session, cast.oda, Filters(**(vars(filters) | {"size": 100}))).rows
        found = statistics.organizations(session, cast.oda, filters)
        assert found.organizations == len(rows) == found.months["organizations"].sum()
        assert found.members == rows["member_count"].sum() == found.sizes["members"].sum()
        by_stage = rows.groupby("stage").size()
        assert found.stages["organizations"].tolist() == [by_stage.get(s, 0) for s in Stage]

    def test_without_matches_all_totals_are_0(self, session: Session, cast: Cast) -> None:
        found = statistics.organizations(session, cast.oda, Filters(words="nobody is called so"))
        assert (found.organizations, found.members, len(found.months)) == (0, 0, 0)


class TestCountByStage:
    @pytest.mark.parametrize(
        "filters", [Filters(), Filters(rep_id=REP), Filters(words="clinic 3"), Filters(words="?")]
    )
    def test_each_stage_counts_as_its_table_does(
        self, session: Session, cast: Cast, filters: Filters
    ) -> None:
        make_organizations(session, 90)
        one_stage = replace(filters, stages=(Stage.FREE,))  # the tabs show the others as well
        assert statistics.count_by_stage(session, cast.oda, one_stage) == {
            stage: table.table(session, cast.oda, replace(filters, stages=(stage,))).total
            for stage in Stage
        }

    def test_it_ends_beyond_a_thousand_but_for_all(self, session: Session, cast: Cast) -> None:
        make_organizations(session, 4_400)
        capped = statistics.count_by_stage(session, cast.oda, Filters(words="clinic"))
        assert set(capped.values()) == {1_001}
        exact = statistics.count_by_stage(session, cast.oda, Filters())
        assert sum(exact.values()) == 4_402 - 3
        assert statistics.is_stored(Filters())
        assert not statistics.is_stored(Filters(words="clinic"))


class TestMemberships:
    def test_only_staff_may_count_them(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotPermitted):
            statistics.memberships(session, cast.olga, Filters())
        with pytest.raises(NotPermitted):
            statistics.memberships(session, cast.oda, Filters(is_deleted=True))

    def test_each_group_has_its_organizations_and_people(
        self, session: Session, cast: Cast
    ) -> None:
        session.add_all(
            [
                pending(cast, "open@example.com", expires_in=timedelta(hours=1)),
                pending(cast, "late@example.com", expires_in=timedelta(hours=-1)),
            ]
        )
        session.flush()
        found = statistics.memberships(session, cast.oda, Filters())
        found = found.groupby(["stage", "size", "month"], observed=True).sum().reset_index()
        january = pd.Period("2026-01")
        assert found.values.tolist() == [
            ["free", "1", january, 1, 1, 0, 0, 0],
            ["free", "2-10", january, 1, 1, 1, 1, 1],
        ]
        assert list(found.columns[3:]) == statistics.COUNTED

    def test_pivoted_all_stages_and_sizes_are_there_in_order(
        self, session: Session, cast: Cast
    ) -> None:
        make_organizations(session, 40)
        found = statistics.memberships(session, cast.oda, Filters(stages=(Stage.FREE,)))
        pivot = found.pivot_table("organizations", "size", "stage", "sum", observed=False)
        assert pivot.index.tolist() == list(Members)
        assert pivot.columns.tolist() == list(Stage)
        assert pivot["free"].sum() == pivot.to_numpy().sum() == 12

    @pytest.mark.parametrize(
        "filters",
        [
            Filters(stages=(Stage.FREE, Stage.PRODUCTION)),
            Filters(words="clinic 3"),
            Filters(members=Members.HANDFUL, created_to=date(2024, 1, 3)),
            Filters(profile=Profile.COMPLETE, words="clinic"),
            Filters(words="no such name"),
        ],
    )
    def test_the_sums_are_those_of_the_rows(
        self, session: Session, cast: Cast, filters: Filters
    ) -> None:
        make_organizations(session, 90)
        rows = table.table(session, cast.oda, Filters(**(vars(filters) | {"size": 100}))).rows
        found = statistics.memberships(session, cast.oda, filters)
        assert found["organizations"].sum() == len(rows)
        assert found[["owners", "admins", "members"]].sum().sum() == rows["member_count"].sum()
        assert found["owners"].sum() == rows["owners"].sum()
        assert found["invitations"].sum() == rows["pending"].sum()
        by_stage = found.groupby("stage", observed=False)["organizations"].sum()
        in_table = rows.groupby("stage").size()
        assert by_stage.tolist() == [in_table.get(stage, 0) for stage in Stage]


class TestRoles:
    def test_members_have_no_access(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotPermitted):
            statistics.roles(session, cast.olga, Filters())

    def test_the_highest_role_comes_first(self, session: Session, cast: Cast) -> None:
        found = statistics.roles(session, cast.oda, Filters())
        assert found["role"].tolist() == [Role.OWNER, Role.ADMIN, Role.MEMBER]
        assert found["members"].tolist() == [2, 1, 1]

    def test_only_matching_organizations_count(self, session: Session, cast: Cast) -> None:
        assert statistics.roles(session, cast.oda, Filters(words="otto"))["members"].tolist() == [
            1,
            0,
            0,
        ]
        session.get_one(Organization, cast.acme.id).deleted_at = clock.now()
        session.flush()
        assert statistics.roles(session, cast.oda, Filters())["members"].tolist() == [1, 0, 0]
