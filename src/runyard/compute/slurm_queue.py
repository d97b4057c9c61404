"""The jobs of one user in Slurm's queue: asked for and told by Slurm's own programs."""

from __future__ import annotations

import contextlib
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from runyard.compute.base import Launch
from runyard.compute.machine import Machine, Ran
from runyard.compute.slurm_arrays import SEEN_JUST_NOW_S, ReadArrays, SlurmArrays, most_elements
from runyard.errors import Unavailable

LOOKS_EVERY_S = 5.0
"""One controller answers all users of a cluster, and agents tell most of what happens themselves."""

_BATCH = b'#!/bin/sh\nexec "$@"\n'
_ELEMENT = b'#!/bin/sh\ncd -P "$3/$SLURM_ARRAY_TASK_ID" && exec "$1" "$2" "$PWD"\n'
_NAME = re.compile(r"runyard-([0-9a-f]{32})-([0-9]{1,6})")
_NAME_OF_ARRAY = re.compile(r"runyard-array-([0-9a-f]{16})")
_NUMBERS = re.compile(r"([0-9]+)_([0-9]+|N/A)")
_SUBMITTED = re.compile(rb"([0-9]+)(;.*)?")
_FORMAT = "%F_%K|%T|%N|%j|%r"
_COMPLETING = "COMPLETING"
_WAITING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD"})
_OVER = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "LAUNCH_FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "SPECIAL_EXIT",
        "TIMEOUT",
    }
)


@dataclass(frozen=True, slots=True)
class SlurmJob:
    """A job as Slurm has it.

    Args:
        number: Its id in Slurm, or that of its array.
        state: As Slurm calls it.
        reason: Why it is in that state, in Slurm's word; empty for no reason.
        has_run: Whether it was given a node.
        task: Which element of its array it is; none for a job of its own.
    """

    number: int
    state: str
    reason: str = ""
    has_run: bool = False
    task: int | None = None

    @property
    def id(self) -> str:
        """What Slurm's programs call it."""
        return str(self.number) if self.task is None else f"{self.number}_{self.task}"

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs any more, or ever will."""
        return self.state in _OVER

    @property
    def waits(self) -> bool:
        """Whether it has no node yet."""
        return self.state in _WAITING

    @property
    def waits_in_array(self) -> bool:
        """Whether it is an element that Slurm has no record of its own of: one is for all that wait."""
        return self.task is not None and not self.has_run and not self.is_over

    def __str__(self) -> str:
        said = f" ({self.reason})" if self.reason else ""
        return f"job {self.id} of Slurm is {self.state}{said}"


def name_of(launch: Launch) -> str:
    """Return what a launch is called in Slurm."""
    return f"runyard-{launch.run_id}-{launch.attempt}"


class SlurmQueue:
    """Speaks with Slurm on a machine; one thread at a time does.

    Args:
        machine: Where Slurm's programs are.
        programs: Their folder there; empty where they are on the PATH.
        looks_every_s: For how long what was seen is believed.
        read_arrays: Returns what :class:`SlurmArrays` is told.
    """

    def __init__(
        self,
        machine: Machine,
        programs: str = "",
        looks_every_s: float = LOOKS_EVERY_S,
        read_arrays: ReadArrays = dict,
    ) -> None:
        self._machine = machine
        self._programs = programs.rstrip("/")
        self._looks_every_s = looks_every_s
        self._arrays = SlurmArrays(read_arrays)
        self._most_in_array: int | None = None
        self._seen: dict[str, SlurmJob] = {}
        self._seen_s: float | None = None
        self._looked_s = -math.inf
        self._killed: set[str] = set()
        # Elements that were taken out of their arrays before they had a node: Slurm shows no more of them.
        self._taken_out: dict[str, SlurmJob] = {}

    def jobs(self) -> Mapping[str, SlurmJob]:
        """Return the user's jobs by the handles of their launches, those too that Slurm still remembers.

        Raises:
            Unavailable: Slurm does not answer.
        """
        if self._seen_s is None or time.monotonic() - self._seen_s >= self._looks_every_s:
            self._look()
        return self._seen

    def most_in_array(self) -> int:
        """Return how many elements an array may have here; 1 where there are to be none."""
        if self._most_in_array is None:
            ran = self._run("scontrol", "show", "config")
            if ran.exit_code:
                return 1
            self._most_in_array = most_elements(ran.stdout.decode("utf-8", "replace"))
        return self._most_in_array

    def submit(self, launch: Launch, options: Sequence[str], words: Sequence[str]) -> None:
        """Have Slurm run a command; its words reach it as they are, there is no text of theirs in a script.

        Raises:
            Unavailable: Slurm does not answer, or refuses it.
        """
        self._let_go([launch.handle])
        with self._submitting():
            number = self._sbatch(_BATCH, f"--job-name={name_of(launch)}", *options, "/dev/stdin", *words)
            self._seen[launch.handle] = SlurmJob(number, "PENDING")

    def submit_array(
        self, token: str, handles: Sequence[str], options: Sequence[str], words: Sequence[str]
    ) -> None:
        """Have Slurm run a command in several folders, by one call.

        Args:
            token: What the array is called.
            handles: The launches that are its elements, in order.
            options: What each of them asks for.
            words: An interpreter, its file, and the folder in which each element has its own, by its number.

        Raises:
            Unavailable: Slurm does not answer, or refuses it. It may have taken it all the same.
        """
        self._let_go(handles)
        self._arrays.note(token, dict(enumerate(handles)))
        own = (f"--job-name=runyard-array-{token}", f"--array=0-{len(handles) - 1}")
        with self._submitting():
            number = self._sbatch(_ELEMENT, *own, *options, "/dev/stdin", *words)
            for task, handle in enumerate(handles):
                self._seen[handle] = SlurmJob(number, "PENDING", task=task)

    def check(self, options: Sequence[str]) -> None:
        """Return if Slurm would take a job of these options.

        Raises:
            Unavailable: It would not, or does not answer.
        """
        ran = self._run("sbatch", "--test-only", *options, "/dev/stdin", "true", stdin=_BATCH)
        if ran.exit_code:
            raise Unavailable(f"Slurm takes no jobs of these settings: {ran.complaint}.")

    def end(self, handle: str) -> None:
        """Have a job end gently: one that waits is taken out, the first process of one that runs is told to.

        Raises:
            Unavailable: Slurm does not answer.
        """
        job = self._look().get(handle)
        if job is None or job.is_over:
            return
        if job.waits_in_array:
            # One that begins in this moment is told to end as well, and has the cluster's KillWait for it.
            self._take_out(handle, job)
            return
        # One of the two does nothing; in this order, whichever moment it begins at, one does.
        if job.task is None:
            self._run("scancel", "--state=PENDING", job.id)
        self._run("scancel", "--batch", "--signal=TERM", job.id)
        self._seen_s = None

    def kill(self, handle: str) -> None:
        """End all processes of a job at once, and take it out.

        Raises:
            Unavailable: Slurm does not answer.
        """
        job: SlurmJob | None = self._look().get(handle)
        if job is not None and job.waits_in_array:
            job = self._take_out(handle, job)
        self._let_go([handle])
        if job is None or job.is_over:
            return
        # By itself scancel would first ask, and wait for as long as the cluster's KillWait.
        self._run("scancel", "--full", "--signal=KILL", job.id)
        ran = self._run("scancel", job.id)
        if ran.exit_code:
            left = self._look().get(handle)
            if left is not None and not left.is_over and left.state != _COMPLETING:
                raise Unavailable(f"Slurm does not end job {job.id}: {ran.complaint}.")
        self._killed.add(job.id)
        self._seen.pop(handle, None)

    def _take_out(self, handle: str, job: SlurmJob) -> SlurmJob | None:
        """Take an element out of its array and return what there is of it then: it may have begun meanwhile.

        With a signal or a condition scancel would end all elements that wait, whichever it was told.
        """
        ran = self._run("scancel", job.id)
        left = self._look().get(handle)
        if left is not None and left.waits_in_array:
            raise Unavailable(f"Slurm does not end job {job.id}: {ran.complaint}.")
        return left

    def _let_go(self, handles: Sequence[str]) -> None:
        """Forget what these launches have been in Slurm so far."""
        self._arrays.release(handles)
        for handle in handles:
            self._taken_out.pop(handle, None)

    @contextlib.contextmanager
    def _submitting(self) -> Iterator[None]:
        """Believe what was seen before only if Slurm's answer to what is submitted is known."""
        # It may be in the queue though sbatch has failed, or did not end.
        self._seen_s, seen_s = None, self._seen_s
        yield
        self._seen_s = seen_s

    def _sbatch(self, script: bytes, *words: str) -> int:
        ran = self._run("sbatch", "--parsable", *words, stdin=script)
        answered = _SUBMITTED.fullmatch((ran.stdout.split() or [b""])[-1])
        if ran.exit_code or answered is None:
            raise Unavailable(f"Slurm does not take the job: {ran.complaint}.")
        return int(answered[1])

    def _look(self) -> Mapping[str, SlurmJob]:
        asked = ("--noheader", "--me", "--states=all", "--array", f"--format={_FORMAT}")
        ran = self._run("squeue", *asked)
        if ran.exit_code:
            raise Unavailable(f"Slurm does not answer: {ran.complaint}.")
        lines = list(_parsed(ran.stdout.decode("utf-8", "replace")))
        self._arrays.learn({named for named, job in lines if job.task is not None})
        self._killed &= {job.id for _, job in lines}
        found = ((self._handle_of(named, job), job) for named, job in lines if job.id not in self._killed)
        # Of several of one name the latest counts.
        seen = {handle: job for handle, job in sorted(found, key=lambda each: each[1].number) if handle}
        now_s = time.monotonic()
        if now_s - self._looked_s < SEEN_JUST_NOW_S:
            left = {handle: job for handle, job in self._seen.items() if job.waits_in_array}
            self._taken_out |= {
                handle: replace(job, state="CANCELLED", reason="") for handle, job in left.items()
            }
        for handle in seen:
            self._taken_out.pop(handle, None)
        self._seen = self._taken_out | seen
        self._seen_s = self._looked_s = now_s
        return self._seen

    def _handle_of(self, named: str, job: SlurmJob) -> str | None:
        return named if job.task is None else self._arrays.handle_of(named, job.task)

    def _run(self, program: str, *words: str, stdin: bytes = b"") -> Ran:
        place = f"{self._programs}/{program}" if self._programs else program
        return self._machine.run([place, *words], stdin)


def _parsed(lines: str) -> Iterator[tuple[str, SlurmJob]]:
    """Yield the jobs of ours that lines tell of, each with its handle, or with the token of its array."""
    for line in lines.splitlines():
        numbers, state, nodes, name, reason = (*line.split("|", 4), "", "", "", "")[:5]
        numbered = _NUMBERS.fullmatch(numbers)
        if numbered is None:
            continue
        is_single = numbered[2] == "N/A"
        named = (_NAME if is_single else _NAME_OF_ARRAY).fullmatch(name)
        if named is not None:
            said = "" if reason in ("None", "(null)") else reason
            task = None if is_single else int(numbered[2])
            called = f"{named[1]}/{int(named[2])}" if is_single else named[1]
            yield called, SlurmJob(int(numbered[1]), state, said, bool(nodes), task)
