"""How deep tests go: `make test` takes a sample of long lists, `make prove` all of them."""

import os
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

IS_DEEP: Final = os.environ.get("DEEP") == "1"


def sample(items: Sequence[T], every: int) -> Sequence[T]:
    """Return every so many-th item, the first among them; all of them in `make prove`."""
    return items if IS_DEEP else items[::every]


def rounds(few: int, many: int) -> int:
    """Return how often something is repeated, here and in `make prove`."""
    return many if IS_DEEP else few
