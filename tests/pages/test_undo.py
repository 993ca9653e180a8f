"""The line after an act, and the dialog that asks before something is undone."""

import pytest
from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

from core.database import db
from core.members import members
from core.models import Membership, Organization, Role
from core.organizations import organizations
from core.profile import profile
from tests.pages.conftest import Show, unescaped, words
from tests.support.cast import PASSWORD, Cast
from tests.support.history import last_entry

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

PHONE = "+1 212 555 0100"


def clear_phone_and_handle(show: Show, cast: Cast) -> AppTest:
    """Clear both on the profile page, as Olga."""
    before = {"phone": PHONE, "twitter": "acme"}
    db.run(profile.save, cast.olga, cast.acme.id, dict.fromkeys(before, ""), before)
    screen = show("profile", cast.olga, org=cast.acme.public_id)
    for field in before:
        screen.text_input(key=f"profile.{field}").set_value("")
    return screen.button(key="profile-submit").click().run()


def stored(cast: Cast) -> Organization:
    with db.read() as session:
        return session.get_one(Organization, cast.acme.id)


def test_a_field_is_put_back_from_the_line_after_saving(show: Show, cast: Cast) -> None:
    screen = clear_phone_and_handle(show, cast)
    assert ":small[:material/check: Saved.]" in words(screen)
    screen.button(key="last-act-undo").click().run()
    assert "**Will be put back (2)**" in words(screen)
    assert "(empty) → +1 212-555-0100" in words(screen)
    (_, twitter) = screen.checkbox
    twitter.uncheck().run()
    save = screen.button(key="undo-save")
    assert save.label == "Undo 1 change"
    save.click().run()
    assert (stored(cast).phone, stored(cast).twitter) == ("+12125550100", None)
    assert [toast.value for toast in screen.toast] == ["Change undone"]

    screen.button(key="last-act-undo").click().run()  # it offers to redo now
    screen.button(key="redo-save").click().run()
    assert stored(cast).phone is None


def test_the_line_is_there_until_it_is_dismissed(show: Show, cast: Cast) -> None:
    screen = clear_phone_and_handle(show, cast)
    screen.run()
    assert "last-act-undo" in [button.key for button in screen.button]
    screen.button(key="last-act-dismiss").click().run()
    assert "last-act-undo" not in [button.key for button in screen.button]


def test_an_act_without_a_way_back_offers_nothing(show: Show, cast: Cast) -> None:
    screen = show("profile", cast.olga, org=cast.acme.public_id, tab="settings")
    screen.button(key="settings-confirm").click().run()
    assert "last-act-undo" not in [button.key for button in screen.button]


def test_what_someone_else_changed_since_is_named(show: Show, cast: Cast) -> None:
    screen = clear_phone_and_handle(show, cast)
    theirs = ({"phone": ""}, {"phone": "+1 212 555 0199"})
    db.run(profile.save, cast.olga, cast.acme.id, *theirs)
    screen.button(key="last-act-undo").click().run()
    assert "**Changed since (1)**" in words(screen)
    assert "Changed by Olga, just now. It stays as it is." in unescaped(screen)


def test_an_administrator_of_orgdesk_gives_a_reason(show: Show, cast: Cast) -> None:
    db.run(organizations.limit_members, cast.ada, cast.acme.id, 50)
    screen = show("members", cast.ada, org=cast.acme.public_id)
    screen.session_state["entries of the last act"] = (entry_id(),)
    screen.run()
    screen.button(key="last-act-undo").click().run()
    screen.button(key="undo-save").click().run()
    assert "Write a few words." in unescaped(screen)
    assert stored(cast).member_limit == 50
    screen.text_input(key="undo.reason").set_value("A slip of the hand.")
    screen.button(key="undo-save").click().run()
    assert stored(cast).member_limit is None


def entry_id() -> int:
    with db.read() as session:
        return last_entry(session).id


def test_an_owner_comes_back_with_the_password_only(show: Show, cast: Cast) -> None:
    db.run(members.change_role, cast.olga, cast.acme.id, cast.mia.user_id, Role.OWNER)
    db.run(members.remove, cast.olga, cast.acme.id, cast.mia.user_id)
    screen = show("history", cast.olga, org=cast.acme.public_id)
    screen.session_state["dialog"] = ("undo", (entry_id(),))
    screen.run()
    screen.text_input(key="undo.password").set_value("not the password")
    screen.button(key="undo-save").click().run()
    assert role_of_mia(cast) is None
    screen.text_input(key="undo.password").set_value(PASSWORD)
    screen.button(key="undo-save").click().run()
    assert role_of_mia(cast) is Role.OWNER


def role_of_mia(cast: Cast) -> Role | None:
    def find(session: Session) -> Role | None:
        found = session.query(Membership).filter_by(user_id=cast.mia.user_id).one_or_none()
        return found and found.role

    return db.run(find)


def test_several_removals_are_undone_together(show: Show, cast: Cast) -> None:
    ids = []
    for person in (cast.adam, cast.mia):
        db.run(members.remove, cast.olga, cast.acme.id, person.user_id)
        ids.append(entry_id())
    screen = show("members", cast.olga, org=cast.acme.public_id)
    screen.session_state["entries of the last act"] = tuple(ids)
    screen.run()
    screen.button(key="last-act-undo").click().run()
    save = screen.button(key="undo-save")
    assert save.label == "Undo 2 changes"
    save.click().run()
    assert [toast.value for toast in screen.toast] == ["2 changes undone"]
    assert role_of_mia(cast) is Role.MEMBER


def test_a_creation_is_undone_with_name_and_password(show: Show, cast: Cast) -> None:
    made = db.run(organizations.create, cast.olga, "New Clinic")
    screen = show("overview", cast.olga, org=made.public_id)
    screen.session_state["entries of the last act"] = (entry_id(),)
    screen.run()
    screen.button(key="last-act-undo").click().run()
    screen.text_input(key="undo.name").set_value("New Clinic")
    screen.text_input(key="undo.password").set_value(PASSWORD)
    screen.button(key="undo-save").click().run()
    with db.read() as session:
        assert session.get_one(Organization, made.id).deleted_at is not None


def test_who_may_not_undo_reads_whom_to_ask(show: Show, cast: Cast) -> None:
    texts = ({"overview": ""}, {"overview": "Care"})
    db.run(profile.save, cast.olga, cast.acme.id, *texts)
    screen = show("history", cast.oda, org=cast.acme.public_id)
    screen.session_state["dialog"] = ("undo", (entry_id(),))
    screen.run()
    assert "**Cannot be undone (1)**" in words(screen)
    assert "Only owners can change this. Ask one of them." in unescaped(screen)
    assert "undo-save" not in [button.key for button in screen.button]
