"""A client of Streamlit's protocol, for requests that a browser would not send."""

from collections.abc import Iterator
from contextlib import contextmanager

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol


class StreamlitClient:
    """A websocket to a running app; `rerun` returns the messages until the script has finished."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.session_id = ""

    def rerun(self, page: str = "", query: str = "", fragment_id: str = "") -> list[ForwardMsg]:
        self.request(page, query, fragment_id)
        return list(self._read_run())

    def request(self, page: str = "", query: str = "", fragment_id: str = "") -> None:
        """Request a rerun without reading its messages; Streamlit ignores one that it refuses."""
        request = BackMsg()
        request.rerun_script.query_string = query
        request.rerun_script.page_name = page
        request.rerun_script.fragment_id = fragment_id
        self.socket.send(request.SerializeToString())

    def _read_run(self) -> Iterator[ForwardMsg]:
        while True:
            message = ForwardMsg.FromString(self.socket.recv(timeout=20, decode=False))
            if message.WhichOneof("type") == "new_session":
                self.session_id = message.new_session.initialize.session_id
            yield message
            is_end = message.WhichOneof("type") == "script_finished"
            if is_end and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return


@contextmanager
def open_app(
    base: str, *, cookie: str = "", session_id: str = "", origin: str | None = None
) -> Iterator[StreamlitClient]:
    """Open a websocket with a cookie (`name=value`), to go on with a session if its id is given."""
    protocols = ["streamlit", "PLACEHOLDER_AUTH_TOKEN", *([session_id] if session_id else [])]
    with connect(
        f"{base.replace('http', 'ws', 1)}/_stcore/stream",
        subprotocols=[Subprotocol(name) for name in protocols],
        additional_headers={"Cookie": cookie} if cookie else {},
        origin=Origin(origin) if origin else None,
        max_size=None,
        compression=None,
    ) as socket:
        yield StreamlitClient(socket)
