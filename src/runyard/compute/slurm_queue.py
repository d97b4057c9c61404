"""The jobs of one user in Slurm's queue: asked for and told by Slurm's own programs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from runyard.compute.base import Launch
from runyard.compute.machine import Machine, Ran
from runyard.errors import Unavailable

LOOKS_EVERY_S = 5.0
"""One controller answers all users of a cluster, and agents tell most of what happens themselves."""

_BATCH = b'#!/bin/sh\nexec "$@"\n'
_NAME = re.compile(r"runyard-([0-9a-f]{32})-([0-9]{1,6})")
_SUBMITTED = re.compile(rb"([0-9]+)(;.*)?")
_FORMAT = "%A|%T|%N|%j|%r"
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
        number: Its id in Slurm.
        state: As Slurm calls it.
        reason: Why it is in that state, in Slurm's word; empty for no reason.
        has_run: Whether it was given a node.
    """

    number: int
    state: str
    reason: str = ""
    has_run: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs any more, or ever will."""
        return self.state in _OVER

    @property
    def waits(self) -> bool:
        """Whether it has no node yet."""
        return self.state in _WAITING

    def __str__(self) -> str:
        said = f" ({self.reason})" if self.reason else ""
        return f"job {self.number} of Slurm is {self.state}{said}"


def name_of(launch: Launch) -> str:
    """Return what a launch is called in Slurm."""
    return f"runyard-{launch.run_id}-{launch.attempt}"


class SlurmQueue:
    """Speaks with Slurm on a machine; one thread at a time does.

    Args:
        machine: Where Slurm's programs are.
        programs: Their folder there; empty where they are on the PATH.
        looks_every_s: For how long what was seen is believed.
    """

    def __init__(self, machine: Machine, programs: str = "", looks_every_s: float = LOOKS_EVERY_S) -> None:
        self._machine = machine
        self._programs = programs.rstrip("/")
        self._looks_every_s = looks_every_s
        self._seen: dict[str, SlurmJob] = {}
        self._seen_s: float | None = None
        self._killed: set[int] = set()

    def jobs(self) -> Mapping[str, SlurmJob]:
        """Return the user's jobs by the handles of their launches, those too that Slurm still remembers.

        Raises:
            Unavailable: Slurm does not answer.
        """
        if self._seen_s is None or time.monotonic() - self._seen_s >= self._looks_every_s:
            self._look()
        return self._seen

    def submit(self, launch: Launch, options: Sequence[str], words: Sequence[str]) -> None:
        """Have Slurm run a command; its words reach it as they are, there is no text of theirs in a script.

        Raises:
            Unavailable: Slurm does not answer, or refuses it.
        """
        # It may be in the queue though sbatch has failed, or did not end.
        self._seen_s, seen_s = None, self._seen_s
        name = f"--job-name={name_of(launch)}"
        ran = self._run("sbatch", "--parsable", name, *options, "/dev/stdin", *words, stdin=_BATCH)
        answered = _SUBMITTED.fullmatch((ran.stdout.split() or [b""])[-1])
        if ran.exit_code or answered is None:
            raise Unavailable(f"Slurm does not take the job: {ran.complaint}.")
        self._seen[launch.handle] = SlurmJob(int(answered[1]), "PENDING")
        self._seen_s = seen_s

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
        if job is not None and not job.is_over:
            # One of the two does nothing; in this order, whichever moment it begins at, one does.
            self._run("scancel", "--state=PENDING", str(job.number))
            self._run("scancel", "--batch", "--signal=TERM", str(job.number))
            self._seen_s = None

    def kill(self, handle: str) -> None:
        """End all processes of a job at once, and take it out.

        Raises:
            Unavailable: Slurm does not answer.
        """
        job = self._look().get(handle)
        if job is None or job.is_over:
            return
        # By itself scancel would first ask, and wait for as long as the cluster's KillWait.
        self._run("scancel", "--full", "--signal=KILL", str(job.number))
        ran = self._run("scancel", str(job.number))
        if ran.exit_code:
            left = self._look().get(handle)
            if left is not None and not left.is_over and left.state != _COMPLETING:
                raise Unavailable(f"Slurm does not end job {job.number}: {ran.complaint}.")
        self._killed.add(job.number)
        self._seen.pop(handle, None)

    def _look(self) -> Mapping[str, SlurmJob]:
        ran = self._run("squeue", "--noheader", "--me", "--states=all", f"--format={_FORMAT}")
        if ran.exit_code:
            raise Unavailable(f"Slurm does not answer: {ran.complaint}.")
        found = sorted(_parsed(ran.stdout.decode("utf-8", "replace")), key=lambda each: each[1].number)
        self._killed &= {job.number for _, job in found}
        # Of several of one name the latest counts.
        self._seen = {handle: job for handle, job in found if job.number not in self._killed}
        self._seen_s = time.monotonic()
        return self._seen

    def _run(self, program: str, *words: str, stdin: bytes = b"") -> Ran:
        place = f"{self._programs}/{program}" if self._programs else program
        return self._machine.run([place, *words], stdin)


def _parsed(lines: str) -> Iterator[tuple[str, SlurmJob]]:
    for line in lines.splitlines():
        number, state, nodes, name, reason = (*line.split("|", 4), "", "", "", "")[:5]
        named = _NAME.fullmatch(name)
        if named is not None and number.isdecimal():
            said = "" if reason in ("None", "(null)") else reason
            yield f"{named[1]}/{int(named[2])}", SlurmJob(int(number), state, said, bool(nodes))
