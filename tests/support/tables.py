"""Tables and lists of events in AppTest: what they show, and what a click in them asks for."""

import json
from dataclasses import dataclass
from typing import Any

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.testing.v1 import AppTest


@dataclass(frozen=True)
class Table:
    """A table of `ui.table` as Python has sent it to the browser."""

    screen: AppTest
    widget_id: str
    sent: dict[str, Any]

    @property
    def ids(self) -> list[Any]:
        """The ids of its rows."""
        return [row[0] for row in self.sent["rows"]]

    @property
    def columns(self) -> list[str]:
        """The frame's columns that it shows."""
        return [column["key"] for column in self.sent["columns"]]

    def column(self, key: str) -> list[Any]:
        """Return the values of a column: of cells with several parts the first one, the text."""
        at = self.columns.index(key) + 1
        return [cell[0] if isinstance(cell := row[at], list) else cell for row in self.sent["rows"]]

    def actions(self, row: Any) -> list[str]:
        """Return the labels of the actions that a row offers."""
        labels = [action["label"] for action in self.sent["actions"]]
        cells = self.sent["rows"][self.ids.index(row)]
        if len(cells) == len(self.columns) + 1:
            return labels
        return [labels[number] for number in cells[-1]]

    def ask(self, action: str, *rows: Any, **more: Any) -> AppTest:
        """Ask for an action as the browser does, and run the page."""
        asked = {"action": action, "ids": list(rows), **more}
        return _ask(self.screen, self.widget_id, "ask", asked)


def code_blocks(screen: AppTest) -> list[str]:
    """Return the links and lines of code on the screen that can be copied."""
    protos = [element.proto for element in screen.get("bidi_component")]
    copied = [json.loads(each.json) for each in protos if each.component_name == "orgdesk_copy"]
    return [each["text"] for each in copied if each["isBlock"]]


def tables(screen: AppTest) -> list[Table]:
    """Return the tables on the screen, from top to bottom."""
    protos = [element.proto for element in screen.get("bidi_component")]
    return [
        Table(screen, proto.id, json.loads(proto.json))
        for proto in protos
        if proto.component_name == "orgdesk_table"
    ]


def find_table(screen: AppTest, label: str) -> Table:
    """Return the table with this name on the screen."""
    (found,) = [table for table in tables(screen) if table.sent["label"] == label]
    return found


@dataclass(frozen=True)
class Timeline:
    """A list of `ui.timeline` as Python has sent it to the browser."""

    screen: AppTest
    widget_id: str
    sent: dict[str, Any]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events as they are drawn."""
        events: list[dict[str, Any]] = self.sent["events"]
        return events

    @property
    def sentences(self) -> list[str]:
        """What is read, each sentence with the reason in quotation marks."""
        return [
            " ".join([each["who"], "".join(text for text, _ in each["parts"])])
            + (f" “{each['reason']}”" if each["reason"] else "")
            for each in self.events
        ]

    def ask(self, action: Any, event: Any) -> AppTest:
        """Press a button of an event as the browser does, and run the page."""
        return _ask(self.screen, self.widget_id, "ask", {"action": action, "id": event})


def _ask(screen: AppTest, widget_id: str, name: str, value: Any) -> AppTest:
    states = screen._tree.get_widget_states()
    state = states.widgets.add()
    state.id = _make_trigger_id(widget_id, "events")
    state.json_trigger_value = json.dumps([{"event": name, "value": value}])
    return screen._run(states)


def timelines(screen: AppTest) -> list[Timeline]:
    """Return the lists of events on the screen."""
    protos = [element.proto for element in screen.get("bidi_component")]
    return [
        Timeline(screen, proto.id, json.loads(proto.json))
        for proto in protos
        if proto.component_name == "orgdesk_timeline"
    ]


def find_timeline(screen: AppTest, label: str) -> Timeline:
    """Return the list of events with this name on the screen."""
    (found,) = [each for each in timelines(screen) if each.sent["label"] == label]
    return found


def rows_of_links(screen: AppTest) -> dict[str, dict[str, Any]]:
    """Return the rows of links as Python has sent them, by name."""
    protos = [element.proto for element in screen.get("bidi_component")]
    sent = [json.loads(each.json) for each in protos if each.component_name == "orgdesk_links"]
    return {row["label"]: row for row in sent}


def links_of(screen: AppTest, row: str) -> dict[str, dict[str, Any]]:
    """Return the links of the row with this name, by their own."""
    return {link["name"]: link for link in rows_of_links(screen).get(row, {}).get("links", [])}
