"""What is made of Slurm's answers, and what its settings let through; without Slurm."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runyard.compute.base import Launch, Opening
from runyard.compute.far_station import FarStation
from runyard.compute.machine import Machine, Ran, ThisMachine
from runyard.compute.slurm import KIND, SlurmLauncher, SlurmSettings
from runyard.compute.slurm_arrays import SEEN_JUST_NOW_S
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
    answer = lines(
        f"11_N/A|RUNNING|n1|{NAME}|None", f"9_N/A|FAILED|n1|{NAME}|None", f"10_N/A|FAILED|n1|{NAME}|None"
    )
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
    machine = Answers(
        squeue=lines(f"7_N/A|RUNNING|n1|{NAME}|None"), scancel=Ran(1, b"", b"scancel: error: no")
    )
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


TOKEN = "0123456789abcdef"
ARRAY = f"runyard-array-{TOKEN}"
OTHER = f"{'b' * 32}/1"


def queue_of(machine: Machine, *elements: str, looks_every_s: float = 0.0) -> SlurmQueue:
    """Return a queue of one of whose arrays these elements were written down."""
    written = {TOKEN: {str(task): each for task, each in enumerate(elements)}} if elements else {}
    return SlurmQueue(machine, looks_every_s=looks_every_s, read_arrays=lambda: written)


def words_of(machine: Answers, program: str) -> list[list[str]]:
    return [words[1:] for words in machine.commands if words[0] == program]


def test_elements_are_told_by_what_was_written_down_of_their_array():
    answer = lines(
        f"7_0|RUNNING|n1|{ARRAY}|None",
        f"7_1|PENDING||{ARRAY}|Resources",
        f"7_2|PENDING||{ARRAY}|Resources",
        f"8_0|RUNNING|n1|runyard-array-{'f' * 16}|None",
        f"7_N/A|CANCELLED||{ARRAY}|None",
        f"7_[1-2]|PENDING||{ARRAY}|Resources",
        "9_0|RUNNING|n1|their own|None",
        f"10_0|RUNNING|n1|{NAME}|None",
    )
    jobs = queue_of(Answers(squeue=answer), HANDLE, OTHER).jobs()
    assert jobs == {
        HANDLE: SlurmJob(7, "RUNNING", has_run=True, task=0),
        OTHER: SlurmJob(7, "PENDING", "Resources", task=1),
    }
    assert str(jobs[OTHER]) == "job 7_1 of Slurm is PENDING (Resources)"


def test_what_an_array_is_is_read_once_and_of_others_as_well():
    machine, asked = Answers(), 0

    def read() -> Mapping[str, Mapping[str, str]]:
        nonlocal asked
        asked += 1
        return {TOKEN: {"0": HANDLE}}

    queue = SlurmQueue(machine, looks_every_s=0.0, read_arrays=read)
    assert (queue.jobs(), asked) == ({}, 0)
    machine.answers["squeue"] = lines(
        f"7_0|RUNNING|n1|{ARRAY}|None", f"8_0|RUNNING|n1|runyard-array-{'f' * 16}|None"
    )
    for _ in range(3):
        assert (list(queue.jobs()), asked) == ([HANDLE], 1)
    # What is forgotten while Slurm still shows it is not asked for again either.
    queue.kill(HANDLE)
    assert (queue.jobs(), asked) == ({}, 1)


def test_of_an_element_and_a_later_job_of_one_launch_the_later_counts():
    answer = lines(f"7_0|FAILED|n1|{ARRAY}|None", f"8_N/A|RUNNING|n1|{NAME}|None")
    assert queue_of(Answers(squeue=answer), HANDLE).jobs()[HANDLE].id == "8"


def test_an_element_that_waits_is_taken_out_with_no_word_that_would_take_out_all_that_wait():
    waiting = [f"7_{task}|PENDING||{ARRAY}|Resources" for task in (0, 1)]
    for end in (SlurmQueue.end, SlurmQueue.kill):
        machine = Answers(squeue=lines(*waiting))
        queue = queue_of(machine, HANDLE, OTHER)
        with pytest.raises(Unavailable, match="does not end job 7_0"):
            end(queue, HANDLE)
        assert words_of(machine, "scancel") == [["7_0"]]


def test_an_element_that_runs_is_told_to_end_by_itself():
    machine = Answers(squeue=lines(f"7_0|RUNNING|n1|{ARRAY}|None"))
    queue = queue_of(machine, HANDLE)
    queue.end(HANDLE)
    assert words_of(machine, "scancel") == [["--batch", "--signal=TERM", "7_0"]]
    queue.kill(HANDLE)
    assert words_of(machine, "scancel")[1:] == [["--full", "--signal=KILL", "7_0"], ["7_0"]]
    assert queue.jobs() == {}


def test_an_element_that_slurm_shows_no_more_and_that_waited_never_had_a_node(
    monkeypatch: pytest.MonkeyPatch,
):
    now_s = 1_000.0
    monkeypatch.setattr("runyard.compute.slurm_queue.time.monotonic", lambda: now_s)
    waits, runs = f"7_0|PENDING||{ARRAY}|Resources", f"7_1|RUNNING|n1|{ARRAY}|None"
    machine = Answers(squeue=lines(waits, runs))
    queue = queue_of(machine, HANDLE, OTHER)
    assert queue.jobs().keys() == {HANDLE, OTHER}
    machine.answers["squeue"] = lines()
    for _ in range(2):
        now_s += SEEN_JUST_NOW_S - 1
        assert queue.jobs() == {HANDLE: SlurmJob(7, "CANCELLED", task=0)}
    assert str(queue.jobs()[HANDLE]) == "job 7_0 of Slurm is CANCELLED"
    # It is there after all; and so long after a look it may have run meanwhile, and be forgotten.
    machine.answers["squeue"] = lines(waits)
    assert queue.jobs()[HANDLE].state == "PENDING"
    machine.answers["squeue"] = lines()
    now_s += SEEN_JUST_NOW_S + 1
    assert queue.jobs() == {}


def test_an_array_whose_number_is_not_known_is_found_by_its_name():
    machine = Answers(squeue=lines(), sbatch=Ran(0, b"", b""))
    queue = queue_of(machine, looks_every_s=600.0)
    queue.jobs()
    with pytest.raises(Unavailable, match="Slurm does not take the job"):
        queue.submit_array(TOKEN, [HANDLE, OTHER], ["--nice=1"], ["python", "archive", "folder"])
    machine.answers["squeue"] = lines(f"7_1|PENDING||{ARRAY}|None")
    assert queue.jobs() == {OTHER: SlurmJob(7, "PENDING", task=1)}
    wanted = [f"--job-name={ARRAY}", "--array=0-1", "--nice=1", "/dev/stdin", "python", "archive", "folder"]
    assert words_of(machine, "sbatch") == [["--parsable", *wanted]]


@pytest.mark.parametrize(
    ("said", "most"),
    [
        ("MaxArraySize            = 1001\nMinJobAge               = 300 sec", 1_001),
        ("Configuration data\nMinJobAge = 0 sec\nMaxArraySize = 7\n", 7),
        ("MaxArraySize = 1001\nMinJobAge = 59 sec", 1),
        ("MaxArraySize = 0\nMinJobAge = 300 sec", 1),
        ("MaxArraySize = 1\nMinJobAge = 300 sec", 1),
        ("NoMaxArraySize = 9\nMinJobAge = 300 sec", 1),
        ("MaxArraySize = 1001", 1),
        ("MaxArraySize = many\nMinJobAge = 300 sec", 1),
        ("", 1),
    ],
)
def test_how_large_an_array_may_be_is_what_the_cluster_says(said: str, most: int):
    machine = Answers(scontrol=Ran(1, b"", b"no"))
    queue = SlurmQueue(machine)
    assert queue.most_in_array() == 1
    # A cluster that has not said it is asked again; one that has is not.
    machine.answers["scontrol"] = lines(said)
    assert [queue.most_in_array() for _ in range(3)] == [most] * 3
    assert len(machine.commands) == 2


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
