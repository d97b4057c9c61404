"""The queue of jobs: starts those whose turn it is, and notes what becomes of those that were started.

Each server has one such thread. A job belongs to the machine whose launcher has started it, and only the
server there watches it; the queue itself is one for all servers, and a transaction decides who starts a job.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runyard.compute.base import AgentReport, AgentState, Launch, Launcher
from runyard.entities.compute_target import THIS_MACHINE, ComputeKind, ComputeTarget
from runyard.entities.job import Job, JobSpec, JobStatus
from runyard.errors import InvalidParameter, NotFound, RunyardError
from runyard.services.compute_targets import target_of
from runyard.services.job_life import AttemptEnd, begin_attempt, end_attempt, lose
from runyard.services.operation import Operation
from runyard.services.own_wheel import write_own_wheel
from runyard.settings import Settings
from runyard.stores.artifacts.paths import proxied_path
from runyard.stores.opening import Stores

BEAT_S = 5.0
LOST_AFTER_S = 3 * BEAT_S
STOP_GRACE_S = 10.0
AGENTS_FIND_IT_WITHIN_S = 45.0
"""A server that was away is not to believe that all jobs are lost: agents ask with rests of up to 30 s."""
CANCELED_WITHIN_S = STOP_GRACE_S + 20.0
LAUNCHED_AGAIN_AFTER_S = 5.0
LAUNCHES_OF_AN_ATTEMPT = 3

_log = logging.getLogger("runyard.jobs")


class JobQueue:
    """Brings jobs of one machine from their submission to their end.

    Args:
        stores: What the server remembers.
        settings: How it runs.
        operation: The server; it knows its own address once it takes connections.
        launchers: What starts jobs, by the kind of their target.
        host: What this machine is called among the servers of the database.
    """

    def __init__(
        self,
        stores: Stores,
        settings: Settings,
        operation: Operation,
        launchers: Mapping[ComputeKind, Launcher],
        host: str,
    ) -> None:
        self._stores = stores
        self._settings = settings
        self._operation = operation
        self._launchers = launchers
        self._host = host
        self._since_s = time.monotonic()
        self._told_to_end: set[str] = set()
        self._own_wheel: Path | None = None
        self._not_before_s: dict[str, float] = {}
        self._launches: dict[tuple[str, int], int] = {}
        self._left = {
            (kind, handle) for kind, launcher in launchers.items() for handle in launcher.list_launched()
        }

    def work(self, now_ms: int) -> None:
        """Do what is due."""
        jobs = self._stores.metadata.jobs.list_active()
        own = [job for job in jobs if job.status.holds_slots and job.host == self._host]
        for job, report in self._reports(own):
            self._take(job, report, now_ms)
        self._lose_silent(jobs, now_ms)
        for job in self._due(jobs, now_ms):
            self._launch(job, now_ms)
        self._clear_up(own)

    def _reports(self, own: Iterable[Job]) -> Iterator[tuple[Job, AgentReport]]:
        by_kind: dict[ComputeKind, dict[str, Job]] = {}
        for job in own:
            kind, handle = _parted(job.launched) if job.launched else self._found_again(job)
            if handle:
                by_kind.setdefault(kind, {})[handle] = job
                self._left.add((kind, handle))
            else:
                yield job, AgentReport(AgentState.GONE)
        for kind, handles in by_kind.items():
            for handle, report in self._launchers[kind].reports_of(handles.keys()).items():
                yield handles[handle], report

    def _found_again(self, job: Job) -> tuple[ComputeKind, str]:
        """Return what finds the agent of a job that a server began and died before it could note it."""
        for kind, launcher in self._launchers.items():
            handle = launcher.find(job.run_id, job.attempt)
            if handle is not None:
                launched = f"{kind.value}:{handle}"
                self._stores.metadata.jobs.update_job(job.run_id, launched=launched)
                return kind, handle
        return ComputeKind.LOCAL, ""

    def _take(self, job: Job, report: AgentReport, now_ms: int) -> None:
        """Note what a launcher sees of a job's agent."""
        if report.state is AgentState.ENDED:
            status = JobStatus(report.status)
            end = AttemptEnd(status, report.exit_code, report.reason)
        elif report.state is AgentState.GONE:
            if job.status is JobStatus.STARTING and job.canceled_ms is None and self._may_launch_again(job):
                # No agent has asked for the script yet, and the next one's key shuts out this one.
                self._launch(job, now_ms, again=True)
                return
            said = f": {report.reason}" if report.reason else ""
            reason = f"its agent is gone; it was killed, or the machine was started anew{said}"
            end = AttemptEnd(JobStatus.FAILED, None, reason)
        else:
            if report.state is AgentState.ALIVE and job.canceled_ms is not None:
                self._end_canceled(job, now_ms)
            return
        self._stores.database.retrying(
            lambda: end_attempt(self._stores, job.run_id, job.attempt, end, now_ms)
        )

    def _may_launch_again(self, job: Job) -> bool:
        attempt = (job.run_id, job.attempt)
        self._launches[attempt] = self._launches.get(attempt, 0) + 1
        return self._launches[attempt] < LAUNCHES_OF_AN_ATTEMPT

    def _end_canceled(self, job: Job, now_ms: int) -> None:
        kind, handle = _parted(job.launched)
        if job.launched not in self._told_to_end:
            self._told_to_end.add(job.launched)
            self._launchers[kind].cancel(handle)
        elif now_ms - (job.canceled_ms or 0) > CANCELED_WITHIN_S * 1000:
            self._launchers[kind].forget(handle)

    def _lose_silent(self, jobs: Iterable[Job], now_ms: int) -> None:
        if time.monotonic() - self._since_s < AGENTS_FIND_IT_WITHIN_S:
            return
        for job in jobs:
            silent_s = (now_ms - job.seen_ms) / 1000
            if job.status.holds_slots and job.status is not JobStatus.LOST and silent_s > LOST_AFTER_S:
                reason = f"its agent has said nothing for {silent_s:.0f} s"
                self._stores.database.retrying(partial(lose, self._stores, job, now_ms, reason))

    def _due(self, jobs: list[Job], now_ms: int) -> Iterator[Job]:
        """Yield the jobs whose turn it is, as long as their targets have slots."""
        free: dict[tuple[str, str], int] = {}
        for job in jobs:
            if job.status is not JobStatus.QUEUED:
                continue
            place = (job.workspace, job.compute)
            if place not in free:
                target = self._target(job)
                if target is None:
                    self._end_without_target(job, now_ms)
                    continue
                free[place] = self._free_slots(target, jobs)
            # Who needs more than is free is not overtaken by others, else it would never begin.
            free[place] -= job.spec.slots
            if free[place] >= 0:
                yield job

    def _target(self, job: Job) -> ComputeTarget | None:
        here = target_of(self._settings, job.workspace, job.compute)
        return here or self._stores.metadata.compute_targets.find_target(job.workspace, job.compute)

    def _free_slots(self, target: ComputeTarget, jobs: Iterable[Job]) -> int:
        if target.is_paused or target.kind not in self._launchers:
            return 0
        taken = 0
        for job in jobs:
            is_of_it = (job.workspace, job.compute) == (target.workspace, target.name)
            # The machine itself is one for all workspaces.
            is_here = job.compute == target.name == THIS_MACHINE and job.host == self._host
            if job.status.holds_slots and (is_here or (is_of_it and target.name != THIS_MACHINE)):
                taken += job.spec.slots
        return target.slots - taken

    def _end_without_target(self, job: Job, now_ms: int) -> None:
        if job.compute == THIS_MACHINE:  # another server of the database may run jobs
            return
        why = f"there is no compute target '{job.compute}' any more"
        end_attempt(self._stores, job.run_id, job.attempt, AttemptEnd(JobStatus.FAILED, None, why), now_ms)

    def _launch(self, job: Job, now_ms: int, *, again: bool = False) -> None:
        target = self._target(job)
        if target is None or time.monotonic() < self._not_before_s.get(job.run_id, 0.0):
            return
        retrying = self._stores.database.retrying
        key = retrying(lambda: begin_attempt(self._stores, job, self._host, now_ms, again=again))
        if key is None:
            return
        attempt = job.attempt if again else job.attempt + 1
        try:
            launch = Launch(job.run_id, attempt, self._assignment(job, attempt, key))
            handle = self._launchers[target.kind].submit(launch)
        except NotFound:  # the run is being removed for good
            return
        except RunyardError as error:
            self._not_before_s[job.run_id] = time.monotonic() + LAUNCHED_AGAIN_AFTER_S
            _log.warning("job %s is not started yet: %s", job.run_id, error)
            return
        self._not_before_s.pop(job.run_id, None)
        launched = f"{target.kind.value}:{handle}"
        retrying(lambda: self._stores.metadata.jobs.update_job(job.run_id, launched=launched))

    def _assignment(self, job: Job, attempt: int, key: str) -> Mapping[str, Any]:
        run = self._stores.metadata.runs.get_run(job.workspace, job.run_id)
        experiment = self._stores.metadata.experiments.get_experiment(job.workspace, job.experiment_id)
        spec = job.spec
        return {
            "url": f"{self._operation.address}/workspaces/{quote(job.workspace, safe='')}",
            "ca": self._operation.authority,
            "key": key,
            "workspace": job.workspace,
            "run_id": job.run_id,
            "run_name": run.name,
            "experiment_id": job.experiment_id,
            "experiment_name": experiment.name,
            "artifact_path": _artifact_path(run.artifact_uri),
            "attempt": attempt,
            "snapshot": spec.snapshot,
            "script": spec.script,
            "arguments": list(spec.arguments),
            "command": list(spec.command),
            "environment": asdict(spec.environment),
            "variables": dict(spec.variables),
            "max_duration_s": spec.max_duration_s,
            "is_azureml": spec.is_azureml,
            "beat_s": BEAT_S,
            "stop_grace_s": STOP_GRACE_S,
            "cache": str(self._settings.home / "environments"),
            "sdk_wheel": self._sdk_for(spec),
        }

    def _sdk_for(self, spec: JobSpec) -> str:
        """Return the SDK's wheel for an environment that is made for a job; empty for one that is there."""
        conda = spec.environment.python.conda
        is_made = not spec.environment.python.is_user_managed and bool(conda.packages or conda.pip)
        if not is_made:
            return ""
        if self._own_wheel is None:
            self._own_wheel = write_own_wheel(self._settings.home / "environments" / "sdk")
        return str(self._own_wheel)

    def _clear_up(self, own: Iterable[Job]) -> None:
        """Remove what jobs that are over have left with their launchers."""
        going_on = {_parted(job.launched) for job in own if job.launched}
        for kind, handle in sorted(self._left - going_on):
            launcher = self._launchers[kind]
            if launcher.reports_of([handle])[handle].state is not AgentState.ALIVE:
                launcher.forget(handle)
                self._left.discard((kind, handle))
                self._told_to_end.discard(f"{kind.value}:{handle}")
        over = self._launches.keys() - {(job.run_id, job.attempt) for job in own}
        for attempt in over:
            del self._launches[attempt]


def _parted(launched: str) -> tuple[ComputeKind, str]:
    kind, _, handle = launched.partition(":")
    return ComputeKind(kind), handle


def _artifact_path(artifact_uri: str) -> str:
    """Return where a run's files lie behind the server; empty where clients write them elsewhere."""
    try:
        place = proxied_path(artifact_uri)
    except InvalidParameter:
        place = None
    return "" if place is None else str(place)
