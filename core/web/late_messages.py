"""Late messages of a browser, about a page that a person has just left.

A click on a link takes the focus from the field that is being typed into. The browser then requests
the next page first, and a moment later reports the field as an event of the previous page.
Streamlit would go back there, or draw nothing. Here such a message becomes one more rerun of the
next page, so that the requested page stays. What was typed is in the drafts of its person.
"""

import time
from typing import Final

from google.protobuf.message import DecodeError
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

_LATE_SECONDS: Final = 1.0
"""How long after a change of pages a message about the previous page counts as late."""

_EARLIER_FIELDS: Final = b"\x0a\x12"
_NAVIGATION: Final = b"\xba\x01"
"""The first bytes of these protobuf fields: numbers 1 and 2, followed by a length, and 23."""


class PageTracker:
    """Tracks the page of one browser by its messages; pages are named by Streamlit's hashes."""

    def __init__(self) -> None:
        self.current = self.previous = ""
        self._requested = ClientState()
        self._requested_at = 0.0
        self._is_awaited = False

    def correct(self, message: bytes) -> bytes:
        """Return a message of the browser, addressed to the next page if it is late."""
        try:
            sent = BackMsg.FromString(message)
        except DecodeError:
            return message  # Streamlit handles malformed messages itself
        if not sent.HasField("rerun_script"):
            return message
        rerun = sent.rerun_script
        if rerun.page_script_hash in {"", self.current}:
            return message
        if not self._is_late(rerun):
            self.previous, self.current = self.current, rerun.page_script_hash
            self._requested_at, self._is_awaited = time.monotonic(), True
            self._requested.CopyFrom(rerun)
            return message
        rerun.page_script_hash, rerun.fragment_id = self.current, ""
        rerun.query_string = self._requested.query_string
        corrected: bytes = sent.SerializeToString()
        return corrected

    def observe(self, message: bytes) -> None:
        """Note the page that the server draws; a rerun of the previous page may still begin."""
        if not _has_field(message, _NAVIGATION):
            return
        page = ForwardMsg.FromString(message).navigation.page_script_hash
        if not (self._is_awaited and page == self.previous):
            self.current, self._is_awaited = page, False

    def _is_late(self, rerun: ClientState) -> bool:
        """Return whether a message is about the previous page; a change of pages has no fields."""
        if not self.current:  # a new connection from a page that is already open
            return False
        if rerun.fragment_id:
            return True
        is_soon = time.monotonic() - self._requested_at < _LATE_SECONDS
        fields, known = rerun.widget_states.widgets, self._requested.widget_states.widgets
        return is_soon and len(fields) > len(known) and rerun.page_script_hash == self.previous


def _has_field(message: bytes, field: bytes) -> bool:
    """Return whether a message is of this kind, without parsing it: few in a hundred are."""
    start = 0
    while start < len(message) and message[start] in _EARLIER_FIELDS:
        start += 2 + message[start + 1]
    return message.startswith(field, start)
