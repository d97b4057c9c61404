"""How jobs stand in the queues of their targets, and what they wait for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runyard.entities.compute_target import ComputeTarget
from runyard.entities.job import Job, JobStatus, Waiting
from runyard.services.call import Call
from runyard.services.compute_targets import target_of
from runyard.services.job_life import slots_taken
from runyard.services.launchers import may_run
from runyard.services.this_machine import name_of_this_machine


def waiting_of(call: Call, jobs: Iterable[Job]) -> dict[str, Waiting]:
    """Return how those of the workspace's jobs that wait stand in their queues, by the ids of their runs."""
    places = {job.compute for job in jobs if job.status is JobStatus.QUEUED}
    if not places:
        return {}
    active = call.stores.metadata.jobs.list_active()
    return {run_id: waiting for name in places for run_id, waiting in _queue(call, name, active)}


def _queue(call: Call, name: str, active: list[Job]) -> Iterator[tuple[str, Waiting]]:
    """Yield the jobs that wait for a target, in the order in which they are begun."""
    workspace = call.workspace.name
    target = target_of(call.settings, workspace, name)
    target = target or call.stores.metadata.compute_targets.find_target(workspace, name)
    if target is not None and not may_run(call.settings, target):
        target = None  # another server of the database may
    queue = [job for job in active if (job.workspace, job.compute) == (workspace, name)]
    queue = [job for job in queue if job.status is JobStatus.QUEUED]
    host = name_of_this_machine(call.settings)
    outage = None if target is None else target.outage
    free = left = 0 if target is None else target.slots - slots_taken(target, active, host)
    for position, job in enumerate(queue, 1):
        left -= job.spec.slots
        is_open = target is not None and not target.is_paused and not target.is_leaving
        is_next = is_open and left >= 0
        waits_for = "" if is_next else _reason(job, position, target, free)
        if is_next and outage is not None:
            waits_for = f"compute target '{name}', which can't be reached: {outage.reason}"
        yield job.run_id, Waiting(position, waits_for)


def _reason(job: Job, position: int, target: ComputeTarget | None, free: int) -> str:
    if target is None:
        return f"a server that runs jobs on compute target '{job.compute}'"
    if target.is_leaving:
        return f"compute target '{target.name}' is being deleted"
    if target.is_paused:
        return f"compute target '{target.name}' is paused"
    if job.spec.slots > target.slots:
        return f"it needs {job.spec.slots} slots, and compute target '{target.name}' has {target.slots}"
    if position > 1:
        return f"{position - 1} {'job is' if position == 2 else 'jobs are'} before it"
    if job.spec.slots > 1 and free > 0:
        are_free = f"{free} {'is' if free == 1 else 'are'} free"
        return f"it needs {job.spec.slots} slots, and of {target.slots} only {are_free}"
    return f"all slots of compute target '{target.name}' are taken"
