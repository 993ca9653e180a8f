"""What a browser sends late: what was typed on a page that has just been left.

A tap on a link leaves the field that was being typed into; the browser then asks for the next page
first, and a moment later reports the field as something that happened on the page before.
Streamlit would go back there, or draw nothing. Here such a report becomes one more run of the next
page, so that what was typed is known and the page that was asked for stays.
"""

import time
from typing import Final

from google.protobuf.message import DecodeError
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

_LATE_AT_MOST: Final = 1.0
"""Seconds after a change of pages in which a report from the page before counts as late."""

_BEFORE_IT: Final = b"\x0a\x12"
_NAVIGATION: Final = b"\xba\x01"
"""How protobuf begins these fields: numbers 1 and 2, each with its length, and number 23."""


class Pages:
    """Which page one browser is on, as both sides tell it; pages are named by Streamlit's hash."""

    def __init__(self) -> None:
        self.here = self.before = ""
        self._asked = ClientState()
        self._at = 0.0
        self._is_awaited = False

    def hear(self, message: bytes) -> bytes:
        """Take what the browser sends, and return it as the server shall get it."""
        try:
            sent = BackMsg.FromString(message)
        except DecodeError:
            return message  # Streamlit has its own answer to nonsense
        run = sent.rerun_script
        if run.page_script_hash in {"", self.here}:
            return message
        if not self._is_late(run):
            self.before, self.here = self.here, run.page_script_hash
            self._asked, self._at, self._is_awaited = run, time.monotonic(), True
            return message
        run.page_script_hash, run.fragment_id = self.here, ""
        run.query_string = self._asked.query_string
        in_order: bytes = sent.SerializeToString()
        return in_order

    def tell(self, message: bytes) -> None:
        """Take note of the page that the server draws; a run of the page before may still begin."""
        if not _is_navigation(message):
            return
        page = ForwardMsg.FromString(message).navigation.page_script_hash
        if not (self._is_awaited and page == self.before):
            self.here, self._is_awaited = page, False

    def _is_late(self, run: ClientState) -> bool:
        """Return whether this is about the page before; a change of pages brings no fields."""
        if not self.here:  # the connection is a new one, the page is not
            return False
        if run.fragment_id:
            return True
        is_soon = time.monotonic() - self._at < _LATE_AT_MOST
        brings_more = len(run.widget_states.widgets) > len(self._asked.widget_states.widgets)
        return is_soon and brings_more and run.page_script_hash == self.before


def _is_navigation(message: bytes) -> bool:
    """Return whether a message names the page, by its first bytes: one of a hundred does."""
    start = 0
    while start < len(message) and message[start] in _BEFORE_IT:
        start += 2 + message[start + 1]
    return message.startswith(_NAVIGATION, start)
