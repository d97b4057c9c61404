"""What can be done with jobs: submit, look at, cancel."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runyard.auth.permissions import LOCAL_OWNER
from runyard.entities.compute_target import ComputeTarget
from runyard.entities.environment import Environment, EnvironmentSpec
from runyard.entities.job import SCRIPT_TAG, Job, JobSpec, JobStatus
from runyard.entities.run import RunStatus
from runyard.errors import Forbidden, InvalidParameter, InvalidState, NotFound
from runyard.protocol import asset_limits
from runyard.protocol.limits import check_length, check_page_size
from runyard.protocol.ordering import parse_job_order
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.protocol.wire import invalid
from runyard.services import environments
from runyard.services.call import Call
from runyard.services.compute_targets import get_target
from runyard.services.experiments import resolve_experiment_id
from runyard.services.job_data import check_data, data_of_run, note_inputs
from runyard.services.job_life import cancel
from runyard.services.runs import NewRun, check_is_new, create_run
from runyard.services.snapshots import use_snapshot
from runyard.services.tokens import identify
from runyard.stores.metadata.base_jobs import JobSearch

MAX_PAGE = 1_000
MAX_SCRIPT_BYTES = 4_096
MAX_WORDS = 2_000
MAX_WORD_LENGTH = 100_000
MAX_WORDS_LENGTH = 500_000
MAX_VARIABLES = 200
MAX_VARIABLE_LENGTH = 10_000
MAX_ATTEMPTS = 20
MAX_PRIORITY = 1_000
MAX_DURATION_S = 365 * 24 * 3600
MAX_SEARCHED_LENGTH = 500
SOURCE_TYPE_TAG, COMPUTE_TAG = "mlflow.source.type", "runyard.compute"

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURS = ("RUNYARD_", "MLFLOW_RUN_ID", "MLFLOW_TRACKING_", "MLFLOW_EXPERIMENT_", "AZUREML_")
"""Variables that say where a job logs to, which a job can't be told otherwise."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """What somebody wants to be run.

    Args:
        experiment_id: Where its run is to be.
        compute: Name of the target.
        spec: What runs; its environment is that of ``environment_name``, if that is named.
        run_name: What the run is called; a name is drawn if there is none.
        tags: The run's first tags.
        run_id: The client's own id: the same again is the same job.
    """

    experiment_id: str
    compute: str
    spec: JobSpec
    run_name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    run_id: str | None = None


def submit_job(call: Call, new: NewJob) -> Job:
    """Keep a job and its run, and return the job, which waits for a slot of its target.

    Raises:
        InvalidParameter: A part of it can't be; the message says which.
        NotFound: There is no such target, experiment, environment or snapshot.
        Forbidden: The code of a job submits jobs.
        InvalidState: The target is being deleted.
    """
    caller = identify(call)
    if caller.job is not None:
        raise Forbidden("The code of a job can't submit jobs; submit them from where this one was.")
    check_spec(new.spec, target_for_jobs(call, new.compute).slots)
    check_data(call, new.spec)
    with call.stores.atomic():
        tags = {SCRIPT_TAG: shown(new.spec), SOURCE_TYPE_TAG: "JOB", COMPUTE_TAG: new.compute}
        if not caller.is_local_owner:
            tags["mlflow.user"] = caller.name
        begun = NewRun(
            experiment_id=new.experiment_id,
            name=new.run_name,
            tags=tags | dict(new.tags),
            run_id=new.run_id,
        )
        check_is_new(call, new.run_id, call.stores.metadata.jobs.find_job)
        run = create_run(call, begun).run
        before = call.stores.metadata.jobs.find_job(run.run_id)
        if before is not None:
            return before
        call.stores.metadata.runs.update_run(run.run_id, RunStatus.SCHEDULED, None, None)
        if new.spec.snapshot:
            use_snapshot(call, new.spec.snapshot)
        now_ms = call.now_ms()
        job = Job(
            run_id=run.run_id,
            workspace=call.workspace.name,
            experiment_id=run.experiment_id,
            compute=new.compute,
            spec=data_of_run(new.spec, run.run_id),
            status=JobStatus.QUEUED,
            submitted_ms=now_ms,
            principal_id=LOCAL_OWNER.principal_id if caller.is_local_owner else caller.principal_id,
            submitted_by=caller.name,
            seen_ms=now_ms,
        )
        call.stores.metadata.jobs.add_job(job)
        note_inputs(call, run, new.spec)
        call.stores.database.after_commit(call.operation.job_submitted.set)
    return job


def environment_of(call: Call, name: str, version: int | None, spec: EnvironmentSpec | None) -> Environment:
    """Return the environment that a job names, or one of no name with what it says.

    Raises:
        NotFound: There is no such environment or version.
        InvalidParameter: A part of it can't be.
    """
    if spec is None and name:
        return environments.get_environment(call, name, version)
    spec = spec or EnvironmentSpec()
    environments.check_spec(spec)
    if name:
        asset_limits.check_environment_name(name)
    return Environment(call.workspace.name, name, version or 0, spec, call.now_ms())


def get_job(call: Call, run_id: str) -> Job:
    """Return a job of the workspace.

    Raises:
        NotFound: It has no such job.
    """
    found = call.stores.metadata.jobs.find_job(run_id)
    if found is None or found.workspace != call.workspace.name:
        raise NotFound(f"Workspace '{call.workspace.name}' has no job {run_id[:100]!r}.")
    return found


@dataclass(frozen=True, slots=True)
class WantedJobs:
    """Which jobs somebody asks for.

    Args:
        compute: Only those of this target.
        experiment_id: Only those of this experiment.
        statuses: Only those in one of these states; empty for all.
        text: Only those with this in the name or id of their run, what they run, or who submitted them.
        order_by: What they are sorted by, as ``duration_ms DESC``; the latest submitted comes first.
    """

    compute: str | None = None
    experiment_id: str | None = None
    statuses: frozenset[JobStatus] = frozenset()
    text: str = ""
    order_by: Sequence[str] = ()


def list_jobs(call: Call, wanted: WantedJobs, limit: int, page_token: str | None) -> Page[Job]:
    """Return a page of the workspace's jobs in the order that is asked for.

    Raises:
        InvalidFilter: A key of the order is not one of a job's.
    """
    check_page_size(limit, MAX_PAGE)
    check_length(wanted.text, MAX_SEARCHED_LENGTH, "text")
    offset = parse_page_token(page_token)
    seen = call.experiments_to_read()
    if wanted.experiment_id is not None:
        asked = frozenset({resolve_experiment_id(call.workspace, wanted.experiment_id)})
        seen = asked if seen is None else asked & seen
    search = JobSearch(
        call.workspace.name,
        limit + 1,
        offset,
        wanted.compute,
        seen,
        wanted.statuses,
        wanted.text.strip(),
        parse_job_order(wanted.order_by),
        call.now_ms(),
    )
    return page_of(call.stores.metadata.jobs.search_jobs(search), limit, offset)


def run_names_of(call: Call, found: Sequence[Job]) -> dict[str, str]:
    """Return what the runs of jobs are called, by their ids."""
    return call.stores.metadata.jobs.run_names([each.run_id for each in found])


def cancel_job(call: Call, run_id: str) -> Job:
    """Have a job ended, and return it; one that is over stays as it is.

    Raises:
        NotFound: There is no such job.
    """
    who = identify(call).name
    with call.stores.atomic():
        cancel(call.stores, get_job(call, run_id), call.now_ms(), f"canceled by {who}")
        call.stores.database.after_commit(call.operation.job_submitted.set)
        return get_job(call, run_id)


def target_for_jobs(call: Call, name: str) -> ComputeTarget:
    """Return a target that takes jobs.

    Raises:
        NotFound: There is none.
        InvalidState: It is being deleted.
    """
    target = get_target(call, name)
    if target.is_leaving:
        raise InvalidState(f"Compute target '{target.name}' is being deleted; it takes no jobs any more.")
    return target


def check_spec(spec: JobSpec, slots: int) -> None:
    """Return if a target of so many slots can run this.

    Raises:
        InvalidParameter: A part of it can't be; the message says which.
    """
    if bool(spec.script) == bool(spec.command):
        raise InvalidParameter("Give a 'script' or a 'command', and not both.")
    if spec.script:
        _check_script(spec)
    _check_words(spec.arguments, "arguments")
    _check_words(spec.command, "command")
    _check_variables(spec.variables)
    if spec.slots > slots >= 1:
        there = "1 slot" if slots == 1 else f"{slots} slots"
        raise InvalidParameter(f"'slots' is {spec.slots}, and the compute target has {there}.")
    for name, value, least, most in (
        ("slots", spec.slots, 1, slots),
        ("max_attempts", spec.max_attempts, 1, MAX_ATTEMPTS),
        ("priority", spec.priority, -MAX_PRIORITY, MAX_PRIORITY),
        ("max_duration_s", spec.max_duration_s, 0, MAX_DURATION_S),
    ):
        if not least <= value <= most:
            raise InvalidParameter(f"'{name}' must be from {least} to {most}, not {value}.")


def _check_script(spec: JobSpec) -> None:
    if not spec.snapshot:
        raise InvalidParameter("A 'script' is a file of a 'snapshot', and none is named.")
    # No more than what an agent asks of the names in a snapshot: they are those of a person's own disk, where
    # they may have decomposed letters or a newline, which no artifact has.
    is_plain = all(part not in ("", ".", "..") and "\0" not in part for part in spec.script.split("/"))
    if not is_plain or len(spec.script.encode()) > MAX_SCRIPT_BYTES:
        raise invalid("script", spec.script[:200], "A path in the snapshot, as 'src/train.py'.")


def _check_words(words: Sequence[str], name: str) -> None:
    asset_limits.check_count(words, MAX_WORDS, name)
    for word in words:
        check_length(word, MAX_WORD_LENGTH, name)
        if "\0" in word:
            raise InvalidParameter(f"'{name}' has a word with a NUL, which no process can be given.")
    if sum(map(len, words)) > MAX_WORDS_LENGTH:
        raise InvalidParameter(f"'{name}' has more than {MAX_WORDS_LENGTH} characters in all.")


def _check_variables(variables: Mapping[str, str]) -> None:
    asset_limits.check_count(variables, MAX_VARIABLES, "variables")
    for name, value in variables.items():
        if _VARIABLE.fullmatch(name) is None or len(name) > 250:
            raise invalid("variables", name[:300], "A name has letters, digits and '_', no digit first.")
        if name.startswith(_OURS):
            raise invalid("variables", name, "A job is told where to log by variables of this name.")
        check_length(value, MAX_VARIABLE_LENGTH, f"variables.{name}")
        if "\0" in value:
            raise InvalidParameter(f"'variables.{name}' has a NUL, which no process can be given.")


def shown(spec: JobSpec) -> str:
    """Return by which word a job is known where there is room for one."""
    return spec.script or spec.command[0]
