"""`runyard job`: submitting scripts, and what becomes of them."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number

from runyard.cli.job_again import again
from runyard.cli.job_end import exit_code_of, interruptible
from runyard.cli.job_submit import submit
from runyard.cli.options import HERE, Json, Place, RunId
from runyard.cli.printing import (
    count_text,
    duration_text,
    note,
    one_line,
    print_json,
    print_pairs,
    print_table,
    say,
    time_text,
)
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.messages.jobs import WireJob
from runyard.sdk.job_records import list_jobs, status_word
from runyard.sdk.run import Run
from runyard.sdk.run_console import whole_lines
from runyard.sdk.workspace import Workspace

app = App(
    name="job",
    help="Submit scripts; list, show, follow, cancel and repeat what was submitted.",
)
app.command(submit)
app.command(again)

WORKING_FOLDER = Path()
_LONGEST_ARGUMENT = 200


@app.command(name="list")
def list_(
    *,
    compute: Annotated[str | None, Parameter(help="Only those of this target.")] = None,
    experiment: Annotated[
        str | None, Parameter(name=["--experiment", "-e"], help="Only those of this experiment.")
    ] = None,
    status: Annotated[
        tuple[str, ...],
        Parameter(help="Only those that are `active`, `queued`, `running`, `failed` …; may be repeated."),
    ] = (),
    search: Annotated[
        str, Parameter(help="Only those with this in the run's name or id, the script's, or the submitter's.")
    ] = "",
    order_by: Annotated[
        tuple[str, ...],
        Parameter(help="Order, as 'duration_ms DESC', 'run_name', 'priority' …; may be repeated."),
    ] = (),
    max: Annotated[int, Parameter(help="How many at most; by default 50.", validator=Number(gte=1))] = 50,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """List jobs, unless sorted the latest submitted first."""
    workspace = place.open()
    experiment_id = workspace.experiments[experiment].id if experiment else None
    found = list_jobs(
        workspace.connection,
        compute=compute,
        experiment_id=experiment_id,
        statuses=",".join(status).lower(),
        text=search,
        order_by=order_by,
        page_size=max,
    )
    jobs = list(itertools.islice(found, max))
    if json:
        print_json(msgspec.to_builtins(jobs))
        return
    print_table(
        ("RUN ID", "STATUS", "RUNS", "COMPUTE", "SUBMITTED", "DURATION", "BY", "REASON"),
        (
            (
                job.run_id,
                status_word(job),
                job.script or " ".join(job.command),
                job.compute,
                time_text(job.submitted_ms),
                duration_text(job.started_ms, job.ended_ms),
                job.submitted_by,
                job.waits_for or job.reason or "-",
            )
            for job in jobs
        ),
    )


@app.command
def show(run_id: RunId, *, place: Place = HERE, json: Json = False) -> None:
    """Show a job: what it runs, where it is, and why it waits or ended badly."""
    run, job = _found(place.open(), run_id)
    if json:
        print_json(msgspec.to_builtins(job))
        return
    environment = job.environment_name or "-"
    version = f":{job.environment_version}" if job.environment_version else ""
    print_pairs(
        {
            "Run": f"{run.display_name} {run.id}",
            "Status": status_word(job) + (", to be canceled" if _is_being_canceled(job) else ""),
            "Reason": job.reason or "-",
            "Queue": _place_in_queue(job),
            "Exit code": "-" if job.exit_code is None else str(job.exit_code),
            "Runs": job.script or " ".join(job.command),
            "Arguments": _shown(job.arguments),
            "Compute": f"{job.compute}, {count_text(job.slots, 'slot')}",
            "Environment": environment + version,
            "Variables": ", ".join(f"{key}={value}" for key, value in job.variables.items()) or "-",
            "Attempt": f"{job.attempt} of {job.max_attempts}",
            "Priority": str(job.priority),
            "Longest": f"{job.max_duration_s} s" if job.max_duration_s else "-",
            "Code": job.snapshot or "-",
            "Submitted": f"{time_text(job.submitted_ms)} by {job.submitted_by}",
            "Started": started_text(job),
            "Ended": time_text(job.ended_ms),
            "Studio": run.get_portal_url(),
        }
    )


@app.command
def logs(
    run_id: RunId,
    *,
    follow: Annotated[
        bool, Parameter(name=["--follow", "-f"], help="Go on until the job has ended; its exit code is ours.")
    ] = False,
    place: Place = HERE,
) -> int:
    """Print what a job's script has printed, and, on stderr, what was said while it was prepared.

    Ctrl-C ends the reading, not the job: `runyard job cancel` ends that.
    """
    run = place.open().get_run(run_id)
    if follow:
        with interruptible(f"runyard job logs -f {run_id}", f"runyard job cancel {run_id}"):
            run.stream_console()
            return exit_code_of(run)
    is_silent = True
    for stream, text in whole_lines(run.console().new()):
        target = sys.stdout if stream == "stdout" else sys.stderr
        target.write(text)
        is_silent = False
    if is_silent:
        note(f"Nothing that run {run.id} printed is here: it is {run.status}.")
    return 0


@app.command
def code(
    run_id: RunId,
    *,
    to: Annotated[
        Path, Parameter(help="Folder to put the archive into; by default the working one.")
    ] = WORKING_FOLDER,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Bring the code that a job was submitted with to this machine, as a tar.gz."""
    written = place.open().get_run(run_id).restore_snapshot(path=to)
    if json:
        print_json(written)
    else:
        say(written)


@app.command
def cancel(*run_id: RunId, place: Place = HERE, json: Json = False) -> None:
    """End jobs: those that wait are over at once, the script of others gets SIGTERM and a few seconds."""
    if not run_id:
        raise InvalidParameter("Name the jobs by the ids of their runs.")
    workspace = place.open()
    canceled = []
    for each in run_id:
        run, _ = _found(workspace, each)
        run.cancel()
        canceled.append(run.job)
        if not json:
            say(one_line(f"{run.id} ({run.display_name}) {_canceled_word(run.job)}"))
    if json:
        print_json(msgspec.to_builtins(canceled))


@app.command
def wait(*run_id: RunId, place: Place = HERE, json: Json = False) -> int:
    """Wait until jobs have ended; the exit code is that of the first one that ended badly."""
    if not run_id:
        raise InvalidParameter("Name the jobs by the ids of their runs.")
    workspace = place.open()
    runs = [_found(workspace, each)[0] for each in run_id]
    code = 0
    ids = " ".join(run_id)
    with interruptible(f"runyard job wait {ids}", f"runyard job cancel {ids}"):
        for run in runs:
            run.wait_for_completion(raise_on_error=False)
            ended = exit_code_of(run)
            code = code or ended
    if json:
        print_json(msgspec.to_builtins([run.job for run in runs]))
    return code


def _found(workspace: Workspace, run_id: str) -> tuple[Run, WireJob]:
    run = workspace.get_run(run_id)
    job = run.job
    if job is None:
        raise NotFound(f"Run {run_id!r} is no job: it was not submitted. See `runyard run show {run_id}`.")
    return run, job


def started_text(job: WireJob) -> str:
    """Return when the script began and who had it begun; a host stays noted of a job that waits once more."""
    return time_text(job.started_ms) + (f" on {job.host}" if job.host and job.started_ms else "")


def _place_in_queue(job: WireJob) -> str:
    if not job.position:
        return "-"
    return f"number {job.position}" + (f": {job.waits_for}" if job.waits_for else "")


def _canceled_word(job: WireJob | None) -> str:
    if job is None or _is_being_canceled(job):
        return "being canceled"
    return job.status if job.status == "canceled" else f"was over already: {job.status}"


def _is_being_canceled(job: WireJob) -> bool:
    return job.is_cancel_requested and job.ended_ms is None


def _shown(arguments: list[str]) -> str:
    return " ".join(repr(word) if " " in word or not word else word for word in arguments)[:_LONGEST_ARGUMENT]
