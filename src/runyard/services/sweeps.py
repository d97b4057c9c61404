"""What can be done with sweeps: submit, look at, cancel."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from runyard.auth.permissions import LOCAL_OWNER
from runyard.entities.job import SCRIPT_TAG, JobSpec
from runyard.entities.sweep import (
    PARAMETERS_TAG,
    SWEEP_TAG,
    Distribution,
    Goal,
    Sampling,
    StoppingRule,
    Sweep,
    SweepSpec,
    SweepStatus,
    Trial,
    TrialStatus,
    Value,
)
from runyard.errors import Forbidden, InvalidParameter, NotFound
from runyard.protocol.limits import check_page_size
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.services import sweep_checks, sweep_sampling
from runyard.services.call import Call
from runyard.services.experiments import resolve_experiment_id
from runyard.services.job_data import check_data
from runyard.services.jobs import SOURCE_TYPE_TAG, check_spec, shown, target_for_jobs
from runyard.services.runs import NewRun, check_is_new, create_run
from runyard.services.snapshots import use_snapshot
from runyard.services.tokens import identify
from runyard.stores.metadata.base_sweeps import SweepSearch

MAX_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class NewSweep:
    """What somebody wants to be searched for.

    Args:
        experiment_id: Where its runs are to be.
        compute: Name of the target of its jobs.
        job: What each of them runs.
        parameters: Where the values come from.
        metric: Name of the metric that counts.
        goal: Which values of it are good.
        sampling: How values are found.
        seed: What chance begins with; ``None`` draws one.
        max_trials: How many trials; ``None`` for all of a grid.
        max_concurrent: How many at a time; ``None`` for as many as the target has slots for.
        max_duration_s: After how many seconds the sweep ends; 0 for never.
        stopping: When a trial is ended early, if ever.
        run_name: What its run is called.
        tags: First tags of all its runs.
        run_id: The client's own id: the same again is the same sweep.
    """

    experiment_id: str
    compute: str
    job: JobSpec
    parameters: Mapping[str, Distribution]
    metric: str
    goal: Goal
    sampling: Sampling = Sampling.RANDOM
    seed: int | None = None
    max_trials: int | None = None
    max_concurrent: int | None = None
    max_duration_s: int = 0
    stopping: StoppingRule | None = None
    run_name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class SweepNow:
    """A sweep as it stands.

    Args:
        sweep: The sweep.
        counts: How many of its trials have which status.
        best: The best one so far, where one sweep was asked for.
        best_value: The best value so far.
        run_name: What its run is called.
    """

    sweep: Sweep
    counts: Mapping[TrialStatus, int]
    best: Trial | None = None
    best_value: float | None = None
    run_name: str = ""


@dataclass(frozen=True, slots=True)
class TrialJob:
    """Where the job of a trial is, when it ran, and why it waits or did not end well."""

    status: str
    started_ms: int | None
    ended_ms: int | None
    reason: str


def submit_sweep(call: Call, new: NewSweep) -> SweepNow:
    """Keep a sweep and its run, and return it; the server begins its trials.

    Raises:
        InvalidParameter: A part of it can't be; the message says which.
        NotFound: There is no such target, experiment or snapshot.
        Forbidden: The code of a job submits sweeps.
        InvalidState: The target is being deleted.
    """
    caller = identify(call)
    if caller.job is not None:
        raise Forbidden("The code of a job can't submit sweeps; submit them from where this one was.")
    spec = _spec(call, new)
    with call.stores.atomic():
        sought = f"{new.goal.value} {new.metric}"
        tags = {SCRIPT_TAG: shown(new.job), SOURCE_TYPE_TAG: "JOB", SWEEP_TAG: sought}
        if not caller.is_local_owner:
            tags["mlflow.user"] = caller.name
        begun = NewRun(new.experiment_id, new.run_name, tags=tags | dict(new.tags), run_id=new.run_id)
        check_is_new(call, new.run_id, call.stores.metadata.sweeps.find_sweep)
        run = create_run(call, begun).run
        before = call.stores.metadata.sweeps.find_sweep(run.run_id)
        if before is not None:
            return _now(call, before)
        if new.job.snapshot:
            use_snapshot(call, new.job.snapshot)
        sweep = Sweep(
            run_id=run.run_id,
            workspace=call.workspace.name,
            experiment_id=run.experiment_id,
            spec=spec,
            status=SweepStatus.RUNNING,
            submitted_ms=call.now_ms(),
            principal_id=LOCAL_OWNER.principal_id if caller.is_local_owner else caller.principal_id,
            submitted_by=caller.name,
        )
        call.stores.metadata.sweeps.add_sweep(sweep)
        call.stores.database.after_commit(call.operation.sweep_due.set)
    return SweepNow(sweep, {}, run_name=run.name)


def get_sweep(call: Call, run_id: str) -> SweepNow:
    """Return a sweep of the workspace.

    Raises:
        NotFound: It has no such sweep.
    """
    return _now(call, _found(call, run_id))


def list_sweeps(call: Call, experiment_id: str | None, limit: int, page_token: str | None) -> Page[SweepNow]:
    """Return a page of the workspace's sweeps, the latest submitted first, of each the best value alone."""
    check_page_size(limit, MAX_PAGE)
    offset = parse_page_token(page_token)
    seen = call.experiments_to_read()
    if experiment_id is not None:
        wanted = frozenset({resolve_experiment_id(call.workspace, experiment_id)})
        seen = wanted if seen is None else wanted & seen
    sweeps = call.stores.metadata.sweeps
    found = sweeps.search_sweeps(SweepSearch(call.workspace.name, limit + 1, offset, seen))
    ids = [each.run_id for each in found]
    counts, ranges = sweeps.count_trials(ids), sweeps.value_ranges(ids)
    names = call.stores.metadata.jobs.run_names(ids)
    listed = [
        SweepNow(
            each,
            counts.get(each.run_id, {}),
            best_value=_best_of(ranges.get(each.run_id), each.spec.goal),
            run_name=names.get(each.run_id, ""),
        )
        for each in found
    ]
    return page_of(listed, limit, offset)


def list_trials(call: Call, run_id: str, limit: int, page_token: str | None) -> Page[Trial]:
    """Return a page of a sweep's trials, by number.

    Raises:
        NotFound: The workspace has no such sweep.
    """
    check_page_size(limit, MAX_PAGE)
    offset = parse_page_token(page_token)
    sweep = _found(call, run_id)
    return page_of(call.stores.metadata.sweeps.list_trials(sweep.run_id, limit + 1, offset), limit, offset)


def jobs_of_trials(call: Call, trials: Sequence[Trial]) -> Mapping[str, TrialJob]:
    """Return what is to be told of the jobs of those trials, by their runs' ids."""
    found = call.stores.metadata.jobs.find_jobs([each.run_id for each in trials])
    return {
        run_id: TrialJob(job.status.value, job.started_ms, job.ended_ms, job.reason)
        for run_id, job in found.items()
    }


def cancel_sweep(call: Call, run_id: str) -> SweepNow:
    """Begin no more trials, have those that go on ended, and return the sweep; one that is over stays so.

    Raises:
        NotFound: There is no such sweep.
    """
    who = identify(call).name
    with call.stores.atomic():
        sweep = _found(call, run_id)
        close_sweep(call, sweep, SweepStatus.CANCELED, f"canceled by {who}")
        return _now(call, _found(call, run_id))


def close_sweep(call: Call, sweep: Sweep, closed_as: SweepStatus, reason: str) -> None:
    """Note in the transaction of this thread that no more trials are begun, and as what the sweep ends."""
    if sweep.status.is_over or sweep.closed_ms is not None:
        return
    call.stores.metadata.sweeps.update_sweep(
        sweep.run_id, closed_ms=call.now_ms(), closed_as=closed_as, reason=reason
    )
    call.stores.database.after_commit(call.operation.sweep_due.set)


def best_trial(trials: list[Trial], goal: Goal) -> Trial | None:
    """Return the best of some trials, the first of several; those that failed are none."""
    measured = [
        (each.value if goal is Goal.MINIMIZE else -each.value, each.number, each)
        for each in trials
        if each.value is not None and each.status is not TrialStatus.FAILED
    ]
    return min(measured)[2] if measured else None


def job_of_trial(spec: SweepSpec, values: Mapping[str, Value]) -> JobSpec:
    """Return what a trial runs: each value follows the name of its parameter behind the other arguments."""
    words = [
        word for name, value in values.items() for word in (sweep_checks.argument_name(name), str(value))
    ]
    if spec.job.command:
        return replace(spec.job, command=(*spec.job.command, *words))
    return replace(spec.job, arguments=(*spec.job.arguments, *words))


def tags_of_trial(spec: SweepSpec, values: Mapping[str, Value]) -> dict[str, str]:
    """Return the first tags of a trial's run."""
    return {**spec.tags, PARAMETERS_TAG: json.dumps(dict(values), ensure_ascii=False)}


def wanted_trials(spec: SweepSpec) -> int | None:
    """Return how many trials a sweep is to have at most; ``None`` if that is every combination of a grid."""
    if spec.sampling is Sampling.GRID and spec.max_trials >= sweep_sampling.grid_size(spec.parameters):
        return None
    return spec.max_trials


def _found(call: Call, run_id: str) -> Sweep:
    found = call.stores.metadata.sweeps.find_sweep(run_id)
    if found is None or found.workspace != call.workspace.name:
        raise NotFound(f"Workspace '{call.workspace.name}' has no sweep {run_id[:100]!r}.")
    return found


def _now(call: Call, sweep: Sweep) -> SweepNow:
    metadata = call.stores.metadata
    trials = list(metadata.sweeps.list_trials(sweep.run_id))
    counts: dict[TrialStatus, int] = {}
    for each in trials:
        counts[each.status] = counts.get(each.status, 0) + 1
    best = best_trial(trials, sweep.spec.goal)
    name = metadata.jobs.run_names([sweep.run_id]).get(sweep.run_id, "")
    return SweepNow(sweep, counts, best, None if best is None else best.value, name)


def _best_of(values: tuple[float, float] | None, goal: Goal) -> float | None:
    return None if values is None else values[0 if goal is Goal.MINIMIZE else 1]


def _spec(call: Call, new: NewSweep) -> SweepSpec:
    target = target_for_jobs(call, new.compute)
    check_spec(new.job, target.slots)
    check_data(call, new.job)
    sweep_checks.check_parameters(new.parameters)
    sweep_checks.check_metric(new.metric)
    if new.stopping is not None:
        sweep_checks.check_stopping(new.stopping)
    spec = SweepSpec(
        job=new.job,
        compute=new.compute,
        parameters=new.parameters,
        metric=new.metric,
        goal=new.goal,
        sampling=new.sampling,
        seed=random.SystemRandom().randrange(2**31) if new.seed is None else new.seed,
        max_trials=sweep_checks.checked_trials(new.parameters, new.sampling, new.max_trials),
        max_concurrent=new.max_concurrent or max(1, target.slots // new.job.slots),
        max_duration_s=new.max_duration_s,
        stopping=new.stopping,
        tags=dict(new.tags),
    )
    sweep_checks.check_numbers(spec)
    # That values can be found, by what is installed here, and that a job may have them.
    first = sweep_sampling.next_values(spec, 0, ())
    check_spec(job_of_trial(spec, first), target.slots)
    if len(tags_of_trial(spec, first)[PARAMETERS_TAG]) > sweep_checks.MAX_PARAMETERS_LENGTH:
        raise InvalidParameter(
            f"The values of 'parameters' have more than {sweep_checks.MAX_PARAMETERS_LENGTH} characters."
        )
    return spec
