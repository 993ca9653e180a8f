"""Free ports, so that the servers of several test processes do not collide."""

import socket
from contextlib import closing


def find_free() -> int:
    """Return a free port of this machine."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
