"""Uploads: for their person alone, few at a time, for a day."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.accounts import uploads
from core.base.errors import InvalidInput, NotFound
from core.database import db
from core.members import leaving
from core.models import Upload
from core.ops import cleanup
from tests.conftest import Clock
from tests.support.cast import Cast


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Upload)) or 0


def test_it_is_there_for_its_person_alone(session: Session, cast: Cast) -> None:
    kept = uploads.keep(session, cast.mia, "photo.png", b"bytes")
    assert uploads.get(session, cast.mia, kept.id).content == b"bytes"
    for other in (cast.olga, cast.ada):
        with pytest.raises(NotFound):
            uploads.get(session, other, kept.id)


def test_a_new_one_takes_the_place_of_the_oldest(session: Session, cast: Cast) -> None:
    theirs = uploads.keep(session, cast.otto, "theirs", b"x")
    kept = [uploads.keep(session, cast.mia, str(n), b"x").id for n in range(7)]
    assert count(session) == 1 + uploads.MAX_UPLOADS
    assert uploads.get(session, cast.mia, kept[-uploads.MAX_UPLOADS]).name == "3"
    assert uploads.get(session, cast.otto, theirs.id).name == "theirs"
    with pytest.raises(NotFound):
        uploads.get(session, cast.mia, kept[2])


@pytest.mark.parametrize(
    ("size", "refusal"), [(0, "This file is empty"), (uploads.MAX_BYTES + 1, "at most 3 MB")]
)
def test_an_empty_or_too_large_one_is_refused(
    session: Session, cast: Cast, size: int, refusal: str
) -> None:
    with pytest.raises(InvalidInput, match=refusal):
        uploads.keep(session, cast.mia, "photo.png", b"x" * size)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("C:\\Users\\mia\\photo.png", "photo.png"),
        ("../../etc/passwd", "passwd"),
        ("a\u202egnp.exe\n", "agnp.exe"),
        ("", "file"),
        ("ä" * 300, "ä" * 120),
    ],
)
def test_a_name_is_only_a_name(session: Session, cast: Cast, name: str, kept: str) -> None:
    assert uploads.keep(session, cast.mia, name, b"x").name == kept


def test_a_day_later_it_is_gone(session: Session, cast: Cast, clock: Clock) -> None:
    kept = uploads.keep(session, cast.mia, "photo.png", b"x")
    clock.turn(uploads.UPLOAD_TTL + timedelta(seconds=1))
    with pytest.raises(NotFound):
        uploads.get(session, cast.mia, kept.id)
    assert cleanup.purge_uploads(session) == 1
    assert count(session) == 0


def test_it_goes_with_the_account(cast: Cast) -> None:
    db.run(uploads.keep, cast.mia, "photo.png", b"x")
    db.run(leaving.delete_account, cast.mia)
    with db.read() as session:
        assert count(session) == 0
