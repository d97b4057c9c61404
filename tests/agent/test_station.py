"""What a station has on record of its agents, whenever somebody looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.agent.marks import boot_id
from runyard.agent.station import CHILD, GONE, Station
from tests.waiting import until

HANDLE = f"{'a' * 32}/1"


def test_an_agent_is_on_record_until_the_next_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A server that was killed in between found none, and started another beside it."""
    station = Station(tmp_path, ["true"])
    record = station.prepare(HANDLE, {}) / CHILD
    station.start(HANDLE)
    first = record.read_text()
    until(lambda: station.look([HANDLE])[HANDLE]["state"] == GONE)
    seen: list[str] = []

    def looked_at_meanwhile() -> str:
        seen.append(record.read_text() if record.exists() else "")
        return boot_id()

    monkeypatch.setattr("runyard.agent.station.boot_id", looked_at_meanwhile)
    station.start(HANDLE)
    assert seen == [first]
    assert record.read_text() != first
    assert [path.name for path in record.parent.glob("*unfinished*")] == []
    until(lambda: station.look([HANDLE])[HANDLE]["state"] == GONE)
    station.forget(HANDLE)
