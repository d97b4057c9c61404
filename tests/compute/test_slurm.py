"""The launcher for Slurm against the rules, on a real cluster, and what only it can do wrong."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard.agent.station import AGENT, END, OUTCOME
from runyard.compute.base import AgentState, Launch
from runyard.compute.machine import ThisMachine
from runyard.compute.slurm import SlurmLauncher, SlurmSettings
from runyard.compute.slurm_queue import name_of
from runyard.errors import Unavailable
from runyard.testing.launcher_rules import NOBODY, RUN_ID, LauncherRules, assignment, report_of, state_of
from tests.slurm_cluster import CPUS, SlurmCluster, installed
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not installed(), reason="no Slurm, or not root")]
NAME = f"runyard-{RUN_ID}-1"


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmCluster]:
    started = SlurmCluster()
    yield started
    started.close()


@pytest.fixture(autouse=True)
def _finds_it(cluster: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in cluster.variables.items():
        monkeypatch.setenv(name, value)


def open_launcher(
    folder: Path, *, settled_within_s: float = 0.0, server: str = NOBODY, **settings: Any
) -> SlurmLauncher:
    told = SlurmSettings(folder=str(folder), python=sys.executable, **settings)
    return SlurmLauncher(ThisMachine(), told, server, looks_every_s=0.0, settled_within_s=settled_within_s)


class TestSlurmLauncher(LauncherRules):
    @pytest.fixture(autouse=True)
    def _in(self, tmp_path: Path, cluster: SlurmCluster) -> None:
        self.folder = tmp_path
        self.cluster = cluster

    def open_launcher(self, folder: Path) -> SlurmLauncher:
        return open_launcher(folder)

    def open_launcher_to(self, folder: Path, server: str) -> SlurmLauncher:
        return open_launcher(folder, server=server)

    def kill_agent(self, launched: str) -> None:
        path = self.folder / "jobs" / launched / AGENT
        until(path.exists)
        os.kill(json.loads(path.read_text())["pid"], signal.SIGKILL)

    def waits(self, launcher: SlurmLauncher) -> str:
        """A job that is in the queue behind one that has all CPUs."""
        other = "b" * 32
        launcher.submit(Launch(other, 1, assignment(other), slots=CPUS))
        until(lambda: self.cluster.states()[f"runyard-{other}-1"] == "RUNNING")
        return launcher.submit(Launch(RUN_ID, 1, assignment()))

    def test_what_waits_says_for_what_and_is_taken_out(self, launcher: SlurmLauncher):
        launched = self.waits(launcher)
        until(lambda: "(" in report_of(launcher, launched).reason)
        report = report_of(launcher, launched)
        assert (report.state, "of Slurm is PENDING (" in report.reason) == (AgentState.ALIVE, True)
        launcher.cancel(launched)
        # It never had a node, so nothing has to be waited for.
        patient = open_launcher(self.folder, settled_within_s=600.0)
        until(lambda: state_of(patient, launched) is AgentState.GONE)
        assert not (self.folder / "jobs" / launched / AGENT).exists()

    def test_what_waits_is_forgotten_at_once(self, launcher: SlurmLauncher):
        launched = self.waits(launcher)
        launcher.forget(launched)
        assert state_of(launcher, launched) is AgentState.GONE
        assert self.cluster.states()[NAME] == "CANCELLED"

    def test_slurms_own_end_of_a_job_is_the_reason(self, launcher: SlurmLauncher):
        launched = launcher.submit(Launch(RUN_ID, 1, {**assignment(), "command": 3}))
        until(lambda: state_of(launcher, launched) is AgentState.GONE)
        reason = report_of(launcher, launched).reason
        assert "of Slurm is FAILED (NonZeroExitCode): " in reason
        assert "TypeError" in reason

    def test_an_agent_that_left_slurm_is_gone_only_when_its_folder_had_time_to_show_its_end(self, launcher):
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        self.kill_agent(launched)
        until(lambda: state_of(launcher, launched) is AgentState.GONE)
        patient = open_launcher(self.folder, settled_within_s=600.0)
        assert state_of(patient, launched) is AgentState.UNKNOWN
        end = {"status": "failed", "exit_code": 3, "reason": "r"}
        (self.folder / "jobs" / launched / END).write_text(json.dumps(end))
        report = report_of(patient, launched)
        assert (report.state, report.exit_code, report.reason) == (AgentState.ENDED, 3, "r")

    def test_what_a_job_had_still_to_send_is_sent_from_the_machine_of_the_queue(self, launcher):
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        self.kill_agent(launched)
        until(lambda: state_of(launcher, launched) is AgentState.GONE)
        outcome = {"status": "completed", "exit_code": 0, "reason": ""}
        (self.folder / "jobs" / launched / OUTCOME).write_text(json.dumps(outcome))
        # Its server is away, so the agent that is started now goes on and on.
        until(lambda: state_of(launcher, launched) is AgentState.ALIVE)
        launcher.forget(launched)
        assert state_of(launcher, launched) is AgentState.GONE

    def test_an_attempt_that_sbatch_did_not_seem_to_take_is_ended_when_it_is_submitted_again(self, launcher):
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        until(lambda: self.cluster.states()[NAME] == "RUNNING")
        again = open_launcher(self.folder)
        again.submit(Launch(RUN_ID, 1, assignment()))
        names = self.cluster.ask("squeue", "--noheader", "--states=RUNNING,PENDING", "--format=%j").split()
        assert names.count(NAME) == 1
        assert state_of(again, launched) is AgentState.ALIVE

    def test_a_controller_that_is_away_is_asked_again_later(self, launcher: SlurmLauncher):
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        until(lambda: self.cluster.states()[NAME] == "RUNNING")
        self.cluster.stop_controller()
        try:
            assert state_of(launcher, launched) is AgentState.UNKNOWN
            with pytest.raises(Unavailable, match="Slurm does not answer"):
                launcher.submit(Launch(RUN_ID, 2, assignment(attempt=2)))
        finally:
            self.cluster.start_controller()
        assert state_of(launcher, launched) is AgentState.ALIVE
        assert launcher.find(RUN_ID, 2) is None


def shown(cluster: SlurmCluster, launch: Launch) -> dict[str, str]:
    """Return what Slurm says of a job, by its own names."""
    asked = ("squeue", "--noheader", "--states=all", "--sort=-i", "--format=%A", f"--name={name_of(launch)}")
    words = cluster.ask("scontrol", "--oneliner", "show", "job", cluster.ask(*asked).split()[0]).split()
    return dict(word.partition("=")[::2] for word in words)


def test_a_job_asks_for_its_slots_on_one_node_and_for_its_time(cluster: SlurmCluster, tmp_path: Path):
    own: dict[str, Any] = {
        "partition": "main",
        "cpus_per_slot": 2,
        "memory_mb_per_slot": 100,
        "gpus_per_slot": 1,
    }
    launcher = open_launcher(tmp_path, **own, time_limit_min=50, sbatch_options=["--nice=7"])
    launches = [
        Launch(each * 32, 1, assignment(each * 32, max_duration_s=max_s), slots=2) for each, max_s in TIMES
    ]
    try:
        for launch in launches:
            launcher.submit(launch)
        found = [shown(cluster, each) for each in launches]
    finally:
        for launch in launches:
            launcher.forget(launch.handle)
    assert [each["TimeLimit"] for each in found] == ["00:17:00", "00:50:00", "00:50:00"]
    assert {(each["CPUs/Task"], each["NumNodes"][0], each["MinMemoryNode"]) for each in found} == {
        ("4", "1", "200M")
    }
    assert all(each["TresPerNode"].endswith("gpu:2") for each in found)
    assert {(each["Partition"], each["Nice"], each["Requeue"]) for each in found} == {("main", "7", "0")}


TIMES = [("b", 61), ("c", 0), ("d", 86_400)]


def test_a_folder_with_any_name_and_words_that_mean_something_to_a_shell(
    cluster: SlurmCluster, tmp_path: Path
):
    folder = tmp_path / "a b%j'\"$(touch x)`touch x`;é"
    launcher = open_launcher(folder)
    launched = launcher.submit(Launch(RUN_ID, 1, {**assignment(), "command": 3}))
    until(lambda: state_of(launcher, launched) is AgentState.GONE)
    log = folder / "jobs" / launched / "agent.log"
    assert str(log.parent) in log.read_text()
    assert not list(tmp_path.rglob("x"))
    launcher.forget(launched)


def test_what_slurm_does_not_take_is_said_in_its_words_and_leaves_nothing(
    cluster: SlurmCluster, tmp_path: Path
):
    launcher = open_launcher(tmp_path, partition="nowhere")
    launch = Launch(RUN_ID, 1, assignment())
    for ask in (launcher.check, lambda: launcher.submit(launch)):
        with pytest.raises(Unavailable, match="Invalid partition name"):
            ask()
    assert (list(launcher.list_launched()), launcher.find(RUN_ID, 1)) == ([], None)
    open_launcher(tmp_path).check()
    with pytest.raises(Unavailable, match="server_url"):
        SlurmLauncher(ThisMachine(), SlurmSettings(python=sys.executable), "").check()
