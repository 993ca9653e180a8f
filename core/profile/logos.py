"""Make a logo of whatever somebody uploads: bytes in, our own PNG out."""

import hashlib
import logging
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from core.base.errors import InvalidInput

log = logging.getLogger(__name__)

LARGEST_BYTES = 2 * 1024 * 1024
PATIENCE = 10.0
"""Seconds that a picture may take, besides the time of the processor that it limits itself."""

_ACCEPTED = "Choose a PNG, JPEG or WebP picture of at most 2 MB and 4096 × 4096 pixels."
_REFUSALS = {
    b"unknown": f"That file is not a picture we can read. {_ACCEPTED}",
    b"large": f"That picture has too many pixels. {_ACCEPTED}",
    b"damaged": f"That picture is damaged. Save it anew, or choose another. {_ACCEPTED}",
}
_PROGRAM = Path(__file__).with_name("logo_decoder.py")
_PNG = b"\x89PNG\r\n\x1a\n"
_TURNS = threading.BoundedSemaphore(2)
"""How many pictures are decoded at once: each may take up to 350 MB for a moment."""


@dataclass(frozen=True)
class Logo:
    """A picture that we encoded: at most 512 pixels long, a thumbnail of 96, SHA-256 of the PNG."""

    png: bytes
    thumbnail: bytes
    digest: str


def clean(upload: bytes) -> Logo:
    """Return the logo that a PNG, JPEG or WebP upload shows, upright and without metadata.

    It is decoded in a process of its own with little memory and time; about 0.2 seconds.
    Raises `InvalidInput` about the field `logo`.
    """
    if not upload:
        raise InvalidInput({"logo": f"That file is empty. {_ACCEPTED}"})
    if len(upload) > LARGEST_BYTES:
        size = len(upload) / 1024 / 1024
        raise InvalidInput({"logo": f"That file has {size:,.1f} MB. {_ACCEPTED}"})
    verdict, _, pictures = _decoded(upload).partition(b"\n")
    word, *sizes = verdict.split()
    if word != b"clean":
        raise InvalidInput({"logo": _REFUSALS[word]})
    png, thumbnail = pictures[: int(sizes[0])], pictures[int(sizes[0]) :]
    if not (
        png.startswith(_PNG) and thumbnail.startswith(_PNG) and len(thumbnail) == int(sizes[1])
    ):
        raise RuntimeError("the process that decodes pictures answered with something else")
    return Logo(png, thumbnail, hashlib.sha256(png).hexdigest())


def _decoded(upload: bytes) -> bytes:
    """Return what the process that decodes pictures says; for one that fails, `damaged`."""
    command = [sys.executable, "-I", str(_PROGRAM)]
    try:
        with _TURNS:
            done = subprocess.run(  # noqa: S603 - our own program, in our own interpreter
                command, input=upload, capture_output=True, check=True, timeout=PATIENCE, env={}
            )
    except subprocess.SubprocessError as why:
        last_words = (getattr(why, "stderr", None) or b"").strip().rpartition(b"\n")[2]
        log.warning("a picture of %d bytes: %s %r", len(upload), why, last_words[:200])
        return b"damaged\n"
    return done.stdout
