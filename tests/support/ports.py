"""Ports that nobody uses, so that servers of several test processes never meet."""

import socket
from contextlib import closing


def find_free() -> int:
    """Return one of this machine's free ports."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
