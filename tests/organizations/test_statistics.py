"""Statistics: the same numbers as the rows of the table, on both engines."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.base.errors import NotPermitted
from core.database import db
from core.models import Stage
from core.organizations import statistics, table
from core.organizations.filters import Filters, Members, Profile
from tests.organizations.test_table import REP, make_organizations, pending
from tests.support.cast import Cast


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session that is rolled back at the end and records no history."""
    with db.Session(db.writing_engine(), expire_on_commit=False) as session:
        yield session


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

    def test_a_search_is_counted_up_to_a_thousand(self, session: Session, cast: Cast) -> None:
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
        by_stage = found.groupby("stage", observed=True)[statistics.COUNTED].sum()
        assert by_stage.reset_index().values.tolist() == [["free", 2, 2, 1, 1, 1]]
        by_size = found.groupby("size", observed=True)[statistics.COUNTED[:-1]].sum()
        assert by_size.reset_index().values.tolist() == [["1", 1, 1, 0, 0], ["2-10", 1, 1, 1, 1]]
        by_month = found.groupby("month")["organizations"].sum()
        assert by_month.to_dict() == {pd.Period("2026-01"): 2}

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
        by_stage = found.groupby("stage", observed=False)[statistics.COUNTED].sum()
        assert by_stage[["owners", "admins", "members"]].sum().sum() == rows["member_count"].sum()
        assert by_stage["owners"].sum() == rows["owners"].sum()
        assert by_stage["invitations"].sum() == rows["pending"].sum()
        assert found.groupby("month")["organizations"].sum().sum() == len(rows)
        in_table = rows.groupby("stage").size()
        assert by_stage["organizations"].tolist() == [in_table.get(stage, 0) for stage in Stage]
