"""The clock: what takes a multiple of a step reveals nothing by its time."""

import pytest

from core.base import clock


@pytest.mark.parametrize("spent", [0.01, 0.29, 0.3, 0.31, 1.4])
def test_work_takes_a_whole_number_of_steps(monkeypatch: pytest.MonkeyPatch, spent: float) -> None:
    moments, slept = iter((5.0, 5.0 + spent)), []
    monkeypatch.setattr(clock, "monotonic", moments.__next__)
    monkeypatch.setattr(clock, "sleep", slept.append)
    with pytest.raises(ValueError, match="refused"), clock.in_steps():
        raise ValueError("refused")
    steps = (spent + slept[0]) / clock.STEP
    assert steps == pytest.approx(round(steps))
    assert 0 < slept[0] <= clock.STEP + 1e-9
