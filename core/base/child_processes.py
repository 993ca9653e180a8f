"""Programs of our own that decode untrusted files, each in a process that limits itself.

A decoder that crashes, loops or asks for too much memory takes nobody with it.
"""

import logging
import subprocess
import sys
from pathlib import Path

log = logging.getLogger(__name__)


def decode(program: Path, content: bytes, *arguments: str, timeout: float) -> bytes | None:
    """Return what a program writes when it is given this content, or None if it fails.

    It runs in our own interpreter without environment and without our packages, and is killed
    after `timeout` seconds.
    """
    command = [sys.executable, "-I", str(program), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, in our own interpreter
            command, input=content, capture_output=True, check=True, timeout=timeout, env={}
        )
    except subprocess.SubprocessError as error:
        message = (getattr(error, "stderr", None) or b"").strip().rpartition(b"\n")[2]
        name, size = program.stem, len(content)
        log.warning("%s failed on %d bytes: %s %r", name, size, error, message[:200])
        return None
    return done.stdout
