"""The launcher for Slurm against the rules, on a real cluster, and what only it can do wrong."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from runyard.agent.station import AGENT, END, OUTCOME
from runyard.compute.base import AgentState, Launch, NotTried
from runyard.compute.machine import Ran, ThisMachine
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


def launches(count: int) -> list[Launch]:
    """Attempts of as many jobs, which ask Slurm for the same."""
    return [Launch(f"{each:032x}", 1, assignment(f"{each:032x}")) for each in range(count)]


class Altered(ThisMachine):
    """This machine, on which what some programs have answered is another thing; it counts their calls.

    Args:
        arrays: Whether ``sbatch`` takes arrays.
        answers: By the names of programs, what is made of their answers.
    """

    def __init__(self, *, arrays: bool = True, **answers: Callable[[Ran], Ran]) -> None:
        self._arrays = arrays
        self._answers = answers
        self.counted: Counter[str] = Counter()

    def run(self, words: Sequence[str], stdin: bytes = b"", within_s: float = 30.0) -> Ran:
        self.counted[words[0]] += 1
        if not self._arrays and any(word.startswith("--array=") for word in words):
            words = ["--array=9-1" if word.startswith("--array=") else word for word in words]
        ran = super().run(words, stdin, within_s)
        return self._answers[words[0]](ran) if words[0] in self._answers else ran


def launcher_on(machine: ThisMachine, folder: Path) -> SlurmLauncher:
    told = SlurmSettings(folder=str(folder), python=sys.executable)
    return SlurmLauncher(machine, told, NOBODY, looks_every_s=0.0, settled_within_s=0.0)


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

    def in_slurm(self) -> list[tuple[str, str, str]]:
        """All that Slurm has and that is not over: the id, the element and the state of each."""
        asked = ("squeue", "--noheader", "--array", "--states=RUNNING,PENDING", "--format=%F %K %T")
        found = (each.split() for each in self.cluster.ask(*asked).splitlines())
        return sorted((number, task, state) for number, task, state in found)

    def elements(self) -> list[int]:
        return sorted(int(task) for _, task, _ in self.in_slurm())

    def test_jobs_that_ask_for_the_same_are_one_array_and_each_is_ended_by_itself(self, launcher):
        handles = [str(each) for each in launcher.submit_many(launches(CPUS + 3))]
        until(lambda: [state for *_, state in self.in_slurm()].count("RUNNING") == CPUS)
        numbers = {number for number, *_ in self.in_slurm()}
        assert (len(numbers), self.elements()) == (1, list(range(CPUS + 3)))
        later = open_launcher(self.folder, settled_within_s=600.0)
        assert sorted(later.list_launched()) == handles
        assert {each.state for each in later.reports_of(handles).values()} == {AgentState.ALIVE}
        until(lambda: "(" in report_of(later, handles[-1]).reason)
        assert f"job {numbers.pop()}_{CPUS + 2} of Slurm is PENDING (" in report_of(later, handles[-1]).reason
        # Those that wait have one record in Slurm, and yet none goes with another; it never had a node.
        later.cancel(handles[-1])
        assert state_of(later, handles[-1]) is AgentState.GONE
        assert "is CANCELLED" in report_of(later, handles[-1]).reason
        launcher.forget(handles[-2])
        assert self.elements() == list(range(CPUS + 1))
        later.cancel(handles[0])
        later.forget(handles[1])
        until(lambda: state_of(launcher, handles[0]) is not AgentState.ALIVE)
        until(lambda: {state for *_, state in self.in_slurm()} == {"RUNNING"})
        assert self.elements() == list(range(2, CPUS + 1))
        left = launcher.reports_of(handles[2 : CPUS + 1])
        assert {each.state for each in left.values()} == {AgentState.ALIVE}

    def test_after_an_array_of_which_slurms_answer_was_lost_each_job_has_one_agent(self, launcher):
        lossy = Altered(sbatch=lambda ran: Ran(255, b"", b"the connection is gone"))
        first = launcher_on(lossy, self.folder).submit_many(launches(2))
        # Slurm had taken both the array, which was ended then, and the first job.
        assert [type(each) for each in first] == [Unavailable, NotTried]
        assert lossy.counted["sbatch"] == 2
        handles = [str(each) for each in launcher.submit_many(launches(2))]
        assert len(self.in_slurm()) == 2
        assert {each.state for each in launcher.reports_of(handles).values()} == {AgentState.ALIVE}
        assert sorted(launcher.list_launched()) == handles
        for handle in handles:
            launcher.forget(handle)
        assert not list((self.folder / "jobs" / "arrays").glob("*"))

    def test_an_array_has_no_more_elements_than_the_cluster_lets_it(self, launcher: SlurmLauncher):
        machine = Altered(scontrol=lambda ran: Ran(0, ran.stdout.replace(b"= 1001", b"= 2"), b""))
        handles = [str(each) for each in launcher_on(machine, self.folder).submit_many(launches(3))]
        assert machine.counted["sbatch"] == 2
        assert {each.state for each in launcher.reports_of(handles).values()} == {AgentState.ALIVE}

    def test_an_array_that_slurm_refuses_is_submitted_one_by_one(self, launcher: SlurmLauncher):
        machine = Altered(arrays=False)
        handles = [str(each) for each in launcher_on(machine, self.folder).submit_many(launches(2))]
        assert machine.counted["sbatch"] == 3
        assert [task for _, task, _ in self.in_slurm()] == ["N/A"] * 2
        assert sorted(launcher.list_launched()) == handles
        assert not list((self.folder / "jobs" / "arrays").glob("*"))

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
