"""The server's clock stands while it is set back a little, and follows when it was wrong."""

import pytest

from runyard.services import call


@pytest.mark.parametrize(
    ("shown_ms", "told_ms"),
    [
        ([5_000, 5_001, 6_000], [5_000, 5_001, 6_000]),
        ([5_000, 4_990, 4_999, 5_001], [5_000, 5_000, 5_000, 5_001]),
        ([5_000, 4_000, 4_001], [5_000, 4_000, 4_001]),
    ],
)
def test_time_stands_for_a_step_back_of_less_than_a_second(
    monkeypatch, shown_ms: list[int], told_ms: list[int]
):
    shown = iter(shown_ms)
    monkeypatch.setattr(call, "_latest_ms", 0)
    monkeypatch.setattr("runyard.services.call.time.time_ns", lambda: next(shown) * 1_000_000)
    assert [call.system_now_ms() for _ in shown_ms] == told_ms
