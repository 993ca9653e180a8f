"""Notes on the pages of an organization and on the Notes page."""

import pytest

from core.access.permissions import Actor
from core.database import db
from core.staff import notes
from tests.pages.conftest import Show, words
from tests.support.cast import Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

HOSTILE = "# Big\n[click](http://evil.example) <b>x</b> :red[y]"


def write(cast: Cast, actor: Actor, text: str, *, is_shared: bool = False) -> int:
    return db.run(notes.write, actor, cast.acme.id, text, is_shared=is_shared).id


def about(cast: Cast) -> list[tuple[str, bool]]:
    with db.read() as session:
        found = notes.list_about(session, cast.ada, cast.acme.id)
        return [(note.text, note.is_shared) for note in found]


def test_notes_are_for_staff_unless_shared(show: Show, cast: Cast):
    screen = show("onboarding", cast.sam, org=cast.acme.public_id)
    screen.text_area(key="note.text").set_value("They argue.")
    screen.button(key="note-submit").click().run()
    screen.text_area(key="note.text.1").set_value("We call on Monday.")
    screen.segmented_control(key="note.reach.1").set_value("Shared with the organization")
    screen.button(key="note-submit").click().run()
    assert about(cast) == [("We call on Monday.", True), ("They argue.", False)]


@pytest.mark.parametrize("page", ["onboarding", "overview"])
def test_members_see_shared_notes_only(show: Show, cast: Cast, page: str):
    write(cast, cast.sam, "We call on Monday.", is_shared=True)
    write(cast, cast.sam, "They argue.")
    for member in (cast.olga, cast.mia):
        seen = words(show(page, member, org=cast.acme.public_id))
        assert "We call on Monday." in seen
        assert "They argue." not in seen
        assert "Staff only" not in seen
    seen = words(show(page, cast.oda, org=cast.acme.public_id))
    assert seen.index("Staff only") < seen.index("They argue.")
    if page == "onboarding":  # Overview has the newest note alone
        assert seen.index("They argue.") < seen.index("We call on Monday.")


def test_texts_are_not_rendered_as_markdown(show: Show, cast: Cast):
    write(cast, cast.sam, HOSTILE, is_shared=True)
    screen = show("onboarding", cast.olga, org=cast.acme.public_id)
    assert HOSTILE in [element.value for element in screen.text]


def test_only_the_author_can_edit_and_delete(show: Show, cast: Cast):
    note_id = write(cast, cast.sam, "They call back.")
    others = show("onboarding", cast.sue, org=cast.acme.public_id)
    assert not [b for b in others.button if (b.key or "").startswith("note-edit")]

    screen = show("onboarding", cast.sam, org=cast.acme.public_id)
    screen.button(key=f"note-edit-{note_id}").click().run()
    screen.text_area(key=f"note-{note_id}.text").set_value("They called back.")
    screen.button(key=f"note-{note_id}-submit").click().run()
    assert about(cast) == [("They called back.", False)]
    assert "edited just now" in words(screen)

    screen.button(key=f"note-delete-{note_id}").click().run()
    screen.button(key="note-delete-cancel").click().run()
    assert about(cast) == [("They called back.", False)]
    screen.button(key=f"note-delete-{note_id}").click().run()
    screen.button(key="note-deleted").click().run()
    assert about(cast) == []


def test_an_empty_note_is_refused(show: Show, cast: Cast):
    screen = show("onboarding", cast.sam, org=cast.acme.public_id)
    screen.button(key="note-submit").click().run()
    assert "Write a few words" in words(screen)


class TestPage:
    def test_the_page_is_for_staff(self, show: Show, cast: Cast):
        assert "This page is for staff" in words(show("notes", cast.olga))

    def test_notes_can_be_searched(self, show: Show, cast: Cast):
        assert "No notes yet" in words(show("notes", cast.oda))
        write(cast, cast.sam, "Grüße von der Klinik")
        write(cast, cast.sue, "Asked about alerts")
        screen = show("notes", cast.oda)
        screen.text_input(key="q").set_value("grus").run()
        seen = words(screen)
        assert "Grüße von der Klinik" in seen
        assert "Asked about alerts" not in seen
        screen.text_input(key="q").set_value("nothing").run()
        assert "No matching notes" in words(screen)

    def test_notes_can_be_limited_to_mine(self, show: Show, cast: Cast):
        write(cast, cast.sam, "Mine it is")
        write(cast, cast.sue, "By Sue")
        seen = words(show("notes", cast.sam, whose="Mine"))
        assert ("Mine it is" in seen, "By Sue" in seen) == (True, False)

    def test_older_notes_are_loaded_by_a_button(
        self, show: Show, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("pages.parts.staff.notes.PAGE_SIZE", 2)
        for number in range(5):
            write(cast, cast.sam, f"Number {number}")
        screen = show("notes", cast.oda)
        assert "Number 2" not in words(screen)
        screen.button(key="notes-older").click().run()
        assert "Number 2" in words(screen)
        assert "Number 0" not in words(screen)
