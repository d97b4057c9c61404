"""Jobs on a Slurm cluster: an agent is a batch job, and its folder one that all nodes see."""

from __future__ import annotations

import contextlib
import logging
import math
import secrets
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import PurePosixPath
from typing import Annotated, Any

import msgspec

from runyard.compute.base import (
    AgentReport,
    AgentState,
    Launch,
    NotTried,
    Opening,
    ServerUrl,
    TargetKind,
    owner_of,
    refusal_among,
)
from runyard.compute.far_station import FOLDER, FarStation
from runyard.compute.machine import Machine, ThisMachine
from runyard.compute.slurm_queue import LOOKS_EVERY_S, SlurmJob, SlurmQueue
from runyard.compute.ssh_address import CREDENTIAL, KNOWN_BY, SshAddress
from runyard.compute.ssh_machine import SshMachine
from runyard.compute.stationed import StationLauncher
from runyard.errors import RunyardError, Unavailable

SETTLED_WITHIN_S = 10.0
"""How long a shared file system may take to show on one machine what was written on another."""
_FILES_SEEN_AFTER = 9
"""Times that: until it is believed that something was not written. For a minute a machine may remember of a
shared file system that a name was not there."""
AROUND_SCRIPT_S = 900
"""What a job may take beside its script's own time: to make its environment, and to send what is left."""
MOST_IN_ARRAY = 50
"""Jobs of one call of ``sbatch``: their folders are made by one question, which is not to take long."""

_log = logging.getLogger("runyard.jobs")
_OPTIONS = (
    "constraint|contiguous|cpu-freq|cpus-per-gpu|exclude|exclusive|gpu-bind|gpu-freq|gpus|gpus-per-node|gres|hint"
    "|licenses|mail-type|mail-user|mem-per-cpu|mem-per-gpu|network|nice|nodelist|overcommit|oversubscribe|prefer"
    "|priority|reservation|switches|threads-per-core|tmp|wckey"
)
_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.,@+-]*\Z", max_length=200)]
_Path = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f~-][^\x00-\x1f\x7f]*\Z", max_length=1_000)]
_Folder = Annotated[str, msgspec.Meta(pattern=r"^(/[^\x00-\x1f\x7f]*)?\Z", max_length=1_000)]
_Option = Annotated[str, msgspec.Meta(pattern=rf"^--({_OPTIONS})(=[^\x00-\x1f\x7f]+)?\Z", max_length=500)]


class SlurmSettings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How jobs are given to Slurm, and what one slot is.

    Args:
        partition: Where they run; empty for the cluster's default.
        account: Whom they are charged to.
        qos: Their quality of service.
        time_limit_min: The longest that one may ask for; 0 for what the partition gives.
        cpus_per_slot: CPUs of a slot.
        memory_mb_per_slot: Memory of a slot; 0 for what the partition gives.
        gpus_per_slot: GPUs of a slot.
        gpu_type: Which, as the cluster calls them; empty for any.
        sbatch_options: More options of ``sbatch``, a word each: ``--constraint=a100``.
        folder: Where the folders of jobs lie, absolute or below the home, where all nodes see them.
        python: The interpreter there and on the nodes, 3.10 or newer.
        programs: The folder of Slurm's programs, absolute; empty where they are on the PATH.
        server_url: Where the nodes reach the server; empty for the server's public address.
        ssh: The machine where Slurm's programs are; none for the server's own.
        use_containers: Whether jobs may be in containers on the nodes.
    """

    partition: _Name = ""
    account: _Name = ""
    qos: _Name = ""
    time_limit_min: Annotated[int, msgspec.Meta(ge=0, le=525_600)] = 0
    cpus_per_slot: Annotated[int, msgspec.Meta(ge=1, le=1_024)] = 1
    memory_mb_per_slot: Annotated[int, msgspec.Meta(ge=0, le=16_777_216)] = 0
    gpus_per_slot: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    gpu_type: _Name = ""
    sbatch_options: Annotated[list[_Option], msgspec.Meta(max_length=32)] = []
    folder: _Path = FOLDER
    python: _Path = "python3"
    programs: _Folder = ""
    server_url: ServerUrl = ""
    ssh: SshAddress | None = None
    use_containers: bool = True


@dataclass(frozen=True, slots=True)
class _Gone:
    """An agent that Slurm has no job of any more: since when, and what its folder said at the last look."""

    since_s: float
    looked_s: float
    report: AgentReport


class SlurmLauncher(StationLauncher):
    """Gives agents to Slurm on the machine where its programs are.

    Args:
        machine: That machine.
        settings: What a job asks for.
        server: Where the nodes reach the server; empty if nobody said.
        looks_every_s: For how long what was seen is believed.
        settled_within_s: How long an agent may have left Slurm before it counts as gone.
        owner: Below what name the folders of its jobs lie.
    """

    submits_at_once = MOST_IN_ARRAY

    def __init__(
        self,
        machine: Machine,
        settings: SlurmSettings,
        server: str,
        looks_every_s: float = LOOKS_EVERY_S,
        settled_within_s: float = SETTLED_WITHIN_S,
        owner: str = "jobs",
    ) -> None:
        self._machine = machine
        self._settings = settings
        self._server = settings.server_url or server
        self._looks_every_s = looks_every_s
        self._settled_within_s = settled_within_s
        self._station = FarStation(machine, settings.python, settings.folder, owner)
        super().__init__(self._station)
        self._queue = SlurmQueue(machine, settings.programs, looks_every_s, self._station.read_arrays)
        self._gone: dict[str, _Gone] = {}

    def check(self) -> None:
        self._server_or_raise()
        self._station.list_handles()
        self._queue.check(self._resources(1, 0))

    def close(self) -> None:
        self._machine.close()

    def submit(self, launch: Launch) -> str:
        assignment = self._assignment(launch)
        self._kill_started([launch])
        folder = self._station.prepare(launch, assignment)
        options = [*self._asked(launch), *_placed(folder, "agent.log")]
        try:
            self._queue.submit(launch, options, self._words(folder))
        except Unavailable:
            # If Slurm has taken it all the same, an agent without a folder ends at once.
            with contextlib.suppress(Unavailable):
                self._station.forget(launch.handle)
            raise
        self._gone.pop(launch.handle, None)
        return launch.handle

    def submit_many(self, launches: Sequence[Launch]) -> Sequence[str | RunyardError]:
        outcomes: list[str | RunyardError] = []
        # Only neighbors are put together: the order of launches is that of priorities.
        for group in self._groups(launches):
            refusal = refusal_among(outcomes)
            outcomes += (
                self._submit_alike(group) if refusal is None else [NotTried(str(refusal))] * len(group)
            )
        return outcomes

    def _groups(self, launches: Sequence[Launch]) -> Iterator[Sequence[Launch]]:
        """Yield launches that ask for the same and may be one array."""
        most = self._queue.most_in_array() if len(launches) > 1 else 1
        for _, alike in groupby(launches, self._asked):
            group = list(alike)
            yield from (group[start : start + most] for start in range(0, len(group), most))

    def _submit_alike(self, launches: Sequence[Launch]) -> Sequence[str | RunyardError]:
        """Submit launches that ask for the same: as one array, or each for itself if that is not taken."""
        if len(launches) == 1:
            return super().submit_many(launches)
        try:
            self._submit_array(launches)
        except RunyardError as error:
            _log.info("no array of %d jobs: %s", len(launches), error)
            return super().submit_many(launches)
        return [launch.handle for launch in launches]

    def _submit_array(self, launches: Sequence[Launch]) -> None:
        assignments = {launch.handle: self._assignment(launch) for launch in launches}
        self._kill_started(launches)
        token = secrets.token_hex(8)
        folder = self._station.prepare_array(token, assignments)
        options = [*self._asked(launches[0]), *_placed(folder, "%a/agent.log")]
        try:
            self._queue.submit_array(token, list(assignments), options, self._words(folder))
        except Unavailable:
            # As of one job; and what Slurm may have taken is found by what stays there of the array.
            with contextlib.suppress(Unavailable):
                self._station.empty_array(token)
            raise
        for handle in assignments:
            self._gone.pop(handle, None)

    def reports_of(self, launched: Collection[str]) -> Mapping[str, AgentReport]:
        try:
            jobs = self._queue.jobs()
            gone = {each for each in launched if each not in jobs or jobs[each].is_over}
            self._look_at(gone, jobs)
        except RunyardError:
            return {each: AgentReport(AgentState.UNKNOWN) for each in launched}
        return {each: self._settled(each) if each in gone else _going_on(jobs[each]) for each in launched}

    def cancel(self, launched: str) -> None:
        self._queue.end(launched)

    def forget(self, launched: str) -> None:
        self._queue.kill(launched)
        super().forget(launched)
        self._gone.pop(launched, None)

    def _server_or_raise(self) -> str:
        if not self._server:
            raise Unavailable(
                "Nobody has said where the nodes reach this server. "
                "Give the target a server_url, or the server a public_url."
            )
        return self._server

    def _assignment(self, launch: Launch) -> Mapping[str, Any]:
        return launch.elsewhere(self._server_or_raise(), use_containers=self._settings.use_containers)

    def _kill_started(self, launches: Sequence[Launch]) -> None:
        """End what was started for these launches before."""
        for handle in {launch.handle for launch in launches} & self._queue.jobs().keys():
            self._queue.kill(handle)

    def _asked(self, launch: Launch) -> Sequence[str]:
        """Return all that a launch asks Slurm for, except where it lies."""
        told = launch.assignment
        return [
            *self._resources(launch.slots, int(told["max_duration_s"])),
            f"--comment=Runyard, workspace {told['workspace']}",
            "--open-mode=append",
            "--no-requeue",
        ]

    def _words(self, folder: str) -> Sequence[str]:
        """Return what an agent is started with."""
        place = PurePosixPath(folder)
        return [
            self._settings.python,
            str(place.parents[2] / PurePosixPath(self._station.archive).name),
            folder,
        ]

    def _resources(self, slots: int, max_duration_s: int) -> Sequence[str]:
        """Return what a job of so many slots asks for: all of them on one node, for one agent."""
        own = self._settings
        asked = {
            "partition": own.partition,
            "account": own.account,
            "qos": own.qos,
            "time": self._minutes(max_duration_s),
            "nodes": 1,
            "ntasks": 1,
            "cpus-per-task": slots * own.cpus_per_slot,
            "mem": f"{slots * own.memory_mb_per_slot}M" if own.memory_mb_per_slot else "",
            "gres": ":".join(["gpu", *filter(None, [own.gpu_type]), str(slots * own.gpus_per_slot)])
            if own.gpus_per_slot
            else "",
        }
        return [*(f"--{name}={value}" for name, value in asked.items() if value), *own.sbatch_options]

    def _minutes(self, max_duration_s: int) -> int:
        """Return for how long a job asks, as its script and the target may; 0 for the partition's time."""
        wanted = math.ceil((max_duration_s + AROUND_SCRIPT_S) / 60) if max_duration_s else 0
        return min(filter(None, (wanted, self._settings.time_limit_min)), default=0)

    def _look_at(self, gone: Collection[str], jobs: Mapping[str, SlurmJob]) -> None:
        """See what is in the folders of agents that have left Slurm, each not too often."""
        now_s = time.monotonic()
        due = [
            each
            for each in gone
            if each not in self._gone or now_s - self._gone[each].looked_s >= self._looks_every_s
        ]
        # Where a script is over and not all is sent, that starts an agent there which sends the rest.
        for each, report in self._station.look(due).items():
            job = jobs.get(each)
            since_s = self._gone[each].since_s if each in self._gone else now_s
            if job is not None and not job.has_run:
                since_s = -math.inf
            self._gone[each] = _Gone(since_s, now_s, _explained(report, job))

    def _settled(self, handle: str) -> AgentReport:
        gone = self._gone[handle]
        # That a node has written down nothing is seen late by the machine of the queue, and a script must not
        # run twice.
        times = _FILES_SEEN_AFTER if gone.report.has_run_nothing else 1
        is_new = time.monotonic() - gone.since_s < self._settled_within_s * times
        is_unsure = is_new and gone.report.state is AgentState.GONE
        return AgentReport(AgentState.UNKNOWN) if is_unsure else gone.report


def _placed(folder: str, log: str) -> Sequence[str]:
    """Return the options that say where a job of a folder is, and where its agent's own words go."""
    # In the name of that file, unlike the folder's, a percent sign means something.
    return [f"--chdir={folder}", f"--output={folder.replace('%', '%%')}/{log}"]


def _going_on(job: SlurmJob) -> AgentReport:
    return AgentReport(AgentState.ALIVE, reason=str(job) if job.waits else "")


def _explained(report: AgentReport, job: SlurmJob | None) -> AgentReport:
    """Return a report with Slurm's own word for why an agent is gone, for as long as Slurm remembers it."""
    if report.state is not AgentState.GONE or job is None:
        return report
    return replace(report, reason=": ".join(filter(None, [str(job), report.reason])))


def _runs_here(settings: SlurmSettings) -> bool:
    return settings.ssh is None


def _open(opening: Opening) -> SlurmLauncher:
    settings: SlurmSettings = opening.settings
    machine: Machine = ThisMachine()
    if settings.ssh is not None:
        machine = SshMachine(
            settings.ssh, opening.credential, opening.lookup, with_own_keys=opening.is_of_one_person
        )
    return SlurmLauncher(machine, settings, opening.server, owner=owner_of(opening))


KIND = TargetKind(
    title="Slurm",
    summary="A cluster of Slurm: its programs are on the server's machine, or on one reached over SSH.",
    settings=SlurmSettings,
    credential=CREDENTIAL,
    open=_open,
    runs_here=_runs_here,
    known_by=KNOWN_BY,
)
