"""Undo in races: with itself, with an edit or a run that sets the same field, with a deletion."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from sqlalchemy import Engine, func, select, update

from core.base.errors import (
    AlreadyUndone,
    ChangedSince,
    DomainError,
    NotFound,
    RunNotOver,
    RunUndone,
)
from core.bulk_edit import bulk_edit
from core.bulk_edit.fields import Field
from core.changes import changes, run_undo
from core.database import db
from core.models import Entry, Organization, Run, RunStatus
from core.onboarding import bulk_flag
from core.onboarding.onboarding import Plan
from core.organizations import organizations
from core.profile import profile
from core.runs import runs
from core.runs.items import Selection
from tests.runs.work import reload, run_to_end, work_on_a_batch
from tests.support.cast import Cast
from tests.support.history import last_entry, verified

ROUNDS = 5
PHONE = "+12125550100"


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Call these at the same moment, and return what each returned or was refused for."""
    start = Barrier(len(acts))

    def call(act: Callable[[], object]) -> object:
        start.wait()
        try:
            return act()
        except DomainError as refusal:
            return refusal

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(call, acts))


@pytest.fixture
def mistake(engine: Engine, cast: Cast) -> Callable[[], int]:
    """What sets the phone of Acme, and returns the entry of it."""

    def save() -> int:
        with db.read() as session:
            shown = profile.form_texts(session.get_one(Organization, cast.acme.id))
        db.run(profile.save, cast.olga, cast.acme.id, shown, shown | {"phone": PHONE})
        with db.read() as session:
            return last_entry(session).id

    return save


def phone(cast: Cast) -> str | None:
    with db.read() as session:
        return session.get_one(Organization, cast.acme.id).phone


def test_two_people_undo_it_once(cast: Cast, mistake: Callable[[], int]):
    for _ in range(ROUNDS):
        entry_id = mistake()
        undo = partial(db.run, changes.undo, cast.olga, entry_id)
        outcomes = at_once(undo, undo)
        assert {type(each) for each in outcomes} == {AlreadyUndone, Entry}
        with db.read() as session:
            undos = select(func.count()).where(Entry.undoes_id == entry_id)
            assert session.scalar(undos) == 1
        assert phone(cast) is None
    assert verified()[0] == []


def test_an_edit_of_the_same_field_comes_before_or_after(cast: Cast, mistake: Callable[[], int]):
    for number in range(ROUNDS):
        entry_id, theirs = mistake(), f"+1212555011{number}"
        edit = ({"phone": PHONE}, {"phone": theirs})
        undone, edited = at_once(
            partial(db.run, changes.undo, cast.olga, entry_id),
            partial(db.run, profile.save, cast.olga, cast.acme.id, *edit),
        )
        if isinstance(undone, ChangedSince):
            assert phone(cast) == theirs
        else:
            assert isinstance(undone, Entry)
            assert isinstance(edited, DomainError)  # Stale: the value it started from is gone
            assert phone(cast) is None
        with db.read() as session:
            shown = profile.form_texts(session.get_one(Organization, cast.acme.id))
        db.run(profile.save, cast.olga, cast.acme.id, shown, shown | {"phone": ""})


def test_a_deletion_comes_before_or_after(cast: Cast, mistake: Callable[[], int]):
    for _ in range(ROUNDS):
        entry_id = mistake()
        undone, _ = at_once(
            partial(db.run, changes.undo, cast.olga, entry_id),
            partial(db.run, organizations.delete, cast.olga, cast.acme.id, name="Acme"),
        )
        is_undone = isinstance(undone, Entry)
        assert is_undone or isinstance(undone, NotFound)
        assert phone(cast) == (None if is_undone else PHONE)
        db.run(organizations.restore, cast.ada, cast.acme.id)
        if not is_undone:
            db.run(changes.undo, cast.olga, entry_id)


def test_a_run_that_sets_the_same_field_comes_before_or_after(
    cast: Cast, mistake: Callable[[], int]
):
    for number in range(ROUNDS):
        entry_id, theirs = mistake(), f"+1212555012{number}"
        run = edit_phone(cast, theirs)
        undone, _ = at_once(
            partial(db.run, changes.undo, cast.olga, entry_id), partial(work_on_a_batch, run)
        )
        assert isinstance(undone, Entry | ChangedSince)
        assert (reload(run).done, phone(cast)) == (1, theirs)
    assert verified()[0] == []


def test_the_undo_of_a_run_leaves_what_somebody_changes_meanwhile(cast: Cast):
    for number in range(ROUNDS):
        mine, theirs = f"+1212555013{number}", f"+1212555014{number}"
        before = phone(cast)
        run = edit_phone(cast, mine)
        run_to_end()
        undo = db.run(run_undo.start, cast.oda, run.id, reason="A slip.", shown=1)
        edit = ({"phone": shown_phone(cast)}, {"phone": theirs})
        _, edited = at_once(
            partial(work_on_a_batch, undo),
            partial(db.run, profile.save, cast.olga, cast.acme.id, *edit),
        )
        ended = reload(undo)
        if isinstance(edited, DomainError):  # Stale: the undo came first
            assert (ended.done, ended.refused, phone(cast)) == (1, 0, before)
        else:
            assert (ended.done, ended.refused, phone(cast)) == (0, 1, theirs)
    assert verified()[0] == []


def edit_phone(cast: Cast, number: str) -> Run:
    """Confirm a run that sets the phone of Acme."""
    chosen, values = Selection((cast.acme.id,)), {Field.PHONE: number}
    run = db.run(bulk_edit.propose, cast.oda, chosen, values, reason="They told us.").run
    return db.run(runs.confirm, cast.oda, run.id, shown=1)


def shown_phone(cast: Cast) -> str:
    with db.read() as session:
        return profile.form_texts(session.get_one(Organization, cast.acme.id))["phone"]


def test_a_run_is_undone_or_resumed_but_not_both(cast: Cast):
    chosen = Selection((cast.acme.id,))
    for _ in range(ROUNDS):
        run = db.run(bulk_flag.start, cast.sam, chosen, Plan(), expected=1)
        run_to_end()
        with db.engine().begin() as connection:
            stopped = update(Run).where(Run.id == run.id).values(status=RunStatus.CANCELLED)
            connection.execute(stopped)
        undone, resumed = at_once(
            partial(db.run, run_undo.start, cast.sam, run.id, reason="A slip.", shown=1),
            partial(db.run, runs.resume, cast.sam, run.id),
        )
        is_undone = isinstance(undone, Run)
        assert isinstance(resumed, RunUndone) if is_undone else isinstance(undone, RunNotOver)
        run_to_end()
        if not is_undone:
            db.run(run_undo.start, cast.sam, run.id, reason="A slip.", shown=1)
            run_to_end()
        assert reload(run).status is (RunStatus.CANCELLED if is_undone else RunStatus.ENDED)
