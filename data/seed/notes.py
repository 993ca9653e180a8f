"""Notes of staff about sample organizations that have a sales rep."""

from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any, Final

from core.base import tokenizer

_NOTES: Final = (
    ("Their integration engineer is away until Monday; email works better than the phone.", False),
    ("Legal has the agreement. They ask for a second data center in the contract.", False),
    ("We test together on Thursday at 10. Please have two sample results ready.", True),
    ("Budget was approved for this quarter. Two sites first, the other nine in spring.", False),
    ("The interface list is complete. Next we look at the alert routing with you.", True),
)
_WITH_NOTES_SHARE: Final = 0.5


def generate(
    org_id: int, rep_id: int | None, entered: datetime, now: datetime
) -> Iterator[tuple[Any, ...]]:
    """Yield author, text, search text, whether it is shared, and time of each note, by time."""
    random = Random(org_id)
    if rep_id is None or (org_id > 1 and random.random() > _WITH_NOTES_SHARE):
        return
    number = 3 if org_id == 1 else random.randint(1, 2)
    moments = sorted(entered + (now - entered) * random.random() for _ in range(number))
    for at, (text, is_shared) in zip(moments, random.sample(_NOTES, number), strict=True):
        yield rep_id, text, tokenizer.search_text(text), is_shared, at
