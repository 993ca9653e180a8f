"""Imports in races: two workers on one run, an edit of the same field, and a deletion."""

from functools import partial

from sqlalchemy import Engine, func, select

from core.base.errors import Stale
from core.database import db
from core.imports import imports
from core.models import Entry, Invitation, ItemState, Organization, Run, RunItem
from core.organizations import organizations
from core.profile import profile
from tests.changes.test_races import at_once
from tests.imports.test_imports import propose
from tests.runs.work import run_to_end, work_on_a_batch
from tests.support.cast import Cast
from tests.support.depth import rounds
from tests.support.history import verified
from tests.support.sheets import csv_file

ROUNDS = rounds(3, 30)


def confirmed(cast: Cast, *rows: list[str]) -> Run:
    """Return an import of these rows that was confirmed and not begun."""
    titles = ["Organization ID", "Name", "Owner email", "Phone"]
    run = propose(cast.oda, csv_file([titles, *rows]))
    return db.run(imports.confirm, cast.oda, run.id, digest=run.digest)


def item_of(run: Run) -> RunItem:
    with db.read() as session:
        return session.scalars(select(RunItem).where(RunItem.run_id == run.id)).one()


def acme(cast: Cast) -> Organization:
    with db.read() as session:
        return session.get_one(Organization, cast.acme.id)


def test_two_workers_do_each_row_once(engine: Engine, cast: Cast) -> None:
    rows = [["", f"Blue Door {n}", f"owner{n}@example.com", ""] for n in range(40)]
    run = confirmed(cast, *rows)
    for _ in range(3):
        work = partial(work_on_a_batch, run)
        assert at_once(work, work) == [None, None]
    with db.read() as session:
        run = session.get_one(Run, run.id)
        assert (run.done, run.refused, run.skipped) == (40, 0, 0)
        names = select(func.count(), func.count(Organization.name.distinct()))
        made = names.where(Organization.unclaimed_since.is_not(None))
        assert tuple(session.execute(made).one()) == (40, 40)
        invited = select(func.count()).where(Invitation.run_id == run.id)
        assert session.scalar(invited) == 40
    assert verified()[0] == []


def test_an_edit_of_the_same_field_comes_before_or_after(engine: Engine, cast: Cast) -> None:
    for number in range(ROUNDS):
        ours, theirs = f"+12125550{number + 100}", f"+12125550{number + 200}"
        shown = profile.form_texts(acme(cast))
        run = confirmed(cast, [cast.acme.public_id, "", "", ours])
        edit = partial(db.run, profile.save, cast.olga, cast.acme.id, shown, {"phone": theirs})
        edited, _ = at_once(edit, partial(work_on_a_batch, run))
        item = item_of(run)
        if isinstance(edited, Stale):
            assert (item.state, acme(cast).phone) == (ItemState.DONE, ours)
        else:
            assert (item.state, acme(cast).phone) == (ItemState.SKIPPED, theirs)
            assert item.why == "Changed since the check: Phone."
        run_to_end()


def test_a_deletion_comes_before_or_after(engine: Engine, cast: Cast) -> None:
    for number in range(ROUNDS):
        before, ours = acme(cast).phone, f"+12125550{number + 100}"
        run = confirmed(cast, [cast.acme.public_id, "", "", ours])
        delete = partial(db.run, organizations.delete, cast.olga, cast.acme.id, name="Acme")
        at_once(delete, partial(work_on_a_batch, run))
        is_done = item_of(run).state is ItemState.DONE
        assert is_done or item_of(run).state is ItemState.REFUSED
        assert acme(cast).phone == (ours if is_done else before)
        assert acme(cast).deleted_at is not None
        with db.read() as session:
            entries = select(func.count()).where(Entry.run_id == run.id)
            assert session.scalar(entries) == is_done
        db.run(organizations.restore, cast.ada, cast.acme.id)
        run_to_end()
