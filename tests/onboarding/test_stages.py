"""Stages: the path and the move history of an organization."""

import json
from datetime import timedelta

import pytest
from alembic import command
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.audit import activity
from core.base.errors import NotFound, NotPermitted
from core.database import db
from core.database.upgrade import configuration, upgrade
from core.models import Move, Stage
from core.onboarding import onboarding, stages
from core.onboarding.stages import Stay
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.depth import sample
from tests.support.engines import Postgresql, Sqlite, use

FREE, ONBOARDING, PREPRODUCTION, PRODUCTION = Stage
WHY = "The contract is signed."


def override(session: Session, cast: Cast, start: Stage, end: Stage) -> None:
    onboarding.move(
        session, cast.ada, cast.acme.id, end, from_stage=start, reason=WHY, override=True
    )


def test_the_path_has_the_working_days_of_each_stage(
    session: Session, cast: Cast, clock: Clock
) -> None:
    flagged_at = clock.moment
    onboarding.flag(session, cast.sam, [cast.acme.id])
    clock.turn(timedelta(days=8))
    override(session, cast, ONBOARDING, PREPRODUCTION)
    overridden_at = clock.moment
    clock.turn(timedelta(days=1))
    assert stages.path(session, cast.mia, cast.acme.id) == [
        Stay(FREE, cast.acme.created_at, 230),
        Stay(ONBOARDING, flagged_at, 6),
        Stay(PREPRODUCTION, overridden_at, 1, is_override=True),
    ]


def test_the_path_counts_repeated_stays(session: Session, cast: Cast, clock: Clock) -> None:
    for _ in range(2):
        onboarding.flag(session, cast.sam, [cast.acme.id])
        clock.turn(timedelta(days=1))
        onboarding.move(
            session, cast.sam, cast.acme.id, FREE, from_stage=ONBOARDING, reason="A break."
        )
    assert stages.path(session, cast.mia, cast.acme.id) == [Stay(FREE, clock.moment, 0, times=3)]


def test_an_override_stays_marked_in_moves_and_history(session: Session, cast: Cast) -> None:
    onboarding.flag(session, cast.sam, [cast.acme.id])
    override(session, cast, ONBOARDING, PREPRODUCTION)
    latest = stages.move_history(session, cast.olga, cast.acme.id).iloc[0]
    assert latest["is_override"]
    assert "Add a phone number" in latest["missing"].splitlines()
    assert (latest["who"], latest["rep"], latest["reason"]) == ("Ada", "Sam", WHY)
    changes = activity.table(session, cast.olga, org_id=cast.acme.id).iloc[0]
    assert changes["what"].endswith("to preproduction with open checks (override)")
    assert changes["reason"] == WHY


def test_members_cannot_read_the_move_history(session: Session, cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        stages.move_history(session, cast.mia, cast.acme.id)
    with pytest.raises(NotFound):
        stages.path(session, cast.otto, cast.acme.id)


@pytest.mark.parametrize("engine_name", sample(["sqlite", "postgresql"], 2))
def test_the_migration_derives_moves_from_history(
    engines: dict[str, Sqlite | Postgresql], engine_name: str
) -> None:
    with use(engines[engine_name].make("older", migrated=False)) as engine:
        with engine.begin() as connection:
            command.upgrade(configuration(connection), "0005")
            connection.execute(
                text(
                    "INSERT INTO organizations (public_id, name, name_key, search_text, is_listed,"
                    " stage, stage_entered_at, created_at, member_count, version) VALUES"
                    " ('ORG-1', 'Old', 'old', 'old', false, 'free',"
                    " '2026-11-18 09:00:00+00', '2026-11-02 09:00:00+00', 0, 0)"
                )
            )
            for position, (day, actor, changes, why) in enumerate(HISTORY, start=1):
                connection.execute(
                    text(
                        "INSERT INTO history (chain, position, at, actor_id, org_id, event,"
                        " subject, changes, reason, mac) VALUES ('org:1', :position, :at, :actor,"
                        " 1, 'stage.told', 'organizations:1', :changes, :why, '')"
                    ),
                    {
                        "position": position,
                        "at": f"2026-11-{day} 09:00:00+00",
                        "actor": actor,
                        "changes": json.dumps(changes),
                        "why": why,
                    },
                )
        upgrade()
        with db.read() as session:
            rows = session.scalars(select(Move).order_by(Move.id)).all()
        facts = [(m.from_stage, m.to_stage, m.actor_id, m.rep_id, m.days, m.reason) for m in rows]
    engines[engine_name].drop("older")
    assert facts == [(FREE, ONBOARDING, 6, 7, 5, ""), (ONBOARDING, FREE, 7, 7, 7, "A break.")]


def change(field: str, old: object, new: object) -> dict[str, object]:
    return {"row": "organizations:1", "field": field, "old": old, "new": new}


HISTORY = (
    ("09", 6, [change("stage", "free", "onboarding"), change("rep_id", None, 7)], ""),
    ("18", 7, [change("stage", "onboarding", "free"), change("rep_id", 7, None)], "A break."),
)
