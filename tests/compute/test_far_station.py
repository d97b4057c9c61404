"""The agent's own file, put on a machine and asked there: here this one, in a home of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from runyard.compute.base import AgentState, Launch
from runyard.compute.far_station import FarStation
from runyard.compute.machine import Ran, ThisMachine
from runyard.errors import StorageFull, Unavailable
from runyard.testing.launcher_rules import RUN_ID, assignment
from tests.waiting import until

HANDLE = f"{RUN_ID}/1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def station(home: Path):
    station = FarStation(ThisMachine(), sys.executable)
    yield station
    for handle in station.list_handles():
        station.forget(handle)


def state(station: FarStation) -> AgentState:
    return station.look([HANDLE])[HANDLE].state


def test_an_agent_lives_on_though_who_asked_for_it_has_ended(station: FarStation, home: Path):
    folder = station.start(Launch(RUN_ID, 1, {}), assignment())
    assert folder == str(home / ".runyard" / "jobs" / HANDLE)
    until(lambda: (Path(folder) / "agent.json").exists())
    assert (state(station), station.has(HANDLE), station.list_handles()) == (AgentState.ALIVE, True, [HANDLE])
    assert (home / ".runyard").stat().st_mode & 0o777 == 0o700
    station.cancel(HANDLE)
    until(lambda: state(station) is not AgentState.ALIVE)
    station.forget(HANDLE)
    assert (station.has(HANDLE), station.list_handles(), Path(folder).exists()) == (False, [], False)


def test_the_agents_file_is_put_there_once(station: FarStation, home: Path):
    assert station.list_handles() == []
    archive = home / station.archive
    written = archive.stat().st_mtime_ns
    assert station.list_handles() == []
    assert (archive.stat().st_mtime_ns, archive.stat().st_mode & 0o777) == (written, 0o600)
    assert [each.name for each in archive.parent.iterdir() if each.is_file()] == [archive.name]


def test_what_others_start_is_told_by_what_it_has_written(station: FarStation):
    folder = Path(station.prepare(Launch(RUN_ID, 1, {}), assignment()))
    assert (folder / "assignment.json").stat().st_mode & 0o777 == 0o600
    assert station.read_ends([HANDLE])[HANDLE].state is AgentState.GONE
    (folder / "end.json").write_text(json.dumps({"status": "failed", "exit_code": 3, "reason": "r"}))
    report = station.read_ends([HANDLE])[HANDLE]
    assert (report.state, report.status, report.exit_code, report.reason) == (
        AgentState.ENDED,
        "failed",
        3,
        "r",
    )
    assert station.read_ends([]) == {}


def test_a_machine_without_a_python_says_so(home: Path):
    with pytest.raises(Unavailable, match="no-python"):
        FarStation(ThisMachine(), "no-python").list_handles()


def test_what_can_not_be_written_there_is_said(station: FarStation, home: Path):
    station.list_handles()
    (home / ".runyard" / "jobs").write_text("in the way")
    with pytest.raises(StorageFull, match="NotADirectory"):
        station.prepare(Launch(RUN_ID, 1, {}), assignment())
    (home / ".runyard" / "jobs").unlink()


@pytest.mark.parametrize("handle", ["../1", f"{RUN_ID}/../x", f"{RUN_ID}/1/2", "", f"{'G' * 32}/1"])
def test_a_handle_leads_to_no_other_folder(station: FarStation, handle: str):
    with pytest.raises(Unavailable, match="no handle"):
        station.forget(handle)


def test_words_reach_a_command_as_they_are(home: Path):
    words = ["a b", "$(touch x)", "'", '"', "\n", "é", "", "--", "*"]
    code = "import json, sys; print(json.dumps([sys.argv[1:], sys.stdin.read()]))"
    ran = ThisMachine().run([sys.executable, "-c", code, *words], b"given")
    assert (ran.exit_code, json.loads(ran.stdout)) == (0, [words, "given"])
    assert not (home / "x").exists()


def test_a_command_that_does_not_end_or_is_not_there_is_said(home: Path):
    with pytest.raises(Unavailable, match=r"sleep did not end within 0 s"):
        ThisMachine().run(["sleep", "60"], within_s=0.1)
    assert ThisMachine().run(["no-such-program"]).exit_code == 127
    assert Ran(3, b"", b"").complaint == "exit code 3"
