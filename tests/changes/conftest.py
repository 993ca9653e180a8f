"""Entries as they were written before each change of a membership said whose it is."""

import pytest

from core.database import change_tracking


@pytest.fixture(params=[True, False])
def has_person(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether entries say so for all rows, or for their first row only."""
    if not request.param:
        pop = change_tracking.pop_changes
        monkeypatch.setattr(
            change_tracking,
            "pop_changes",
            lambda *args: [
                {key: value for key, value in each.items() if key != "person"}
                for each in pop(*args)
            ],
        )
    return bool(request.param)
