"""What is made of Slurm's answers, and what its settings let through; without Slurm."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runyard.compute.base import Launch, Opening
from runyard.compute.far_station import FarStation
from runyard.compute.machine import Machine, Ran, ThisMachine
from runyard.compute.slurm import KIND, SlurmLauncher, SlurmSettings
from runyard.compute.slurm_queue import SlurmJob, SlurmQueue
from runyard.errors import Unavailable
from runyard.testing.launcher_rules import NOBODY, RUN_ID, assignment

HANDLE = f"{RUN_ID}/1"
NAME = f"runyard-{RUN_ID}-1"


class Answers(Machine):
    """A machine whose programs say what was written down for each; it notes all commands."""

    def __init__(self, **answers: Ran) -> None:
        self.answers = answers
        self.commands: list[list[str]] = []

    def run(self, words: Sequence[str], stdin: bytes = b"", within_s: float = 30.0) -> Ran:
        self.commands.append(list(words))
        return self.answers.get(words[0].rpartition("/")[2], Ran(0, b"", b""))


def lines(*each: str) -> Ran:
    return Ran(0, "".join(f"{line}\n" for line in each).encode(), b"")


@pytest.mark.parametrize(
    ("line", "job"),
    [
        (f"7_N/A|PENDING||{NAME}|Resources", SlurmJob(7, "PENDING", "Resources")),
        (f"7_N/A|RUNNING|n[1-2]|{NAME}|None", SlurmJob(7, "RUNNING", has_run=True)),
        (
            f"7_N/A|PENDING||{NAME}|Nodes required for job are DOWN, DRAINED or reserved",
            SlurmJob(7, "PENDING", "Nodes required for job are DOWN, DRAINED or reserved"),
        ),
        (f"7_N/A|PENDING||{NAME}|", SlurmJob(7, "PENDING")),
        (f"7_N/A|RUNNING|n1|x{NAME}|None", None),
        (f"7_N/A|RUNNING|n1|{NAME}x|None", None),
        ("7_N/A|RUNNING|n1|other's|None", None),
        (f"7_1|RUNNING|n1|{NAME}|None", None),
        ("", None),
        ("slurm_load_jobs: something", None),
    ],
)
def test_a_line_is_a_job_of_ours_or_none(line: str, job: SlurmJob | None):
    assert SlurmQueue(Answers(squeue=lines(line))).jobs() == ({} if job is None else {HANDLE: job})


def test_of_several_of_one_name_the_latest_counts():
    answer = lines(f"11_N/A|RUNNING|n1|{NAME}|None", f"9_N/A|FAILED|n1|{NAME}|None", f"10_N/A|FAILED|n1|{NAME}|None")
    assert SlurmQueue(Answers(squeue=answer)).jobs()[HANDLE].number == 11


@pytest.mark.parametrize(
    "state", ["COMPLETED", "CANCELLED", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED", "TIMEOUT"]
)
def test_what_is_over_is_over(state: str):
    job = SlurmJob(1, state)
    assert (job.is_over, job.waits, str(job)) == (True, False, f"job 1 of Slurm is {state}")


@pytest.mark.parametrize("state", ["RUNNING", "COMPLETING", "SUSPENDED", "STAGE_OUT", "UNHEARD_OF"])
def test_what_is_not_known_to_be_over_goes_on(state: str):
    assert not SlurmJob(1, state).is_over
    assert not SlurmJob(1, state).waits


def test_the_controller_is_not_asked_each_time():
    machine = Answers(squeue=lines(f"7_N/A|RUNNING|n1|{NAME}|None"), sbatch=lines("8;cluster"))
    queue = SlurmQueue(machine, looks_every_s=600.0)
    for _ in range(5):
        queue.jobs()
    launch = Launch("b" * 32, 1, {})
    queue.submit(launch, [], ["true"])
    assert queue.jobs()[launch.handle] == SlurmJob(8, "PENDING")
    assert [words[0] for words in machine.commands] == ["squeue", "sbatch"]
    # What is to be ended is looked at as it is then.
    queue.end(HANDLE)
    asked = [words[0] for words in machine.commands[2:]]
    assert asked == ["squeue", "scancel", "scancel"]


@pytest.mark.parametrize(
    "answer",
    [
        Ran(1, b"", b"sbatch: error: no"),
        Ran(0, b"", b""),
        Ran(0, b"Submitted job\n", b""),
        Ran(127, b"", b"x"),
    ],
)
def test_after_an_answer_that_says_nothing_slurm_is_asked_what_it_has(answer: Ran):
    machine = Answers(squeue=lines(), sbatch=answer)
    queue = SlurmQueue(machine, "/opt/slurm/bin/", looks_every_s=600.0)
    assert queue.jobs() == {}
    with pytest.raises(Unavailable, match="Slurm does not take the job"):
        queue.submit(Launch(RUN_ID, 1, {}), [], ["true"])
    machine.answers["squeue"] = lines(f"7_N/A|PENDING||{NAME}|None")
    assert HANDLE in queue.jobs()
    assert machine.commands[0][0] == "/opt/slurm/bin/squeue"


def test_words_before_the_number_are_a_greeting():
    queue = SlurmQueue(Answers(sbatch=lines("Welcome to the cluster", "", "12")), looks_every_s=600.0)
    queue.submit(Launch(RUN_ID, 1, {}), [], ["true"])


def test_a_job_that_can_not_be_killed_is_not_said_to_be():
    machine = Answers(squeue=lines(f"7_N/A|RUNNING|n1|{NAME}|None"), scancel=Ran(1, b"", b"scancel: error: no"))
    with pytest.raises(Unavailable, match="does not end job 7"):
        SlurmQueue(machine).kill(HANDLE)


def test_a_job_that_takes_long_to_leave_its_node_counts_as_gone_once_it_was_killed():
    machine = Answers(squeue=lines(f"7_N/A|COMPLETING|n1|{NAME}|None"))
    queue = SlurmQueue(machine, looks_every_s=0.0)
    queue.kill(HANDLE)
    assert queue.jobs() == {}
    machine.answers["squeue"] = lines()
    assert queue.jobs() == {}


def test_what_does_not_answer_is_unknown():
    launcher = SlurmLauncher(
        Answers(squeue=Ran(1, b"", b"Unable to contact slurm controller")), SlurmSettings(), NOBODY
    )
    assert [each.state.value for each in launcher.reports_of([HANDLE]).values()] == ["unknown"]
    with pytest.raises(Unavailable, match="Unable to contact slurm controller"):
        launcher.submit(Launch(RUN_ID, 1, assignment()))


@pytest.mark.parametrize(
    "settings",
    [
        {"partition": "a b"},
        {"partition": "x\n"},
        {"account": "$(touch x)"},
        {"cpus_per_slot": 0},
        {"time_limit_min": -1},
        {"memory_mb_per_slot": "1G"},
        {"gpus_per_slot": 65},
        {"sbatch_options": ["--wrap=touch x"]},
        {"sbatch_options": ["--uid=root"]},
        {"sbatch_options": ["--output=/etc/x"]},
        {"sbatch_options": ["--export=ALL"]},
        {"sbatch_options": ["--array=1-9"]},
        {"sbatch_options": ["-p", "x"]},
        {"sbatch_options": ["--nice", "5"]},
        {"sbatch_options": ["--constraint=a\nb"]},
        {"sbatch_options": ["--constraint=a\n"]},
        {"sbatch_options": ["--nice=1"] * 33},
        {"folder": "-rf"},
        {"folder": "~/x"},
        {"folder": "a\nb"},
        {"python": "-c"},
        {"programs": "--x"},
        {"programs": "bin"},
        {"folder": ""},
        {"python": ""},
        {"server_url": "file:///etc"},
        {"server_url": "http://a b"},
        {"ssh": {"host": "-oProxyCommand=x", "username": "u", "host_key_fingerprint": "SHA256:" + "a" * 43}},
        {"ssh": {"host": "h", "username": "u"}},
        {"jobs": 3},
    ],
    ids=str,
)
def test_settings_that_can_not_be_are_refused(settings: dict[str, Any]):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(settings, SlurmSettings)


def test_settings_that_can_be_are_taken():
    options = [
        "--constraint=a100&nvlink",
        "--exclusive",
        "--licenses=matlab:2",
        "--exclude=n[1-3]",
        "--nice=5",
    ]
    found = msgspec.convert({"sbatch_options": options, "folder": "/scratch/a b/ünï"}, SlurmSettings)
    assert found.sbatch_options == options
    assert KIND.runs_here(found)
    ssh = {"host": "login", "username": "u", "host_key_fingerprint": "SHA256:" + "a" * 43}
    assert not KIND.runs_here(msgspec.convert({"ssh": ssh}, SlurmSettings))


def test_each_target_has_a_folder_of_its_own_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whatever is no job of its own, a launcher may forget."""
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = SlurmSettings(folder=str(tmp_path / "shared"), python=sys.executable)
    # Of one name, on two servers.
    one, other = (KIND.open(Opening(tmp_path / name, "pool", settings)) for name in ("a", "b"))
    owner = (tmp_path / "a" / "owner").read_text()
    station = FarStation(ThisMachine(), sys.executable, settings.folder, owner)
    station.prepare(Launch(RUN_ID, 1, {}), assignment())
    assert list(one.list_launched()) == [f"{RUN_ID}/1"]
    assert list(other.list_launched()) == []
