"""What the agent of a job tells the server: that it is there, that it lives, how the script ended."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runyard.entities.job import Job, JobStatus
from runyard.errors import Forbidden, InvalidParameter, InvalidState
from runyard.protocol.limits import check_length
from runyard.protocol.wire import invalid
from runyard.services.call import Call
from runyard.services.job_life import MAX_REASON_LENGTH, AttemptEnd, end_attempt, move
from runyard.services.jobs import get_job
from runyard.services.tokens import identify

_AGENT_ID = re.compile(r"[0-9a-f]{32}")
_GOING_ON = (JobStatus.PREPARING, JobStatus.RUNNING)
_ENDS = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class Agent:
    """Who reports: an agent by the id that it has drawn, about an attempt of the job of a run."""

    run_id: str
    attempt: int
    agent_id: str


def begin(call: Call, agent: Agent) -> None:
    """Let an agent have an attempt of a job; asked again by the same one, it still has it.

    Raises:
        InvalidState: Another agent has it, the job is at another attempt, or it is over.
        Forbidden: The caller is not the code of this job.
    """
    if _AGENT_ID.fullmatch(agent.agent_id) is None:
        raise invalid("agent_id", agent.agent_id[:100], "32 hexadecimal digits are expected.")
    with call.stores.atomic():
        job = _own_job(call, agent)
        if job.agent_id == agent.agent_id:
            return
        if job.agent_id or job.status not in (JobStatus.STARTING, JobStatus.LOST):
            raise InvalidState(f"Attempt {agent.attempt} of job {agent.run_id} has an agent.")
        move(call.stores, job, JobStatus.PREPARING, call.now_ms(), agent_id=agent.agent_id)


def report(call: Call, agent: Agent, status: JobStatus) -> bool:
    """Note that an agent lives and what it does; return whether it is to end the script.

    Raises:
        InvalidState: It is not, or not any more, the agent of this job.
        InvalidParameter: The status is not one of a job that goes on.
    """
    if status not in _GOING_ON:
        raise InvalidParameter(f"'status' must be preparing or running, not {status.value}.")
    with call.stores.atomic():
        job = _job_of(call, agent)
        move(call.stores, job, status, call.now_ms())
    return job.canceled_ms is not None


def end(call: Call, agent: Agent, end: AttemptEnd) -> None:
    """Note how the script of a job has ended; the same again changes nothing.

    Raises:
        InvalidState: It is not, or not any more, the agent of this job.
        InvalidParameter: The status is none of a job that is over.
    """
    if end.status not in _ENDS:
        raise InvalidParameter(f"'status' must be completed, failed or canceled, not {end.status.value}.")
    check_length(end.reason, MAX_REASON_LENGTH, "reason")
    if end.exit_code is not None and not -(2**31) <= end.exit_code < 2**31:
        raise InvalidParameter(f"'exit_code' must be a number of 32 bits, not {end.exit_code}.")
    with call.stores.atomic():
        if _own_job(call, agent).status is JobStatus.QUEUED:  # the first time has put it back there
            return
        _job_of(call, agent)
        end_attempt(call.stores, agent.run_id, agent.attempt, end, call.now_ms())
        call.stores.database.after_commit(call.operation.job_submitted.set)
        call.stores.database.after_commit(call.operation.sweep_due.set)


def _job_of(call: Call, agent: Agent) -> Job:
    job = _own_job(call, agent)
    if job.agent_id != agent.agent_id or not job.status.holds_slots:
        raise InvalidState(f"Attempt {agent.attempt} of job {agent.run_id} has another agent, or none.")
    return job


def _own_job(call: Call, agent: Agent) -> Job:
    caller = identify(call)
    if caller.job is None or caller.job.run_id != agent.run_id:
        raise Forbidden("Only the agent of a job reports about it, with the job's own key.")
    job = get_job(call, agent.run_id)
    if job.attempt != agent.attempt or job.status.is_over:
        raise InvalidState(f"Job {agent.run_id} is {job.status.value}, at attempt {job.attempt}.")
    return job
