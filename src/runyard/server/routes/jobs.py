"""Runyard's own routes about jobs: those of people, and those of a job's agent."""

from __future__ import annotations

from collections.abc import Sequence

from runyard.auth.permissions import Permission
from runyard.entities.job import Job, JobSpec, JobStatus
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.environments import WireDocker, WirePython, environment_spec
from runyard.protocol.messages.jobs import (
    BeginJob,
    EndJob,
    JobAnswer,
    JobEnvironment,
    ListJobs,
    ListJobsAnswer,
    ReportAnswer,
    ReportJob,
    SubmitJob,
    WireJob,
    job_inputs,
    job_outputs,
    wire_job,
    wire_job_environment,
)
from runyard.protocol.wire import choice
from runyard.server.routing import Routes
from runyard.services import job_reports, jobs, reach
from runyard.services.call import Call
from runyard.services.job_life import AttemptEnd
from runyard.services.job_reports import Agent
from runyard.services.job_waiting import waiting_of

routes = Routes()
_BASE = "/api/v1/jobs"
_ONE = f"{_BASE}/{{run_id}}"
_ACTIVE = "active"


@routes.post(
    _BASE,
    permits=Permission.CONTRIBUTE,
    of=reach.experiment,
    runs_code=True,
    summary="Submit a job; with a `run_id` of the client's own (32 hex digits) once, however often sent.",
    is_audited=True,
)
def submit_job(call: Call, body: SubmitJob) -> JobAnswer:
    """Keep a job and its run."""
    spec = job_spec(call, body)
    new = jobs.NewJob(body.experiment_id, body.compute, spec, body.run_name, body.tags, body.run_id)
    return _answer(call, jobs.submit_job(call, new))


@routes.get(
    _BASE, permits=Permission.READ, of=reach.searched, summary="List jobs, unless sorted the latest first."
)
def list_jobs(call: Call, body: ListJobs) -> ListJobsAnswer:
    """Answer a page of jobs."""
    statuses = _statuses(body.statuses)
    wanted = jobs.WantedJobs(body.compute, body.experiment_id, statuses, body.text, body.order_by)
    page = jobs.list_jobs(call, wanted, body.max_results, body.page_token)
    return ListJobsAnswer(jobs=_wired(call, page.items), next_page_token=page.next_token)


@routes.get(_ONE, permits=Permission.READ, of=reach.run, summary="Get a job.")
def get_job(call: Call, run_id: str) -> JobAnswer:
    """Answer one job."""
    return _answer(call, jobs.get_job(call, run_id))


@routes.post(
    f"{_ONE}/cancel",
    permits=Permission.CONTRIBUTE,
    of=reach.run,
    summary="End a job; its script gets SIGTERM, and ten seconds later SIGKILL.",
    is_audited=True,
)
def cancel_job(call: Call, run_id: str) -> JobAnswer:
    """Have a job ended."""
    return _answer(call, jobs.cancel_job(call, run_id))


@routes.post(
    f"{_ONE}/begin", permits=Permission.CONTRIBUTE, of=reach.run, summary="An agent asks for an attempt."
)
def begin_job(call: Call, body: BeginJob, run_id: str) -> Empty:
    """Let one agent have the attempt."""
    job_reports.begin(call, Agent(run_id, body.attempt, body.agent_id))
    return Empty()


@routes.post(
    f"{_ONE}/report", permits=Permission.CONTRIBUTE, of=reach.run, summary="An agent says that it lives."
)
def report_job(call: Call, body: ReportJob, run_id: str) -> ReportAnswer:
    """Answer whether it is to end the script."""
    status = choice(JobStatus, body.status, "status")
    is_canceled = job_reports.report(call, Agent(run_id, body.attempt, body.agent_id), status)
    return ReportAnswer(is_cancel_requested=is_canceled)


@routes.post(
    f"{_ONE}/end", permits=Permission.CONTRIBUTE, of=reach.run, summary="An agent says how a script ended."
)
def end_job(call: Call, body: EndJob, run_id: str) -> Empty:
    """Note the end."""
    status = choice(JobStatus, body.status, "status")
    end = AttemptEnd(status, body.exit_code, body.reason)
    job_reports.end(call, Agent(run_id, body.attempt, body.agent_id), end)
    return Empty()


def job_spec(call: Call, body: SubmitJob) -> JobSpec:
    """Return what a message says of what is to run, with the environment that it names.

    Raises:
        NotFound: There is no such environment.
        InvalidParameter: A part of it can't be.
    """
    wanted = body.environment or JobEnvironment()
    has_content = wanted.python is not None or wanted.docker is not None or bool(wanted.variables)
    content = environment_spec(wanted.python or WirePython(), wanted.docker or WireDocker(), wanted.variables)
    environment = jobs.environment_of(call, wanted.name, wanted.version, content if has_content else None)
    return JobSpec(
        snapshot=body.snapshot,
        script=body.script,
        arguments=tuple(body.arguments),
        command=tuple(body.command),
        environment=environment.spec,
        environment_name=environment.name,
        environment_version=environment.version,
        variables=body.variables,
        slots=body.slots,
        max_duration_s=body.max_duration_s,
        max_attempts=body.max_attempts,
        priority=body.priority,
        is_azureml=body.is_azureml,
        inputs=job_inputs(body.inputs),
        outputs=job_outputs(body.outputs),
    )


def _answer(call: Call, job: Job) -> JobAnswer:
    return JobAnswer(job=_wired(call, [job])[0], environment=wire_job_environment(job.spec))


def _wired(call: Call, found: Sequence[Job]) -> list[WireJob]:
    waiting = waiting_of(call, found)
    names = jobs.run_names_of(call, found)
    return [wire_job(job, names.get(job.run_id, ""), waiting.get(job.run_id)) for job in found]


def _statuses(text: str) -> frozenset[JobStatus]:
    found: set[JobStatus] = set()
    for word in filter(None, text.split(",")):
        if word == _ACTIVE:
            found |= {status for status in JobStatus if not status.is_over}
        else:
            found.add(choice(JobStatus, word, "statuses"))
    return frozenset(found)
