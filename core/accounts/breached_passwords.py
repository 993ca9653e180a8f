"""Lookup of passwords in a list of breached ones, which the operator has downloaded.

The list is that of Have I Been Pwned: a line `SHA-1:count` per password, sorted. Nothing of a
password leaves the machine.
"""

import hashlib
import os
from pathlib import Path
from typing import Final

from core.base.settings import settings

_LINE: Final = 80
"""More bytes than a line has."""


def is_breached(password: str) -> bool:
    """Return whether a password is in the list in BREACHED_PASSWORDS_FILE; False without one."""
    if not settings().breached_passwords_file:
        return False
    digest = hashlib.sha1(password.encode("utf-8"), usedforsecurity=False).hexdigest()
    return _contains(Path(settings().breached_passwords_file), digest.upper().encode())


def _contains(path: Path, digest: bytes) -> bool:
    """Return whether a line of a sorted file begins with a digest, in about 35 reads."""
    with path.open("rb") as file:
        first, last = 0, file.seek(0, os.SEEK_END)
        while first < last:
            middle = (first + last) // 2
            file.seek(max(middle - _LINE, 0))
            before = file.read(middle - max(middle - _LINE, 0))
            start = middle - len(before) + before.rfind(b"\n") + 1
            file.seek(start)
            line = file.readline()
            if line.startswith(digest):
                return True
            if line[: len(digest)] < digest:
                first = start + len(line)
            else:
                last = start
    return False
