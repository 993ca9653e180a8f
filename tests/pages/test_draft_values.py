"""What drafts fill into fields: only what a field can have."""

from collections.abc import Callable
from datetime import date
from typing import Any, ClassVar, Final

import pytest
import streamlit as st

from pages.ui import draft_values

IGNORED: Final = object()


class TestValues:
    """The value of a draft's text, for each kind of field; None if the field cannot have it."""

    NAMES: ClassVar = {1: ":material/key: Owner", 2: "Zoë  *x*", 3: "Twin", 4: "Twin"}
    LIST: ClassVar = {"options": [1, 2, 3, 4], "format_func": NAMES.__getitem__}
    DAY = date(2026, 12, 24)

    @pytest.mark.parametrize(
        ("widget", "text", "options", "value"),
        [
            (st.selectbox, "Owner", LIST, 1),
            (st.selectbox, " Zoë *x* ", LIST, 2),
            (st.selectbox, "Twin", LIST, IGNORED),
            (st.selectbox, "3", LIST, IGNORED),
            (st.selectbox, "", LIST, IGNORED),
            (st.selectbox, "", LIST | {"index": None}, None),
            (st.selectbox, "Owner", LIST | {"disabled": True}, IGNORED),
            (st.radio, "Owner", LIST, 1),
            (st.multiselect, "Owner\nZoë *x*\nOwner", LIST, [1, 2]),
            (st.multiselect, "Owner\nNobody", LIST, IGNORED),
            (st.multiselect, "Owner\nZoë *x*", LIST | {"max_selections": 1}, IGNORED),
            (st.segmented_control, "Owner", LIST, 1),
            (st.segmented_control, "", LIST, None),
            (st.segmented_control, "", LIST | {"required": True}, IGNORED),
            (st.pills, "Owner\nZoë *x*", LIST | {"selection_mode": "multi"}, [1, 2]),
            (st.toggle, "true", {}, True),
            (st.checkbox, "false", {}, False),
            (st.toggle, "yes", {}, IGNORED),
            (st.date_input, "2026-12-24", {}, DAY),
            (st.date_input, "", {"value": None}, None),
            (st.date_input, "", {"value": DAY}, IGNORED),
            (st.date_input, "24.12.2026", {}, IGNORED),
            (st.date_input, "1800-01-01", {}, IGNORED),
            (st.date_input, "2026-12-24", {"max_value": date(2026, 12, 1)}, IGNORED),
            (st.number_input, "12", {"value": None, "step": 1}, 12),
            (st.number_input, "1.5", {"value": 1.0}, 1.5),
            (st.number_input, "1.5", {"step": 1}, IGNORED),
            (st.number_input, "", {"value": None, "step": 1}, None),
            (st.number_input, "nan", {"value": 1.0}, IGNORED),
            (st.number_input, "9" * 5000, {"value": None, "step": 1}, IGNORED),
            (st.number_input, "-1", {"min_value": 0, "step": 1}, IGNORED),
            (st.text_input, "long", {"max_chars": 3}, IGNORED),
            (st.text_area, "text", {}, "text"),
        ],
    )
    def test_only_what_the_field_can_have_is_filled_in(
        self,
        monkeypatch: pytest.MonkeyPatch,
        widget: Callable[..., object],
        text: str,
        options: dict[str, Any],
        value: object,
    ) -> None:
        state: dict[str, object] = {}
        monkeypatch.setattr(st, "session_state", state)
        draft_values.fill(widget, "key", text, dict(options))
        assert state.get("key", IGNORED) == value

    def test_the_default_gives_way_unless_it_says_that_the_field_can_be_empty(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(st, "session_state", {})
        options: dict[str, Any] = {"value": self.DAY}
        draft_values.fill(st.date_input, "key", "2026-12-25", options)
        assert options == {}
        options = {"value": None}
        draft_values.fill(st.date_input, "key", "2026-12-25", options)
        assert options == {"value": None}
