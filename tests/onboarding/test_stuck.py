"""Stuck: the rule for a row and the SQL condition agree and use indexes."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text, update
from sqlalchemy.orm import Session

from core.database import db
from core.models import Organization, Stage
from core.onboarding import stuck
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.depth import rounds

TODAY = date(2026, 11, 23)


def set_acme(session: Session, cast: Cast, **values: object) -> Organization:
    statement = update(Organization).where(Organization.id == cast.acme.id).values(**values)
    session.execute(statement.execution_options(unrecorded=True))
    return session.get_one(Organization, cast.acme.id, populate_existing=True)


def entered(days_ago: int) -> datetime:
    return datetime(2026, 11, 23, 9, tzinfo=UTC) - timedelta(days=days_ago)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"stage": Stage.ONBOARDING, "stage_entered_at": entered(14)}, []),
        (
            {"stage": Stage.ONBOARDING, "stage_entered_at": entered(17)},
            ["Day 11 of 10 in onboarding"],
        ),
        ({"stage": Stage.PREPRODUCTION, "stage_entered_at": entered(42)}, []),
        (
            {"stage": Stage.PREPRODUCTION, "stage_entered_at": entered(45)},
            ["Day 31 of 30 in preproduction"],
        ),
        ({"stage": Stage.FREE, "stage_entered_at": entered(900)}, []),
        ({"stage": Stage.PRODUCTION, "stage_entered_at": entered(900)}, []),
        ({"stage": Stage.ONBOARDING, "stage_entered_at": entered(1), "next_step_on": TODAY}, []),
        (
            {
                "stage": Stage.ONBOARDING,
                "stage_entered_at": entered(1),
                "next_step_on": TODAY - timedelta(days=1),
            },
            ["Overdue since 22 Nov"],
        ),
        (
            {
                "stage": Stage.ONBOARDING,
                "stage_entered_at": entered(90),
                "snoozed_until": TODAY + timedelta(days=1),
            },
            [],
        ),
        (
            {"stage": Stage.ONBOARDING, "stage_entered_at": entered(17), "snoozed_until": TODAY},
            ["Day 11 of 10 in onboarding"],
        ),
    ],
)
def test_the_rule(
    session: Session, cast: Cast, clock: Clock, values: dict[str, object], why: list[str]
) -> None:
    org = set_acme(session, cast, **values)
    assert stuck.reasons(org) == why
    found = session.scalars(select(Organization.id).where(stuck.condition())).all()
    assert found == ([org.id] if why else [])


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@hypothesis(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=rounds(20, 60)
)
@given(
    stage=st.sampled_from(Stage),
    days=st.integers(0, 60),
    due=st.none() | st.integers(-3, 3),
    snoozed=st.none() | st.integers(-3, 3),
)
def test_row_and_sql_agree(
    session: Session, cast: Cast, stage: Stage, days: int, due: int | None, snoozed: int | None
) -> None:
    org = set_acme(
        session,
        cast,
        stage=stage,
        stage_entered_at=entered(days),
        next_step_on=None if due is None else TODAY + timedelta(days=due),
        snoozed_until=None if snoozed is None else TODAY + timedelta(days=snoozed),
    )
    found = session.scalars(select(Organization.id).where(stuck.condition(TODAY))).all()
    assert bool(found) == bool(stuck.reasons(org, TODAY))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_each_part_uses_an_index(engine: Engine) -> None:
    statement = select(Organization.id).where(stuck.condition(TODAY))
    compiled = statement.compile(engine, compile_kwargs={"literal_binds": True})
    with db.read() as session:
        plan = session.execute(text(f"EXPLAIN QUERY PLAN {compiled}")).all()
    steps = " ".join(row[-1] for row in plan)
    assert steps.count("ix_organizations_stage_entered ") == 2
    assert "ix_organizations_next_step_on" in steps
    assert "SCAN" not in steps
