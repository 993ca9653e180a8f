"""The board in AppTest: what it shows, and what is asked for on it."""

import json
from dataclasses import dataclass
from typing import Any

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.testing.v1 import AppTest


@dataclass(frozen=True)
class ShownBoard:
    """The board as Python has sent it to the browser."""

    screen: AppTest
    widget_id: str
    sent: dict[str, Any]

    def column(self, key: str) -> dict[str, Any]:
        """Return a column by its key, such as `requested`."""
        return next(each for each in self.sent["columns"] if each["key"] == key)

    @property
    def cards(self) -> dict[int, dict[str, Any]]:
        """The cards of all columns by the id of their organization."""
        return {card["id"]: card for each in self.sent["columns"] for card in each["cards"]}

    def actions(self, org_id: int) -> list[str]:
        """Return what the menu of a card offers."""
        column = next(
            each
            for each in self.sent["columns"]
            if org_id in {card["id"] for card in each["cards"]}
        )
        return [column["actions"][at]["name"] for at in self.cards[org_id]["acts"]]

    def ask(self, action: str, org_id: int, **more: Any) -> AppTest:
        """Ask for something about a card as the browser does, and run the page."""
        sent = {"event": "ask", "value": {"action": action, "id": org_id, **more}}
        states = self.screen._tree.get_widget_states()
        state = states.widgets.add()
        state.id = _make_trigger_id(self.widget_id, "events")
        state.json_trigger_value = json.dumps([sent])
        return self.screen._run(states)


def find_board(screen: AppTest) -> ShownBoard:
    """Return the board on the screen."""
    (proto,) = (
        element.proto
        for element in screen.get("bidi_component")
        if element.proto.component_name == "orgdesk_board"
    )
    return ShownBoard(screen, proto.id, json.loads(proto.json))
