"""An agent as a program in the foreground: what a scheduler sees of it, and what is left if one is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard.agent.__main__ import CANNOT
from runyard.agent.keeper import LAST_WORDS
from runyard.agent.life import WRONG_USE
from runyard.agent.station import AGENT, SCRIPT, Station, is_alive
from tests.agent.job_folder import JobFolder
from tests.waiting import until

HANDLE = f"{'a' * 32}/1"
WAITS = "import time\nprint('begun', flush=True)\ntime.sleep(600)\n"
ENDS_WITHIN_S = 300.0


class Kept:
    """A keeper, and the folder of its agent."""

    def __init__(self, job: JobFolder, folder: Path, *words: str) -> None:
        self.station = Station(folder, [])
        self.place = folder / HANDLE
        self.told = job.path / "assignment.json"
        words = words or ("--keep", str(folder), HANDLE, str(self.told))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "runyard.agent", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self) -> tuple[int, Any]:
        """Return the exit code, and what the last words say."""
        stdout, stderr = self.process.communicate(timeout=ENDS_WITHIN_S)
        last = stdout.splitlines()[-1] if stdout else ""
        assert last.startswith(LAST_WORDS), stderr
        return self.process.returncode, json.loads(last.removeprefix(LAST_WORDS))

    def marked(self, name: str) -> Any:
        """Return what the agent has written down, as soon as it has."""
        until((self.place / name).exists)
        return json.loads((self.place / name).read_text())

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.station.forget(HANDLE)


@pytest.fixture
def keep(job: JobFolder, tmp_path: Path) -> Iterator[Any]:
    kept: list[Kept] = []

    def start(*words: str) -> Kept:
        kept.append(Kept(job, tmp_path / "jobs", *words))
        return kept[-1]

    yield start
    for each in kept:
        each.close()


def test_it_ends_as_the_script_did_and_leaves_nothing(job: JobFolder, keep):
    job.assign({"train.py": "print('done')"})
    kept = keep()
    assert kept.ended() == (0, {"state": "ended", "status": "completed", "exit_code": 0, "reason": ""})
    assert [end["status"] for end in job.server.job.ends] == ["completed"]
    assert not kept.told.exists()
    assert not kept.place.exists()


def test_a_failure_has_the_script_s_exit_code(job: JobFolder, keep):
    job.assign({"train.py": "import sys; sys.exit('no data')"})
    code, seen = keep().ended()
    assert (code, seen["exit_code"], seen["reason"]) == (1, 1, "exit code 1: no data")


def test_a_script_that_a_signal_ended_is_a_failure_too(job: JobFolder, keep):
    job.assign({"train.py": "import os; os.kill(os.getpid(), 9)"})
    code, seen = keep().ended()
    assert (code, seen["status"]) == (128 + 9, "failed")


def test_told_to_stop_it_ends_the_script_and_says_so(job: JobFolder, keep):
    job.assign({"train.py": WAITS})
    kept = keep()
    job.until_printed(b"begun")
    kept.process.terminate()
    code, seen = kept.ended()
    assert (code != 0, seen["status"]) == (True, "failed")
    assert seen["reason"] == "the agent was told to stop by SIGTERM"


def test_an_agent_that_is_killed_is_gone_and_so_is_its_script(job: JobFolder, keep):
    job.assign({"train.py": WAITS})
    kept = keep()
    job.until_printed(b"begun")
    script = kept.marked(SCRIPT)
    os.kill(kept.marked(AGENT)["pid"], signal.SIGKILL)
    code, seen = kept.ended()
    assert (code, seen["state"]) == (1, "gone")
    until(lambda: not is_alive(script))


def test_a_keeper_that_is_killed_takes_agent_and_script_with_it(job: JobFolder, keep):
    job.assign({"train.py": WAITS})
    kept = keep()
    job.until_printed(b"begun")
    agent, script = kept.marked(AGENT), kept.marked(SCRIPT)
    kept.process.kill()
    until(lambda: not is_alive(agent) and not is_alive(script))
    assert [end["status"] for end in job.server.job.ends] == ["failed"]


def test_without_an_assignment_there_is_nothing_to_keep(job: JobFolder, keep):
    kept = keep()
    _, stderr = kept.process.communicate(timeout=ENDS_WITHIN_S)
    assert (kept.process.returncode, "assignment.json" in stderr) == (CANNOT, True)
    assert not kept.place.exists()


def test_words_that_are_none_are_refused(keep):
    kept = keep("--keep", "folder")
    _, stderr = kept.process.communicate(timeout=ENDS_WITHIN_S)
    assert (kept.process.returncode, stderr.startswith("usage:")) == (WRONG_USE, True)
