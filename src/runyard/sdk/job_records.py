"""What a server keeps of jobs: submitted, asked for and cancelled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runyard.entities.job import JobStatus
from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.jobs import (
    JobAnswer,
    ListJobs,
    ListJobsAnswer,
    SubmitJob,
    WireJob,
)
from runyard.sdk.addresses import named_segment
from runyard.sdk.arguments import optional_text, shown
from runyard.sdk.connection import Connection
from runyard.sdk.pages import pages

STATUS_WORDS = {
    JobStatus.QUEUED: "Queued",
    JobStatus.STARTING: "Starting",
    JobStatus.PREPARING: "Preparing",
    JobStatus.RUNNING: "Running",
    JobStatus.COMPLETED: "Completed",
    JobStatus.FAILED: "Failed",
    JobStatus.CANCELED: "Canceled",
    JobStatus.LOST: "NotResponding",
}
"""What Azure's SDK calls the states of a job."""
CANCEL_REQUESTED = "CancelRequested"
GOING_ON = frozenset({CANCEL_REQUESTED, "Queued", "Starting", "Preparing", "Running", "NotResponding"})
"""Those of them that are not over."""

RUN_STATUSES = (*dict.fromkeys([CANCEL_REQUESTED, *STATUS_WORDS.values()]),)
"""All words that the status of a run may be."""

_BASE = "/api/v1/jobs"
_PAGE_SIZE = 1_000


def optional_status(given: str | None) -> str | None:
    """Return what runs may be asked for by, or None for all of them.

    Raises:
        InvalidParameter: No run ever is so.

    Example:
        >>> optional_status("Running")
        'Running'
    """
    if optional_text(given, "status") not in (None, *RUN_STATUSES):
        raise InvalidParameter(f"status must be one of {', '.join(RUN_STATUSES)}, not {shown(given)}.")
    return given


def status_word(job: WireJob) -> str:
    """Return what Azure's SDK calls the state of a job."""
    try:
        status = JobStatus(job.status)
        return CANCEL_REQUESTED if job.is_cancel_requested and not status.is_over else STATUS_WORDS[status]
    except ValueError:  # of a later version
        return job.status.capitalize()


def submit_job(connection: Connection, wanted: SubmitJob) -> WireJob:
    """Submit a job whose ``run_id`` is the caller's own, so that a repeated call makes no second one.

    Raises:
        RunyardError: What the server raised.
    """
    return connection.post(_BASE, wanted, JobAnswer, is_repeatable=True).job


def get_job_answer(connection: Connection, run_id: str) -> JobAnswer:
    """Return a job with what it needed around it, as it was submitted.

    Raises:
        NotFound: There is no job of this run.
    """
    return connection.get(_path(run_id), JobAnswer)


def get_job(connection: Connection, run_id: str) -> WireJob:
    """Return a job.

    Raises:
        NotFound: There is no job of this run.
    """
    return get_job_answer(connection, run_id).job


def list_jobs(
    connection: Connection,
    *,
    compute: str | None = None,
    experiment_id: str | None = None,
    statuses: str = "",
    text: str = "",
    order_by: Sequence[str] = (),
    page_size: int = _PAGE_SIZE,
) -> Iterator[WireJob]:
    """Yield the jobs of a workspace, reading pages as they are needed.

    Args:
        connection: Reaches the workspace.
        compute: Only those of this target.
        experiment_id: Only those of this experiment.
        statuses: Only those in one of these states, with commas between them; ``active`` is all that are not
            over.
        text: Only those with this in the name or id of their run, what they run, or who submitted them.
        order_by: What they are sorted by, as ``["duration_ms DESC"]``; else the latest submitted comes first.
        page_size: How many are read at a time.

    Raises:
        InvalidFilter: A key of the order is not one of a job's.
    """

    def ask(page_token: str | None) -> ListJobsAnswer:
        query = ListJobs(
            compute=compute,
            experiment_id=experiment_id,
            statuses=statuses,
            text=text,
            order_by=[*order_by],
            max_results=min(page_size, _PAGE_SIZE),
            page_token=page_token,
        )
        return connection.get(_BASE, ListJobsAnswer, query)

    for answer in pages(ask):
        yield from answer.jobs


def cancel_job(connection: Connection, run_id: str) -> WireJob:
    """Ask that a job be ended, and return it; one that waits is over at once.

    Raises:
        NotFound: There is no job of this run.
    """
    return connection.post(f"{_path(run_id)}/cancel", Empty(), JobAnswer, is_repeatable=True).job


def _path(run_id: str) -> str:
    if not run_id:
        raise InvalidParameter("The id of a run must not be empty.")
    return f"{_BASE}/{named_segment(run_id, 'job')}"
