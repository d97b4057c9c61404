"""How a job goes from one state to the next, with its run; each step is one transaction or part of one.

A step looks at the job as it is in its transaction, so that agents, people and several servers may take
steps at the same moment: who comes second finds the job moved on, and does nothing or is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runyard.auth.job_keys import new_job_key
from runyard.entities.compute_target import THIS_MACHINE, ComputeTarget
from runyard.entities.job import EXIT_CODE_TAG, REASON_TAG, Job, JobStatus
from runyard.entities.run import RunStatus
from runyard.errors import NotFound
from runyard.services.events import note_status
from runyard.stores.opening import Stores

MAX_REASON_LENGTH = 1_000


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """How an attempt ended: completed, failed or canceled, with what exit code, and why."""

    status: JobStatus
    exit_code: int | None
    reason: str


def slots_taken(target: ComputeTarget, jobs: Iterable[Job], host: str) -> int:
    """Return how many slots of a target are taken.

    Args:
        target: The target; the server's own machine is one for all workspaces.
        jobs: Those that are not over.
        host: What that machine is called: others of the database have slots of their own.
    """
    if target.name == THIS_MACHINE:
        own = (job for job in jobs if job.compute == THIS_MACHINE and job.host == host)
    else:
        own = (job for job in jobs if (job.workspace, job.compute) == (target.workspace, target.name))
    return sum(job.spec.slots for job in own if job.status.holds_slots)


def begin_attempt(stores: Stores, job: Job, host: str, now_ms: int, *, again: bool = False) -> str | None:
    """Give a queued job to a launcher of ``host`` and return the key of the attempt.

    None if it has moved on, or another server has given away the slots that it was to have.

    Args:
        stores: Where it is kept.
        job: The job as it was seen.
        host: Which machine's launcher.
        now_ms: Now.
        again: Whether the attempt was given to it before and nothing of the script has run.
    """
    with stores.atomic():
        is_room_left = again or _is_room_left(stores, job)
        found = stores.metadata.jobs.find_job(job.run_id)
        if found is None or found.attempt != job.attempt or found.agent_id != job.agent_id:
            return None
        if not (may_begin_again(found) if again else found.status is JobStatus.QUEUED and is_room_left):
            return None
        key = new_job_key(job.run_id)
        stores.metadata.jobs.update_job(
            job.run_id,
            status=JobStatus.STARTING,
            attempt=found.attempt if again else found.attempt + 1,
            host=host,
            launched="",
            agent_id="",
            key_sha256=key.secret_sha256,
            seen_ms=now_ms,
            reason="",
        )
        if found.status is JobStatus.LOST:
            _update_run(stores, found, RunStatus.SCHEDULED, None)
    return key.text


def _is_room_left(stores: Stores, job: Job) -> bool:
    """Hold a job's target, and return whether it has slots for it: each server counts them by itself."""
    target = stores.metadata.compute_targets.find_target(job.workspace, job.compute)
    if target is None:  # the server's own machine, whose jobs one server looks after
        return True
    return stores.metadata.jobs.slots_taken(job.workspace, job.compute) + job.spec.slots <= target.slots


def may_begin_again(job: Job) -> bool:
    """Return whether an attempt of which nothing of the script has run may be given to a launcher again."""
    is_early = job.status in (JobStatus.STARTING, JobStatus.PREPARING, JobStatus.LOST)
    return is_early and job.started_ms is None and job.canceled_ms is None


def note_launched(stores: Stores, job: Job, attempt: int, host: str, launched: str) -> None:
    """Note what finds the agent of an attempt that a launcher of ``host`` has started.

    Unless the job has gone on to another attempt, which another machine may have begun: a launch may take
    longer than the script did.
    """
    with stores.atomic():
        found = stores.metadata.jobs.find_job(job.run_id)
        if found is not None and (found.attempt, found.host) == (attempt, host):
            stores.metadata.jobs.update_job(job.run_id, launched=launched)


def take_back(stores: Stores, run_id: str, attempt: int, reason: str, now_ms: int) -> None:
    """Let a job wait again whose launcher could not start an agent; that was no attempt."""
    with stores.atomic():
        job = stores.metadata.jobs.find_job(run_id)
        if job is None or job.attempt != attempt or job.status is not JobStatus.STARTING or job.agent_id:
            return
        if job.canceled_ms is not None:
            _end(stores, job, AttemptEnd(JobStatus.CANCELED, None, job.reason), now_ms)
            return
        stores.metadata.jobs.update_job(
            run_id,
            status=JobStatus.QUEUED,
            attempt=attempt - 1,
            key_sha256="",
            reason=reason[:MAX_REASON_LENGTH],
        )


def let_wait(stores: Stores, job: Job, reason: str) -> None:
    """Note why a job that is queued can't be begun just now."""
    with stores.atomic():
        found = stores.metadata.jobs.find_job(job.run_id)
        if found is not None and found.status is JobStatus.QUEUED and found.attempt == job.attempt:
            stores.metadata.jobs.update_job(job.run_id, reason=reason[:MAX_REASON_LENGTH])


def move(stores: Stores, job: Job, status: JobStatus, now_ms: int, **changes: Any) -> None:
    """Note in the transaction of this thread that a job's agent says where it is."""
    if status is JobStatus.RUNNING and job.started_ms is None:
        changes["started_ms"] = now_ms
    if job.status in (JobStatus.STARTING, JobStatus.LOST) and job.canceled_ms is None:
        changes.setdefault("reason", "")
    stores.metadata.jobs.update_job(job.run_id, status=status, seen_ms=now_ms, **changes)
    if status.run_status is not job.status.run_status:
        _update_run(stores, job, status.run_status, None)


def wait_there(stores: Stores, job: Job, reason: str, now_ms: int) -> None:
    """Note that a job that was given to a launcher waits in a queue of its target's own, and for what."""
    with stores.atomic():
        found = stores.metadata.jobs.find_job(job.run_id)
        if found is None or found.agent_id or found.attempt != job.attempt or found.canceled_ms is not None:
            return
        if found.status in (JobStatus.STARTING, JobStatus.LOST):
            move(stores, found, JobStatus.STARTING, now_ms, reason=reason[:MAX_REASON_LENGTH])


def lose(stores: Stores, job: Job, now_ms: int, reason: str) -> bool:
    """Note that a job's agent is silent; return whether it still was."""
    with stores.atomic():
        found = stores.metadata.jobs.find_job(job.run_id)
        if found is None or found.seen_ms != job.seen_ms or not found.status.holds_slots:
            return False
        if found.status is JobStatus.LOST:
            return False
        # Of one that is to end it stays known who wanted that.
        said = {"reason": reason} if found.canceled_ms is None else {}
        stores.metadata.jobs.update_job(job.run_id, status=JobStatus.LOST, **said)
        _update_run(stores, found, RunStatus.FAILED, now_ms, tags={REASON_TAG: reason})
    return True


def end_attempt(stores: Stores, run_id: str, attempt: int, end: AttemptEnd, now_ms: int) -> Job | None:
    """Note how an attempt has ended, and return the job: over, or queued once more if it may be tried again.

    None if the job has gone, is over, or is at another attempt.
    """
    with stores.atomic():
        job = stores.metadata.jobs.find_job(run_id)
        if job is None or job.status.is_over or job.attempt != attempt:
            return None
        end = replace(end, reason=end.reason[:MAX_REASON_LENGTH])
        if job.canceled_ms is not None and end.status is not JobStatus.COMPLETED:
            # An agent may know that it was canceled, and never by whom.
            says_more = end.status is JobStatus.CANCELED and end.reason.startswith(job.reason)
            end = replace(end, status=JobStatus.CANCELED, reason=end.reason if says_more else job.reason)
        if end.status is JobStatus.FAILED and job.attempt < job.spec.max_attempts:
            _queue_again(stores, job, end.reason)
        else:
            _end(stores, job, end, now_ms)
        return stores.metadata.jobs.find_job(run_id)


def cancel(stores: Stores, job: Job, now_ms: int, reason: str) -> None:
    """Note in the transaction of this thread that a job is to end; one that waits ends at once."""
    if job.status.is_over or job.canceled_ms is not None:
        return
    stores.metadata.jobs.update_job(job.run_id, canceled_ms=now_ms)
    if job.status is JobStatus.QUEUED:
        _end(stores, job, AttemptEnd(JobStatus.CANCELED, None, reason), now_ms)
    else:
        stores.metadata.jobs.update_job(job.run_id, reason=reason)


def _queue_again(stores: Stores, job: Job, reason: str) -> None:
    why = f"attempt {job.attempt} of {job.spec.max_attempts} failed{f': {reason}' if reason else ''}"
    stores.metadata.jobs.update_job(
        job.run_id,
        status=JobStatus.QUEUED,
        reason=why[:MAX_REASON_LENGTH],
        started_ms=None,
        launched="",
        agent_id="",
    )
    _update_run(stores, job, RunStatus.SCHEDULED, None)


def _end(stores: Stores, job: Job, end: AttemptEnd, now_ms: int) -> None:
    stores.metadata.jobs.update_job(
        job.run_id,
        status=end.status,
        ended_ms=now_ms,
        seen_ms=now_ms,
        exit_code=end.exit_code,
        reason=end.reason,
    )
    tags = {} if end.exit_code is None else {EXIT_CODE_TAG: str(end.exit_code)}
    if end.reason and end.status is not JobStatus.COMPLETED:
        tags[REASON_TAG] = end.reason
    _update_run(stores, job, end.status.run_status, now_ms, tags)


def _update_run(
    stores: Stores, job: Job, status: RunStatus, ended_ms: int | None, tags: Mapping[str, str] | None = None
) -> None:
    runs = stores.metadata.runs
    try:
        run = runs.get_run(job.workspace, job.run_id)
    except NotFound:  # it is being removed for good, and the job goes with it
        return
    if status is RunStatus.FINISHED and run.status in (RunStatus.FAILED, RunStatus.KILLED):
        # The script's own word counts where it ended well.
        status = run.status
    if run.status is RunStatus.FAILED and job.canceled_ms is not None and job.status is not JobStatus.LOST:
        # Who had it canceled says that it failed.
        status = run.status
    if tags:
        runs.set_tags(job.run_id, tags)
    elif job.status is JobStatus.LOST:
        runs.delete_tag(job.run_id, REASON_TAG)
    runs.update_run(job.run_id, status, ended_ms, None)
    note_status(stores, run, status, job.seen_ms if ended_ms is None else ended_ms)
