"""What a browser reports of a page that was just left reaches the page that was asked for."""

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.web.late_messages import PageTracker

PROFILE, MEMBERS, HISTORY = "profile's hash", "members' hash", "history's hash"


def click(page: str, *fields: str, fragment: str = "", query: str = "") -> bytes:
    """Return what a browser sends that reruns a page, or a part of it, with these fields."""
    message = BackMsg()
    run = message.rerun_script
    run.page_script_hash, run.fragment_id, run.query_string = page, fragment, query
    for field in fields:
        run.widget_states.widgets.add(id=field, string_value="typed")
    return message.SerializeToString()


def drawn(page: str, *, kept_by_browser: str = "") -> bytes:
    """Return what a server sends when it begins to draw a page."""
    message = ForwardMsg(hash=kept_by_browser)
    message.metadata.cacheable = bool(kept_by_browser)
    message.navigation.page_script_hash = page
    return message.SerializeToString()


def on_the_profile() -> PageTracker:
    """Return what is known of a browser that looks at a profile."""
    pages = PageTracker()
    assert pages.correct(click("")) == click("")
    pages.observe(drawn(PROFILE, kept_by_browser="9f"))
    return pages


class TestLate:
    def test_a_field_in_a_part_of_the_page_before_reruns_the_page_that_was_asked_for(self) -> None:
        pages = on_the_profile()
        pages.correct(click(MEMBERS, query="org=ORG-1"))
        late = click(PROFILE, "phone", fragment="form", query="org=ORG-1&tab=2")
        assert pages.correct(late) == click(MEMBERS, "phone", query="org=ORG-1")

    def test_so_does_a_field_of_the_page_itself(self) -> None:
        pages = on_the_profile()
        pages.correct(click(MEMBERS, "menu"))
        assert pages.correct(click(PROFILE, "menu", "q")) == click(MEMBERS, "menu", "q")

    def test_a_run_of_the_page_before_that_still_begins_changes_nothing(self) -> None:
        pages = on_the_profile()
        pages.correct(click(MEMBERS))
        pages.observe(drawn(PROFILE))
        late = click(PROFILE, "phone", fragment="form")
        assert pages.correct(late) == click(MEMBERS, "phone")


class TestAtItsTime:
    def test_a_field_reruns_its_own_page(self) -> None:
        pages = on_the_profile()
        in_time = click(PROFILE, "phone", fragment="form")
        assert pages.correct(in_time) == in_time

    def test_one_may_turn_back_at_once(self) -> None:
        pages = on_the_profile()
        pages.correct(click(MEMBERS, "menu"))
        assert pages.correct(click(PROFILE, "menu")) == click(PROFILE, "menu")
        in_time = click(PROFILE, "menu", "phone", fragment="form")
        assert pages.correct(in_time) == in_time

    def test_a_page_that_leads_on_is_followed(self) -> None:
        pages = on_the_profile()
        pages.observe(drawn(MEMBERS))
        in_time = click(MEMBERS, "role", fragment="table")
        assert pages.correct(in_time) == in_time

    def test_a_part_of_a_page_goes_on_after_a_connection_broke(self) -> None:
        in_time = click(PROFILE, "phone", fragment="form")
        assert PageTracker().correct(in_time) == in_time

    def test_nonsense_passes(self) -> None:
        assert PageTracker().correct(b"\xff\xff\xff") == b"\xff\xff\xff"
