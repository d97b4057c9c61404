"""The queue of jobs: whose turn it is on which target, and whose agent is silent.

Each server has one such thread. A job belongs to the machine whose launcher has started it, and only the
server there watches it; the queue itself is one for all servers, and a transaction decides who starts a job.
A far target may answer slowly or not at all, so each is worked with in a thread of its own.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from runyard.compute.kinds import KINDS
from runyard.entities.compute_target import LOCAL, THIS_MACHINE, ComputeTarget
from runyard.entities.job import Job, JobStatus
from runyard.errors import RunyardError
from runyard.services.assignments import BEAT_S, Assignments
from runyard.services.compute_targets import target_of
from runyard.services.job_life import AttemptEnd, end_attempt, lose, slots_taken
from runyard.services.job_refusals import JobRefusals
from runyard.services.launched_jobs import LaunchedJobs
from runyard.services.launchers import Launchers, may_run
from runyard.services.target_outages import Place, TargetOutages
from runyard.settings import Settings
from runyard.stores.opening import Stores

LOST_AFTER_S = 3 * BEAT_S
AGENTS_FIND_IT_WITHIN_S = 45.0
"""A server that was away is not to believe that all jobs are lost: agents ask with rests of up to 30 s."""
FIRST_SAID_WITHIN_S = 60.0
"""An agent that was started has to come up first: a busy Ray, or a node that brings an image, takes long."""
FAR_TARGETS_AT_ONCE = 1_000
"""Threads are made as they are needed, so one that waits for a target keeps no other target waiting."""

HERE: Place = ("", LOCAL)
"""The place of all that run beside the server."""

_log = logging.getLogger("runyard.jobs")


class JobQueue:
    """Brings jobs of one machine from their submission to their end.

    Args:
        stores: What the server remembers.
        settings: How it runs.
        assignments: What agents are told.
        launchers: What starts them.
        host: What this machine is called among the servers of the database.
    """

    def __init__(
        self,
        stores: Stores,
        settings: Settings,
        assignments: Assignments,
        launchers: Launchers,
        host: str,
    ) -> None:
        self._stores = stores
        self._settings = settings
        self._assignments = assignments
        self._launchers = launchers
        self._host = host
        self._outages = TargetOutages(stores)
        self._since_s = time.monotonic()
        self._launched: dict[Place, LaunchedJobs] = {}
        self._far: dict[Place, Future[None]] = {}
        self._refusals = JobRefusals()
        self._has_looked_for_left = False
        self._pool = ThreadPoolExecutor(FAR_TARGETS_AT_ONCE, "runyard-compute")

    def work(self, now_ms: int) -> None:
        """Do what is due; what far targets take longer for goes on behind it."""
        jobs = self._stores.metadata.jobs.list_active()
        kept = self._outages.read()
        all_targets = {(each.workspace, each.name): each for each in kept}
        # Another server of the database may know more kinds.
        targets = {place: each for place, each in all_targets.items() if each.kind in KINDS}
        own: dict[Place, list[Job]] = defaultdict(list)
        for job in jobs:
            if job.status.holds_slots and job.host == self._host:
                own[_place_of(job, targets.get((job.workspace, job.compute)))].append(job)
        self._lose_silent(jobs, now_ms)
        self._refusals.forget_all_but([job.run_id for job in jobs])
        due: dict[Place, list[Job]] = defaultdict(list)
        for job, target in self._due(jobs, all_targets, now_ms):
            due[_place(target)].append(job)
        here = ComputeTarget("", THIS_MACHINE, LOCAL, self._settings.slots_of_this_machine)
        for target in (here, *(each for each in targets.values() if each.kind != LOCAL)):
            place = _place(target)
            self._work_on(target, own[place], due[place], targets, now_ms)
        self._remove_left(targets, jobs)
        self._let_go(targets, all_targets.values())

    def close(self) -> None:
        """Let go of all targets, after what is under way; agents go on."""
        self._pool.shutdown(cancel_futures=True)
        self._launchers.close()

    def _work_on(
        self,
        target: ComputeTarget,
        own: Sequence[Job],
        due: Sequence[Job],
        targets: Mapping[Place, ComputeTarget],
        now_ms: int,
    ) -> None:
        place = _place(target)
        launched = self._launched.get(place)
        if launched is None:
            launched = LaunchedJobs(
                self._stores, self._assignments, target, self._host, self._refusals, self._outages
            )
            self._launched[place] = launched
        if launched.rests or (launched.is_idle and not own and not due):
            return
        try:
            launcher, settings = self._launchers.of(target), partial(_settings_of, targets)
        except RunyardError as error:  # what one target lacks must not keep the others waiting
            launched.do_without(own, due, error, now_ms)
            return
        if target.kind == LOCAL:
            launched.work(launcher, own, due, settings, now_ms)
        elif not self._is_worked_on(place):
            work = partial(launched.work, launcher, own, due, settings, now_ms)
            self._far[place] = self._pool.submit(_logged, target.name, work)

    def _lose_silent(self, jobs: Iterable[Job], now_ms: int) -> None:
        if time.monotonic() - self._since_s < AGENTS_FIND_IT_WITHIN_S:
            return
        for job in jobs:
            silent_s = (now_ms - job.seen_ms) / 1000
            patience_s = LOST_AFTER_S if job.agent_id else FIRST_SAID_WITHIN_S
            if job.status.holds_slots and job.status is not JobStatus.LOST and silent_s > patience_s:
                reason = f"its agent has said nothing for {silent_s:.0f} s"
                self._stores.database.retrying(partial(lose, self._stores, job, now_ms, reason))

    def _due(
        self, jobs: list[Job], kept: Mapping[Place, ComputeTarget], now_ms: int
    ) -> Iterator[tuple[Job, ComputeTarget]]:
        """Yield the jobs whose turn it is, as long as their targets have slots."""
        free: dict[Place, int] = {}
        targets: dict[Place, ComputeTarget] = {}
        queued = [job for job in jobs if job.status is JobStatus.QUEUED]
        for job in sorted(queued, key=lambda job: self._refusals.lets_others_pass(job.run_id)):
            place = (job.workspace, job.compute)
            if place not in free:
                target = target_of(self._settings, *place) or kept.get(place)
                if target is None:
                    self._end_without_target(job, now_ms)
                    continue
                targets[place], free[place] = target, self._free_slots(target, jobs)
            # Who needs more than is free is not overtaken by others, else it would never begin.
            free[place] -= job.spec.slots
            if free[place] >= 0:
                yield job, targets[place]

    def _free_slots(self, target: ComputeTarget, jobs: Iterable[Job]) -> int:
        if target.is_paused or target.is_leaving or not may_run(self._settings, target):
            return 0
        return target.slots - slots_taken(target, jobs, self._host)

    def _end_without_target(self, job: Job, now_ms: int) -> None:
        if job.compute == THIS_MACHINE:  # another server of the database may run jobs
            return
        why = f"there is no compute target '{job.compute}' any more"
        end_attempt(self._stores, job.run_id, job.attempt, AttemptEnd(JobStatus.FAILED, None, why), now_ms)

    def _remove_left(self, targets: dict[Place, ComputeTarget], jobs: Iterable[Job]) -> None:
        """Forget targets that were deleted while their jobs were not over."""
        taken = {(job.workspace, job.compute) for job in jobs}
        for place, target in targets.items():
            if target.is_leaving and place not in taken and not self._is_worked_on(place):
                self._stores.database.retrying(partial(self._remove_leaving, *place))

    def _remove_leaving(self, workspace: str, name: str) -> None:
        kept = self._stores.metadata.compute_targets
        with self._stores.atomic():
            # Another server may have removed it, and somebody made one of its name.
            found = kept.find_target(workspace, name)
            if found is not None and found.is_leaving:
                kept.remove_target(workspace, name)

    def _let_go(self, targets: Mapping[Place, ComputeTarget], kept: Collection[ComputeTarget]) -> None:
        """Close what leads to targets that are no more, and remove what is kept here for them."""
        is_any_left = not self._has_looked_for_left
        for place in self._launched.keys() - targets.keys() - {HERE}:
            if not self._is_worked_on(place):
                self._launchers.forget(*place)
                self._far.pop(place, None)
                del self._launched[place]
                is_any_left = True
        if is_any_left:
            # What is worked with still is of a place that is let go of later.
            self._launchers.remove_left(kept)
            self._has_looked_for_left = True

    def _is_worked_on(self, place: Place) -> bool:
        return place in self._far and not self._far[place].done()


def _place(target: ComputeTarget) -> Place:
    return HERE if target.kind == LOCAL else (target.workspace, target.name)


def _place_of(job: Job, target: ComputeTarget | None) -> Place:
    """Return with whose launcher a job was begun; without its target that can only be this machine's."""
    kind = job.launched.partition(":")[0] or (LOCAL if target is None else target.kind)
    return HERE if kind == LOCAL else (job.workspace, job.compute)


def _settings_of(targets: Mapping[Place, ComputeTarget], job: Job) -> Mapping[str, Any]:
    target = targets.get((job.workspace, job.compute))
    return {} if target is None else target.settings


def _logged(name: str, work: partial[None]) -> None:
    try:
        work()
    except Exception:  # noqa: BLE001 - one target must not end what is done for all
        _log.exception("compute target %s", name)
