"""Notes on an organization's pages and on a page of their own: who sees, writes, changes them."""

import pytest
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor
from core.database import db
from core.staff import notes
from tests.pages.conftest import Show
from tests.support.cast import Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

HOSTILE = "# Big\n[click](http://evil.example) <b>x</b> :red[y]"


def write(cast: Cast, actor: Actor, said: str, *, is_shared: bool = False) -> int:
    return db.run(notes.write, actor, cast.acme.id, said, is_shared=is_shared).id


def seen(screen: AppTest) -> str:
    assert not screen.exception
    kinds = (screen.text, screen.markdown, screen.subheader, screen.title)
    return "\n".join(element.value for kind in kinds for element in kind)


def about(cast: Cast) -> list[tuple[str, bool]]:
    with db.read() as session:
        found = notes.list_about(session, cast.ada, cast.acme.id)
        return [(note.text, note.is_shared) for note in found]


def test_staff_writes_for_staff_unless_it_says_otherwise(show: Show, cast: Cast):
    screen = show("onboarding", cast.sam, org=cast.acme.public_id)
    screen.text_area(key="note.text").set_value("They argue.")
    screen.button(key="note-submit").click().run()
    screen.text_area(key="note.text.1").set_value("We call on Monday.")
    screen.segmented_control(key="note.reach.1").set_value("Shared with the organization")
    screen.button(key="note-submit").click().run()
    assert about(cast) == [("We call on Monday.", True), ("They argue.", False)]


@pytest.mark.parametrize("page", ["onboarding", "overview"])
def test_members_see_what_is_shared_and_nothing_else(show: Show, cast: Cast, page: str):
    write(cast, cast.sam, "They argue.")
    write(cast, cast.sam, "We call on Monday.", is_shared=True)
    for member in (cast.olga, cast.mia):
        words = seen(show(page, member, org=cast.acme.public_id))
        assert "We call on Monday." in words
        assert "They argue." not in words
        assert "Staff only" not in words
    words = seen(show(page, cast.oda, org=cast.acme.public_id))
    assert "They argue." in words
    assert words.index("Shared with the organization") < words.index("Staff only")


def test_a_text_is_shown_letter_by_letter(show: Show, cast: Cast):
    write(cast, cast.sam, HOSTILE, is_shared=True)
    screen = show("onboarding", cast.olga, org=cast.acme.public_id)
    assert HOSTILE in [element.value for element in screen.text]


def test_an_author_changes_and_deletes_and_others_cannot(show: Show, cast: Cast):
    note_id = write(cast, cast.sam, "They call back.")
    others = show("onboarding", cast.sue, org=cast.acme.public_id)
    assert not [b for b in others.button if (b.key or "").startswith("note-edit")]

    screen = show("onboarding", cast.sam, org=cast.acme.public_id)
    screen.button(key=f"note-edit-{note_id}").click().run()
    screen.text_area(key=f"note-{note_id}.text").set_value("They called back.")
    screen.button(key=f"note-{note_id}-submit").click().run()
    assert about(cast) == [("They called back.", False)]
    assert "edited just now" in seen(screen)

    screen.button(key=f"note-delete-{note_id}").click().run()
    screen.button(key="note-deleted").click().run()
    assert about(cast) == []


def test_an_empty_note_is_refused_beside_its_field(show: Show, cast: Cast):
    screen = show("onboarding", cast.sam, org=cast.acme.public_id)
    screen.button(key="note-submit").click().run()
    assert "Write a few words" in seen(screen)


class TestThePage:
    def test_it_is_for_staff(self, show: Show, cast: Cast):
        assert "This page is for staff" in seen(show("notes", cast.olga))

    def test_it_finds_words_and_says_when_there_are_none(self, show: Show, cast: Cast):
        assert "No notes yet" in seen(show("notes", cast.oda))
        write(cast, cast.sam, "Grüße von der Klinik")
        write(cast, cast.sue, "Asked about alerts")
        screen = show("notes", cast.oda)
        screen.text_input(key="q").set_value("grus").run()
        words = seen(screen)
        assert "Grüße von der Klinik" in words
        assert "Asked about alerts" not in words
        screen.text_input(key="q").set_value("nothing").run()
        assert "No matching notes" in seen(screen)

    def test_it_shows_what_is_mine(self, show: Show, cast: Cast):
        write(cast, cast.sam, "Mine it is")
        write(cast, cast.sue, "By Sue")
        words = seen(show("notes", cast.sam, whose="Mine"))
        assert ("Mine it is" in words, "By Sue" in words) == (True, False)

    def test_older_ones_are_a_click_away(
        self, show: Show, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("pages.parts.staff.notes.PAGE_SIZE", 2)
        for number in range(5):
            write(cast, cast.sam, f"Number {number}")
        screen = show("notes", cast.oda)
        assert "Number 2" not in seen(screen)
        screen.button(key="notes-older").click().run()
        assert "Number 2" in seen(screen)
        assert "Number 0" not in seen(screen)
