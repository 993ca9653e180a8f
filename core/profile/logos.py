"""Logos: uploads are decoded, scaled and encoded again as PNG, then set or removed.

A PNG, JPEG or WebP of at most `MAX_BYTES` (2 MB) and 4096 × 4096 pixels is accepted, whatever its
name. What is stored is a PNG of at most 512 pixels and a thumbnail of 96. An upload is never
decoded in the process of the app: `logo_decoder`, where the formats and pixels are set, is a
program of its own, which takes at most 5 seconds of processor time, 10 seconds in all and 640 MB of
memory, whatever the picture; two run at once. One that needs more is refused as damaged.
`python -m tests.bench.logos` measures the worst pictures known.
"""

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access
from core.audit import history
from core.base import child_processes, clock
from core.base.errors import InvalidInput
from core.models import Logo, Organization

MAX_BYTES: Final = 2 * 1024 * 1024
DECODER_TIMEOUT: Final = 10.0
"""Seconds of wall-clock time; the decoder limits its own processor time."""

_ACCEPTED = "Choose a PNG, JPEG or WebP image of at most 2 MB and 4096 × 4096 pixels."
TOO_LARGE: Final = f"That file is {{size}} MB. {_ACCEPTED}"
UPLOADS: Final = {"accept": "image/*,.jfif,.jpe", "max_bytes": MAX_BYTES, "too_large": TOO_LARGE}
"""Options of the file field. Its choice is only a proposal: the bytes decide, not the ending."""
_REFUSALS = {
    b"unknown": f"We can't read that file as an image. {_ACCEPTED}",
    b"large": f"That image has too many pixels. {_ACCEPTED}",
    b"damaged": f"That image is damaged. Save it again or choose another one. {_ACCEPTED}",
}
_PROGRAM = Path(__file__).with_name("logo_decoder.py")
_PNG = b"\x89PNG\r\n\x1a\n"
_DECODER_SLOTS = threading.BoundedSemaphore(2)
"""How many images are decoded in parallel."""


@dataclass(frozen=True)
class CleanLogo:
    """An image encoded by us: PNGs of at most 512 and 96 pixels a side, and the SHA-256 digest."""

    png: bytes
    thumbnail: bytes
    digest: str


def clean(upload: bytes) -> CleanLogo:
    """Return a PNG, JPEG or WebP upload as a logo, upright and without metadata.

    Decoding happens in a separate process with limited memory and time, in about 0.2 seconds.
    Raises `InvalidInput` for the field `logo`.
    """
    if not upload:
        raise InvalidInput({"logo": f"That file is empty. {_ACCEPTED}"})
    if len(upload) > MAX_BYTES:
        raise InvalidInput({"logo": TOO_LARGE.format(size=f"{len(upload) / 2**20:,.1f}")})
    verdict, _, images = _decode(upload).partition(b"\n")
    word, *sizes = verdict.split()
    if word != b"clean":
        raise InvalidInput({"logo": _REFUSALS[word]})
    png, thumbnail = images[: int(sizes[0])], images[int(sizes[0]) :]
    if not (
        png.startswith(_PNG) and thumbnail.startswith(_PNG) and len(thumbnail) == int(sizes[1])
    ):
        raise RuntimeError("the logo decoder returned something other than two PNGs")
    return CleanLogo(png, thumbnail, hashlib.sha256(png).hexdigest())


def set_logo(session: Session, actor: Actor, org_id: int, logo: CleanLogo) -> Organization:
    """Set or replace the logo of an organization."""
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    if session.get(Logo, logo.digest) is None:
        session.add(
            Logo(
                digest=logo.digest,
                png=logo.png,
                thumbnail=logo.thumbnail,
                created_at=clock.now(),
            )
        )
        session.flush()  # the organization refers to it
    org.logo = logo.digest
    history.record(session, actor, org, "logo.changed", org)
    return org


def remove_logo(session: Session, actor: Actor, org_id: int) -> Organization:
    """Remove the logo of an organization.

    The image stays for history, and for organizations with the same logo.
    """
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    org.logo = None
    history.record(session, actor, org, "logo.removed", org)
    return org


def _decode(upload: bytes) -> bytes:
    """Return the output of the decoder, or `damaged` where it fails."""
    with _DECODER_SLOTS:
        output = child_processes.decode(_PROGRAM, upload, timeout=DECODER_TIMEOUT)
    return b"damaged\n" if output is None else output
