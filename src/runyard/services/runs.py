"""What can be done with runs: begin, read, search, update, delete, restore."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from runyard.entities.experiment import LifecycleStage
from runyard.entities.job import JOB_TAG
from runyard.entities.quota import Limited
from runyard.entities.run import Run, RunContents, RunStatus, check_stage
from runyard.entities.run_names import random_name
from runyard.errors import AlreadyExists, InvalidParameter
from runyard.protocol import limits
from runyard.protocol.filters import parse_run_filter
from runyard.protocol.messages.common import view_of
from runyard.protocol.messages.runs import SearchRuns, WireRun
from runyard.protocol.ordering import parse_run_order
from runyard.protocol.paging import Page, parse_position_token, position_token
from runyard.services.call import Call
from runyard.services.events import note_begin, note_status
from runyard.services.experiments import get_active_experiment, readable
from runyard.services.quotas import take
from runyard.services.run_documents import keep_documents, read_documents
from runyard.stores.metadata.base import DatasetSummary, Search

RUN_NAME_TAG = "mlflow.runName"
USER_TAG = "mlflow.user"
DEFAULT_RUNS_PAGE = 1000
MAX_DATASET_EXPERIMENTS = 20
MAX_DATASET_SUMMARIES = 1000


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a client says of a run that it begins.

    Args:
        experiment_id: Where; nothing and ``"0"`` are the workspace's own ``Default``.
        name: What to call it.
        user_id: Who begins it.
        started_ms: When, by the client's clock.
        tags: Its first tags.
        run_id: The client's own id, for a run that began while the server could not be reached.
    """

    experiment_id: str | None = None
    name: str = ""
    user_id: str = ""
    started_ms: int | None = None
    tags: Mapping[str, str] | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class FullRun:
    """A run and all that hangs on it."""

    run: Run
    contents: RunContents


def create_run(call: Call, new: NewRun) -> FullRun:
    """Return a new running run, with a name drawn at random if none was given.

    An id of the client's own that was seen before, from the same user for the same experiment, means the run
    that it made then: the client got no answer and asks again.

    Raises:
        AlreadyExists: Another run has the client's id.
        InvalidParameter: The experiment is deleted, name and name tag differ, or the id is none.
        NotFound: There is no such experiment.
    """
    tags = dict(new.tags or {})
    name = _agreed_name(new.name, tags.get(RUN_NAME_TAG, "")) or random_name()
    limits.check_length(name, limits.MAX_RUN_NAME_LENGTH, "run_name")
    tags[RUN_NAME_TAG] = name
    if call.caller is not None and call.caller.job is not None:
        tags[JOB_TAG] = call.caller.job.run_id
    limits.check_first_tags(tags)
    if new.run_id is None:
        return _add_run(call, new, name, tags)
    limits.check_run_id(new.run_id)
    try:
        return _add_run(call, new, name, tags)
    except AlreadyExists:
        # The same request may have come through another server meanwhile: now it is seen.
        return _add_run(call, new, name, tags)


def check_is_new(call: Call, run_id: str | None, find: Callable[[str], object | None]) -> None:
    """Return unless a client's own id is that of a run of another kind, of which ``find`` finds nothing.

    Raises:
        AlreadyExists: It is.
    """
    if run_id is None or not call.stores.metadata.runs.find_run_ids(call.workspace.name, [run_id]):
        return
    # Looked for last, as it comes with its run.
    if find(run_id) is None:
        raise AlreadyExists(f"Run with id={run_id} already exists.")


def _add_run(call: Call, new: NewRun, name: str, tags: Mapping[str, str]) -> FullRun:
    with call.stores.atomic():
        experiment = get_active_experiment(call, new.experiment_id)
        run_id = new.run_id or uuid.uuid4().hex
        run = Run(
            run_id=run_id,
            workspace=call.workspace.name,
            experiment_id=experiment.experiment_id,
            name=name,
            user_id=new.user_id or tags.get(USER_TAG, ""),
            status=RunStatus.RUNNING,
            lifecycle_stage=LifecycleStage.ACTIVE,
            artifact_uri=f"{experiment.artifact_location.rstrip('/')}/{run_id}/artifacts",
            started_ms=call.now_ms() if new.started_ms is None else new.started_ms,
        )
        begun = _begun_before(call, run) if new.run_id is not None else None
        if begun is not None:
            return begun
        call.stores.metadata.runs.add_run(run, tags)
        take(call, Limited.RUNS)
        note_begin(call, run)
    return FullRun(run, RunContents(tags=tags))


def _begun_before(call: Call, asked: Run) -> FullRun | None:
    """Return the run that the same request has made before, as it stands now, if there is one."""
    runs = call.stores.metadata.runs
    if not runs.find_run_ids(asked.workspace, [asked.run_id]):
        return None
    run = runs.get_run(asked.workspace, asked.run_id)
    if (run.experiment_id, run.user_id) != (asked.experiment_id, asked.user_id):
        raise AlreadyExists(f"Run with id={asked.run_id} already exists.")
    return FullRun(run, runs.read_contents([run.run_id])[run.run_id])


def _agreed_name(name: str, name_tag: str) -> str:
    if name and name_tag and name != name_tag:
        raise InvalidParameter(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            f"(run_name='{name}', mlflow.runName='{name_tag}')."
        )
    return name or name_tag


def get_run(call: Call, run_id: str) -> WireRun:
    """Return a run, active or deleted, with all that hangs on it, as the wire shows it."""
    with call.stores.snapshot():
        found = call.stores.metadata.runs.locate_run(call.workspace.name, run_id)
        # A run is often read right after it was changed: what is made for that is not worth keeping.
        shown, _ = read_documents(call.stores, found)
    return shown[0]


def get_active_run(call: Call, run_id: str) -> Run:
    """Return the row of a run that is not deleted, held until the transaction ends if it may write."""
    run = call.stores.metadata.runs.get_run(call.workspace.name, run_id)
    check_stage(run_id, run.lifecycle_stage)
    return run


def check_active(call: Call, run_id: str) -> None:
    """Return if the workspace has such a run and it is not deleted; others may change that meanwhile."""
    check_stage(run_id, call.stores.metadata.runs.get_stage(call.workspace.name, run_id))


def update_run(
    call: Call, run_id: str, status: RunStatus | None, ended_ms: int | None, name: str | None
) -> Run:
    """Change status, end or name of an active run and return its row."""
    with call.stores.atomic():
        run = get_active_run(call, run_id)
        if name:
            limits.check_length(name, limits.MAX_RUN_NAME_LENGTH, "run_name")
            call.stores.metadata.runs.set_tags(run_id, {RUN_NAME_TAG: name})
        call.stores.metadata.runs.update_run(run_id, status, ended_ms, name or None)
        note_status(call.stores, run, status, call.now_ms())
    return replace(
        run,
        status=status or run.status,
        ended_ms=run.ended_ms if ended_ms is None else ended_ms,
        name=name or run.name,
    )


def delete_run(call: Call, run_id: str) -> None:
    """Move a run to the trash; it stays readable and refuses writes."""
    _move(call, run_id, LifecycleStage.DELETED)


def restore_run(call: Call, run_id: str) -> None:
    """Bring a run back from the trash.

    Raises:
        NotFound: There is no such run, or it is being removed for good.
    """
    _move(call, run_id, LifecycleStage.ACTIVE)


def _move(call: Call, run_id: str, stage: LifecycleStage) -> None:
    with call.stores.atomic():
        call.stores.metadata.runs.get_run(call.workspace.name, run_id)
        call.stores.metadata.many_runs.move_runs([run_id], stage, call.now_ms())


def search_runs(call: Call, asked: SearchRuns) -> Page[WireRun]:
    """Return a page of runs of some experiments, the latest start first unless an order is asked for."""
    limit = DEFAULT_RUNS_PAGE if asked.max_results is None else asked.max_results
    limits.check_page_size(limit, limits.MAX_RUNS_PAGE)
    experiment_ids = readable(call, asked.experiment_ids)
    view = view_of(asked.run_view_type, "run_view_type")
    same = (call.workspace.name, sorted(experiment_ids), view.value, asked.filter, asked.order_by)
    search = Search(
        workspace=call.workspace.name,
        experiment_ids=experiment_ids,
        view=view,
        filter=parse_run_filter(asked.filter),
        order=parse_run_order(asked.order_by),
        limit=limit,
        after=parse_position_token(asked.page_token, same),
    )
    with call.stores.snapshot(experiment_ids):
        found = call.stores.metadata.runs.search_runs(search)
        shown, made = read_documents(call.stores, found)
    keep_documents(call.stores, made)
    return Page(shown, None if found.last is None else position_token(found.last, same))


def search_datasets(call: Call, experiment_ids: Sequence[str]) -> list[DatasetSummary]:
    """Return which datasets the runs of the experiments read, at most 1,000."""
    if not experiment_ids:
        raise InvalidParameter("SearchDatasets request must specify at least one experiment_id.")
    if len(experiment_ids) > MAX_DATASET_EXPERIMENTS:
        raise InvalidParameter(
            f"SearchDatasets request cannot specify more than {MAX_DATASET_EXPERIMENTS} experiment_ids. "
            f"Received {len(experiment_ids)} experiment_ids."
        )
    resolved = readable(call, experiment_ids)
    runs = call.stores.metadata.runs
    return runs.list_dataset_summaries(call.workspace.name, resolved, MAX_DATASET_SUMMARIES)
