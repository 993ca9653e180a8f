"""Notes: visibility, changes, search, and their entries in history."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.access.permissions import ORGDESK, Actor
from core.audit import activity, history, verification
from core.base import tokenizer
from core.base.errors import InvalidInput, NotFound, NotPermitted
from core.database import db
from core.models import Entry, Note, Organization
from core.staff import notes
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.depth import rounds


def write(cast: Cast, actor: Actor, text: str, *, is_shared: bool = False) -> Note:
    return db.run(notes.write, actor, cast.acme.id, text, is_shared=is_shared)


def about(cast: Cast, actor: Actor) -> list[str]:
    with db.read() as session:
        return [note.text for note in notes.list_about(session, actor, cast.acme.id)]


def find(actor: Actor, words: str = "", **options) -> list[str]:
    with db.read() as session:
        return [note.text for note in notes.list_all(session, actor, words, **options)]


class TestVisibility:
    def test_staff_see_all_notes_and_members_the_shared_ones(self, cast: Cast):
        write(cast, cast.sam, "They argue about the price.")
        write(cast, cast.sue, "Welcome. We call on Monday.", is_shared=True)
        both = ["Welcome. We call on Monday.", "They argue about the price."]
        for staff in (cast.sam, cast.sue, cast.oda, cast.ada):
            assert about(cast, staff) == find(staff) == both
        for member in (cast.olga, cast.adam, cast.mia):
            assert about(cast, member) == both[:1]
        with pytest.raises(NotFound):
            about(cast, cast.otto)

    def test_staff_notes_are_not_in_the_history_of_the_organization(self, cast: Cast):
        note = write(cast, cast.sam, "They argue.")
        db.run(notes.edit, cast.sam, note.id, "They argue about the price.")
        db.run(notes.delete, cast.sam, note.id)
        with db.read() as session:
            assert activity.table(session, cast.olga, org_id=cast.acme.id).empty
            assert activity.latest(session, cast.olga, cast.acme.id).empty
            assert session.scalar(select(func.count()).where(Entry.org_id == cast.acme.id)) == 0

    def test_shared_notes_are_in_the_history_of_the_organization(self, cast: Cast):
        note = write(cast, cast.sam, "We call on Monday.", is_shared=True)
        db.run(notes.edit, cast.sam, note.id, "We call on Tuesday.")
        with db.read() as session:
            entries = activity.table(session, cast.olga, org_id=cast.acme.id)
        assert entries["what"].tolist() == [
            "changed a note from We call on Monday. to We call on Tuesday.",
            "wrote a note: We call on Monday.",
        ]
        assert set(entries["who"]) == {"Sam"}


class TestChanges:
    def test_the_author_can_edit_and_history_keeps_the_text(self, cast: Cast, clock: Clock):
        note = write(cast, cast.sam, "They call back.")
        clock.turn(timedelta(hours=1))
        edited = db.run(notes.edit, cast.sam, note.id, "They called back.")
        assert edited.edited_at == clock.now()
        db.run(notes.delete, cast.sam, note.id)
        assert about(cast, cast.sam) == []
        with db.read() as session:
            entries = session.scalars(
                select(Entry).where(Entry.chain == f"person:{cast.sam.user_id}").order_by(Entry.id)
            ).all()
            texts = [
                (change["old"], change["new"])
                for entry in entries
                for change in entry.changes
                if change["field"] == "text"
            ]
            (verified,) = verification.verify(session)
        assert [entry.event for entry in entries] == ["note.written", "note.edited", "note.deleted"]
        assert texts == [
            (None, "They call back."),
            ("They call back.", "They called back."),
            ("They called back.", None),
        ]
        assert verified == verification.Verified(3, 1)

    def test_only_the_author_can_change_a_note(self, cast: Cast):
        note = write(cast, cast.sam, "They call back.")
        for other in (cast.sue, cast.ada, cast.olga):
            with pytest.raises(NotPermitted):
                db.run(notes.edit, other, note.id, "No.")
            with pytest.raises(NotPermitted):
                db.run(notes.delete, other, note.id)
        assert about(cast, cast.sue) == ["They call back."]

    def test_saving_the_same_text_is_no_change(self, cast: Cast):
        note = write(cast, cast.sam, "They call back.")
        assert db.run(notes.edit, cast.sam, note.id, " They call back. ").edited_at is None
        with db.read() as session:
            assert session.scalar(select(func.count()).select_from(Entry)) == 1

    def test_deleting_twice_raises_not_found(self, cast: Cast):
        note = write(cast, cast.sam, "They call back.")
        db.run(notes.delete, cast.sam, note.id)
        with pytest.raises(NotFound):
            db.run(notes.delete, cast.sam, note.id)

    @pytest.mark.parametrize("text", ["", "  \n ", "x" * 2001, "a\u202eb"])
    def test_unreadable_texts_are_refused(self, cast: Cast, text: str):
        with pytest.raises(InvalidInput) as refused:
            write(cast, cast.sam, text)
        assert list(refused.value.fields) == ["text"]


class TestSearch:
    def test_words_match_by_prefix_without_case_and_accents(self, cast: Cast):
        write(cast, cast.sam, "Grüße von der Hafenklinik.\nZweite Zeile.")
        write(cast, cast.sue, "Asked about alerts")
        for words in ("grusse hafen", "GRÜ zwei", "zeile grüße"):
            assert find(cast.oda, words) == ["Grüße von der Hafenklinik.\nZweite Zeile."]
        assert find(cast.oda, "klinik") == find(cast.oda, "!!") == []
        assert len(find(cast.oda, "  ")) == 2

    def test_it_follows_edits_and_deletions(self, cast: Cast):
        note = write(cast, cast.sam, "Monday")
        db.run(notes.edit, cast.sam, note.id, "Tuesday")
        assert (find(cast.sam, "monday"), find(cast.sam, "tue")) == ([], ["Tuesday"])
        db.run(notes.delete, cast.sam, note.id)
        assert find(cast.sam, "tue") == []

    def test_results_can_be_filtered_by_author_and_paged(self, cast: Cast):
        for number in range(5):
            write(cast, cast.sam if number % 2 else cast.sue, f"Note {number}")
        assert find(cast.oda, "note", author_id=cast.sam.user_id) == ["Note 3", "Note 1"]
        with db.read() as session:
            first = notes.list_all(session, cast.oda, "note", limit=2)
        assert find(cast.oda, "note", before_id=first[-1].id) == ["Note 2", "Note 1", "Note 0"]

    def test_notes_of_deleted_organizations_are_hidden_and_purged(self, cast: Cast):
        write(cast, cast.sam, "Monday")
        with db.Session(db.writing_engine()) as session, session.begin():
            org = session.get_one(Organization, cast.acme.id)
            org.deleted_at = org.created_at
        assert find(cast.sam, "monday") == []

        def purge(session: Session) -> None:
            org = session.get_one(Organization, cast.acme.id)
            session.delete(org)
            history.record(session, ORGDESK, org, "organization.purged", org)

        db.run(purge)
        with db.read() as session:
            assert session.scalar(select(func.count()).select_from(Note)) == 0

    @given(content=st.text(max_size=40), words=st.text(max_size=12))
    @hypothesis_settings(max_examples=rounds(5, 15))
    def test_both_engines_find_the_same(self, cast: Cast, content: str, words: str):
        with db.Session(db.writing_engine()) as session, session.begin():
            session.execute(text("DELETE FROM notes"))
            note = Note(
                org_id=cast.acme.id,
                author_id=cast.sam.user_id,
                text=content.replace("\0", ""),
                search_text=tokenizer.search_text(content),
                is_shared=False,
                created_at=cast.acme.created_at,
            )
            session.add(note)
        tokens, prefixes = tokenizer.tokens(content), tokenizer.tokens(words)[:12]
        is_found = all(any(token.startswith(prefix) for token in tokens) for prefix in prefixes)
        expected = is_found and bool(prefixes or not words.strip())
        assert bool(find(cast.sam, words)) == expected
