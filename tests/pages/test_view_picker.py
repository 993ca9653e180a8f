"""The picker of saved views on the Organizations page."""

import pytest
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor
from core.database import db
from core.models import SavedView
from core.staff import saved_view_lists, saved_views
from tests.pages.conftest import Show, words
from tests.support.cast import Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

QUERY = "stage=free&sort=name"


def open_picker(screen: AppTest) -> AppTest:
    screen.session_state["views"] = True
    return screen.run()


def views(actor: Actor) -> dict[str, SavedView]:
    with db.read() as session:
        rows = session.query(SavedView).filter_by(owner_id=actor.user_id).all()
        return {row.name: row for row in rows}


@pytest.fixture
def shared_view(cast: Cast) -> SavedView:
    return db.run(saved_views.save, cast.sue, "organizations", "Free", QUERY, is_shared=True)


def test_the_current_list_can_be_saved(show: Show, cast: Cast) -> None:
    screen = open_picker(show("organizations", cast.sam, stage="free"))
    assert "No saved views yet" in words(screen)
    screen.button(key="save-view").click().run()
    screen.text_input(key="save-view.name").set_value("a\u202eb")
    screen.button(key="save-view-submit").click().run()
    assert "is invisible" in words(screen)
    screen.text_input(key="save-view.name").set_value("My *free* ones")
    screen.toggle(key="save-view.is_shared").set_value(True)
    screen.button(key="save-view-submit").click().run()
    kept = views(cast.sam)["My *free* ones"]
    assert (kept.query, kept.is_shared) == ("stage=free", True)
    assert [toast.value for toast in screen.toast] == ["View My \\*free\\* ones saved"]


def test_a_link_to_a_view_opens_it(show: Show, cast: Cast, shared_view: SavedView) -> None:
    screen = show("view", cast.sam, id=str(shared_view.id))
    assert screen.title[0].value == "Organizations"
    assert screen.query_params == {"stage": "free", "sort": "name"}
    with db.read() as session:
        seen = saved_view_lists.table(session, cast.sam, "organizations")["seen_at"]
    assert seen.notna().all()


def test_a_page_opens_with_the_default_view(show: Show, cast: Cast, shared_view: SavedView) -> None:
    db.run(saved_views.set_default, cast.oda, "organizations", shared_view.id)
    assert show("organizations", cast.oda).query_params == {"stage": "free", "sort": "name"}
    assert "sort" not in show("organizations", cast.oda, stage="production").query_params
    assert show("view", cast.oda, all="organizations").query_params == {}


def test_the_owner_can_change_a_view(show: Show, cast: Cast, shared_view: SavedView) -> None:
    screen = open_picker(show("organizations", cast.sue))
    screen.button(key=f"view-more-{shared_view.id}").click().run()
    screen.text_input(key=f"view-{shared_view.id}.name").set_value("Still free")
    screen.button(key=f"view-{shared_view.id}-submit").click().run()
    assert set(views(cast.sue)) == {"Still free"}
    open_picker(screen).button(key=f"view-more-{shared_view.id}").click().run()
    screen.button(key="view-default").click().run()
    open_picker(screen).button(key=f"view-more-{shared_view.id}").click().run()
    screen.button(key="view-share").click().run()
    assert not views(cast.sue)["Still free"].is_shared
    open_picker(screen).button(key=f"view-more-{shared_view.id}").click().run()
    screen.button(key="view-delete").click().run()
    assert views(cast.sue) == {}


def test_others_can_use_shared_views(show: Show, cast: Cast, shared_view: SavedView) -> None:
    screen = open_picker(show("organizations", cast.oda))
    screen.button(key=f"view-more-{shared_view.id}").click().run()
    assert "Shared by Sue" in words(screen)
    keys = {str(button.key) for button in screen.button}
    assert "view-default" in keys
    assert not keys & {"view-share", "view-delete"}


def test_a_deleted_view_is_not_found(show: Show, cast: Cast) -> None:
    assert "This view doesn\\'t exist" in words(show("view", cast.sam, id="404"))
