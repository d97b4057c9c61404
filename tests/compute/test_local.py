"""The launcher of this machine against the rules, and what only it can do wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runyard.agent.marks import boot_id, started_ticks
from runyard.agent.shares import Share, read_share
from runyard.agent.station import AGENT, END, OUTCOME, SCRIPT, is_alive
from runyard.agent.variables import passed_on
from runyard.compute.base import AgentState, Launch, NoRoom, NotTried
from runyard.compute.local import LocalLauncher
from runyard.errors import StorageFull
from runyard.testing.launcher_rules import RUN_ID, LauncherRules, assignment, report_of, state_of
from tests.waiting import until


class TestLocalLauncher(LauncherRules):
    @pytest.fixture(autouse=True)
    def _in(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def open_launcher(self, folder: Path) -> LocalLauncher:
        return LocalLauncher(folder)

    def open_launcher_to(self, folder: Path, server: str) -> LocalLauncher:
        return LocalLauncher(folder)

    def kill_agent(self, launched: str) -> None:
        os.kill(self.agent_of(launched)["pid"], signal.SIGKILL)

    def agent_of(self, launched):
        path = self.folder / launched / AGENT
        until(path.exists)
        return json.loads(path.read_text())

    def killed(self, launcher):
        """What is left of an agent that was killed before there was a script."""
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        self.kill_agent(launched)
        until(lambda: state_of(launcher, launched) is AgentState.GONE)
        return launched

    def test_nobody_else_reads_the_key(self, launcher):
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        folder = self.folder / launched
        assert (folder.stat().st_mode & 0o777, (folder / "assignment.json").stat().st_mode & 0o777) == (
            0o700,
            0o600,
        )
        with_words = Path(f"/proc/{self.agent_of(launched)['pid']}/cmdline").read_bytes()
        assert b"ryj_" not in with_words

    def test_an_agent_that_can_not_start_says_why(self, launcher):
        launched = launcher.submit(Launch(RUN_ID, 1, {"no": "assignment"}))
        until(lambda: state_of(launcher, launched) is AgentState.GONE)
        assert report_of(launcher, launched).reason

    @pytest.mark.parametrize("may_be", [True, False])
    def test_an_agent_is_told_whether_its_job_may_be_in_a_container(self, launcher, may_be: bool):
        settings = {"use_containers": may_be}
        launched = launcher.submit(Launch(RUN_ID, 1, {"no": "assignment"}, settings=settings))
        told = json.loads((self.folder / launched / "assignment.json").read_text())
        assert told["has_containers"] is may_be

    def test_of_an_agent_that_is_gone_it_is_told_whether_its_script_began(self, launcher):
        launched = self.killed(launcher)
        assert report_of(launcher, launched).has_run_nothing
        assert report_of(LocalLauncher(self.folder), launched).has_run_nothing
        (self.folder / launched / SCRIPT).write_text(json.dumps({"pid": 1, "boot": "another"}))
        assert not report_of(launcher, launched).has_run_nothing
        launcher.forget(launched)
        # Where nothing is left, nothing is known.
        assert not report_of(launcher, launched).has_run_nothing

    def test_the_end_that_an_agent_has_written_down_counts_though_it_is_gone(self, launcher):
        launched = self.killed(launcher)
        end = {"status": "failed", "exit_code": 3, "reason": "r"}
        (self.folder / launched / END).write_text(json.dumps(end))
        report = report_of(LocalLauncher(self.folder), launched)
        assert (report.state, report.status, report.exit_code, report.reason) == (
            AgentState.ENDED,
            "failed",
            3,
            "r",
        )

    def test_an_agent_that_was_killed_while_it_sent_the_rest_is_followed_by_another(self, launcher):
        launched = self.killed(launcher)
        outcome = {"status": "completed", "exit_code": 0, "reason": ""}
        (self.folder / launched / OUTCOME).write_text(json.dumps(outcome))
        console = self.folder / launched / "out" / "console"
        console.mkdir(parents=True, exist_ok=True)  # the agent may not have come so far
        (console / "stdout.000001.log").write_text("not sent yet\n")
        seen = {self.agent_of(launched)["pid"]}

        def is_followed() -> bool:
            # Looked at again and again: threads of one that was killed may take a moment to end.
            is_there = state_of(launcher, launched) is AgentState.ALIVE
            agent = self.agent_of(launched)
            return is_there and agent["pid"] not in seen and is_alive(agent)

        for _ in range(3):
            until(is_followed)
            seen.add(self.agent_of(launched)["pid"])
            self.kill_agent(launched)
        until(lambda: state_of(launcher, launched) is AgentState.ENDED)
        # In the end what is known counts, and what was not sent is lost.
        report = report_of(launcher, launched)
        assert (report.state, report.status, report.exit_code) == (AgentState.ENDED, "completed", 0)
        assert not (self.folder / launched / SCRIPT).exists()

    def test_a_script_whose_agent_was_killed_is_ended_with_all_its_processes(self, launcher):
        launched = self.killed(launcher)
        # What ignores that its parent has died, as a worker of a data loader does.
        words = (
            "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
        )
        script = subprocess.Popen([sys.executable, "-c", words], start_new_session=True)
        stat = Path(f"/proc/{script.pid}/stat").read_text().rpartition(")")[2].split()
        written = {"pid": script.pid, "started": int(stat[19]), "boot": boot_id(), "group": script.pid}
        (self.folder / launched / SCRIPT).write_text(json.dumps(written))
        script.wait()
        assert not is_alive(written)
        os.killpg(script.pid, 0)  # its child is there
        assert state_of(launcher, launched) is AgentState.GONE
        until(lambda: not group_lives(script.pid))

    @pytest.mark.parametrize("changed", [{"started": 1}, {"boot": "another machine"}])
    def test_another_process_of_the_same_number_is_left_alone(self, launcher, changed):
        launched = self.killed(launcher)
        other = subprocess.Popen(["sleep", "600"], start_new_session=True)
        mark = {"pid": other.pid, "started": started_ticks(other.pid), "boot": boot_id(), "group": other.pid}
        try:
            (self.folder / launched / SCRIPT).write_text(json.dumps(mark | changed))
            assert state_of(launcher, launched) is AgentState.GONE
            assert other.poll() is None
        finally:
            other.kill()
            other.wait()

    def test_a_disk_without_room_is_said(self, launcher):
        self.folder.joinpath(RUN_ID).write_text("in the way")
        with pytest.raises(StorageFull, match=RUN_ID):
            launcher.submit(Launch(RUN_ID, 1, assignment()))
        self.folder.joinpath(RUN_ID).unlink()


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_job_gets_nothing_of_the_servers_secrets():
    variables = {
        "PATH": "/bin",
        "LC_ALL": "C",
        "UV_OFFLINE": "1",
        "RUNYARD_DATABASE": "postgresql://u:p@h/d",
        "RUNYARD_TOKEN": "ry_x",
        "AWS_SECRET_ACCESS_KEY": "s",
        "PGPASSWORD": "p",
        "PYTHONPATH": "/x",
    }
    assert passed_on(variables) == {"PATH": "/bin", "LC_ALL": "C", "UV_OFFLINE": "1"}


class Pools:
    """Agents of pools that divide this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.launcher = LocalLauncher(folder)

    def start(self, digit: str, slots: int = 1, **settings: object) -> Share:
        """Start an agent, and return what of the machine it has to itself."""
        run_id = digit * 32
        launched = self.launcher.submit(Launch(run_id, 1, assignment(run_id), slots, settings))
        return read_share(json.loads((self.folder / launched / "assignment.json").read_text())["share"])


@pytest.fixture
def pools(tmp_path: Path):
    pools = Pools(tmp_path)
    yield pools
    for launched in pools.launcher.list_launched():
        pools.launcher.forget(launched)


def test_each_job_has_gpus_of_its_own_and_the_next_one_those_that_come_free(pools: Pools):
    settings: dict[str, Any] = {"gpus": [0, 1, 2, 5]}
    assert pools.start("a", **settings).gpus == (0,)
    assert pools.start("b", 2, **settings).gpus == (1, 2)
    with pytest.raises(NoRoom, match=r"GPUs wanted: 2 of \[0, 1, 2, 5\]; free now: 1"):
        pools.start("c", 2, **settings)
    # Another pool may name the same ones, and another server's process sees who has them.
    with pytest.raises(NoRoom):
        Pools(pools.folder).start("c", gpus=[0, 1])
    pools.launcher.forget(f"{'a' * 32}/1")
    assert pools.start("c", 2, **settings).gpus == (0, 5)
    assert pools.start("d", gpus=[7], gpus_per_slot=0).gpus == ()


def test_of_many_those_for_which_there_is_room_are_started(pools: Pools):
    settings = {"gpus": [0, 1]}
    asked = [
        Launch(each * 32, 1, assignment(each * 32), slots, settings)
        for each, slots in (("a", 1), ("b", 2), ("c", 1))
    ]
    first, second, third = pools.launcher.submit_many(asked)
    assert (first, third) == (f"{'a' * 32}/1", f"{'c' * 32}/1")
    assert isinstance(second, NoRoom)
    assert sorted(pools.launcher.list_launched()) == [first, third]


def test_after_one_that_is_refused_the_rest_is_not_tried_and_what_was_started_stays(pools: Pools):
    (pools.folder / ("b" * 32)).write_text("no folder")
    launches = [Launch(each * 32, 1, assignment(each * 32)) for each in "abc"]
    first, second, third = pools.launcher.submit_many(launches)
    assert first == launches[0].handle
    assert isinstance(second, StorageFull)
    assert isinstance(third, NotTried)
    assert str(third) == str(second)
    assert list(pools.launcher.list_launched()) == [first]


def test_a_job_has_processors_and_memory_by_its_slots(pools: Pools):
    there = sorted(os.sched_getaffinity(0))
    share = pools.start("a", len(there), cpus_per_slot=1, memory_bytes_per_slot=1_000)
    assert share == Share(tuple(there), None, 1_000 * len(there))
    with pytest.raises(NoRoom, match="processors"):
        pools.start("b", cpus_per_slot=1)
    assert pools.start("c") == Share()
