"""Taking over experiments, runs and logged models of elsewhere, with their ids and times.

What is imported carries the tag :data:`IMPORT_TAG`: an experiment from the beginning, a run once all of it
has come. So an import that was killed goes on where it was, and its ids make every call good twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from runyard.entities.experiment import Experiment, LifecycleStage, View
from runyard.entities.logged_model import LoggedModel
from runyard.entities.quota import Limited
from runyard.entities.run import Run, RunContents
from runyard.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound
from runyard.protocol import limits
from runyard.protocol.asset_limits import check_count
from runyard.services import logged_models
from runyard.services.call import Call
from runyard.services.experiments import get_experiment
from runyard.services.logging import check_datasets
from runyard.services.quotas import take
from runyard.stores.artifacts.paths import ArtifactPath, proxied_path, resolve_artifact_location
from runyard.stores.metadata.base import Search

IMPORT_TAG = "runyard.import"
MAX_RUNS = 100
MAX_PAIRS = 10_000
MAX_MODEL_METRICS = 10_000
MAX_SOURCE_LENGTH = 1000
MAX_MS = 2**53


@dataclass(frozen=True, slots=True)
class BegunRun:
    """A run that is here now, and whether all of it came by an import before."""

    run: Run
    is_complete: bool


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run all of which has come; ``deleted_ms`` says since when it is in the trash."""

    run_id: str
    deleted_ms: int | None = None
    is_open: bool = False


def begin_experiment(
    call: Call,
    source: str,
    name: str,
    created_ms: int | None,
    tags: Mapping[str, str],
    location: str | None,
) -> tuple[Experiment, bool]:
    """Return the experiment of that name that takes what comes from ``source``, and whether it is new.

    Raises:
        AlreadyExists: One has the name that did not come from there and is not the untouched ``Default``.
    """
    check_source(source)
    limits.check_experiment_name(name)
    limits.check_experiment_tags(tags)
    check_imported_time(created_ms, "creation_time")
    remote = remote_location(location)
    marked = {**tags, IMPORT_TAG: source}
    experiments = call.stores.metadata.experiments
    with call.stores.atomic():
        found = experiments.find_experiment_by_name(call.workspace.name, name)
        if found is None:
            now_ms = call.now_ms() if created_ms is None else created_ms
            made = experiments.add_experiment(call.workspace.name, name, remote, marked, now_ms)
            take(call, Limited.EXPERIMENTS)
            return made, True
        if found.tags.get(IMPORT_TAG) != source and not _is_untouched_default(call, found):
            raise AlreadyExists(
                f"An experiment '{name}' is there already, and it did not come from {source}. Rename it, or "
                "import under other names, with a prefix."
            )
        for key, value in marked.items():
            experiments.set_experiment_tag(found.experiment_id, key, value, call.now_ms())
        return found, False


def finish_experiment(
    call: Call, source: str, experiment_id: str, updated_ms: int, stage: LifecycleStage
) -> None:
    """Give an imported experiment the time of its last change there, and its place in the trash."""
    check_imported_time(updated_ms, "last_update_time")
    with call.stores.atomic():
        experiment = imported_experiment(call, source, experiment_id)
        experiments = call.stores.metadata.experiments
        # The same name again: what is wanted is the time of the change.
        experiments.rename_experiment(experiment.experiment_id, experiment.name, updated_ms)
        if stage is LifecycleStage.DELETED and experiment.lifecycle_stage is LifecycleStage.ACTIVE:
            experiments.move_experiment(experiment.experiment_id, stage, updated_ms)


def begin_runs(call: Call, source: str, described: Sequence[tuple[Run, RunContents]]) -> list[BegunRun]:
    """Keep runs as they are described, but for metrics and files, and return them in the same order.

    A run that is here and incomplete gets what it lacks; a complete one stays as it is.

    Raises:
        AlreadyExists: A run of an id is here that this import has not brought.
        InvalidParameter: Too many, or something in one of them can't be.
        NotFound: There is no such experiment.
    """
    check_source(source)
    check_count(described, MAX_RUNS, "runs")
    for index, (run, contents) in enumerate(described):
        _check_run(run, contents, f"runs[{index}]")
    try:
        return _begin_runs(call, source, described)
    except AlreadyExists:
        # The same runs may have come through another server meanwhile: now they are seen.
        return _begin_runs(call, source, described)


def _begin_runs(call: Call, source: str, described: Sequence[tuple[Run, RunContents]]) -> list[BegunRun]:
    runs = call.stores.metadata.runs
    begun: dict[str, BegunRun] = {}
    with call.stores.atomic():
        wanted = {run.experiment_id for run, _ in described}
        experiments = {each: imported_experiment(call, source, each) for each in sorted(wanted)}
        ids = [run.run_id for run, _ in described]
        here = runs.read_contents(runs.find_run_ids(call.workspace.name, ids))
        for run, contents in sorted(described, key=lambda each: each[0].run_id):
            experiment = experiments[run.experiment_id]
            if run.run_id in here or run.run_id in begun:
                tags = here[run.run_id].tags if run.run_id in here else {}
                begun[run.run_id] = _go_on(call, experiment, run, contents, tags)
            else:
                begun[run.run_id] = _begin(call, experiment, run, contents)
    return [begun[run_id] for run_id in ids]


def _begin(call: Call, experiment: Experiment, described: Run, contents: RunContents) -> BegunRun:
    uri = described.artifact_uri or f"{experiment.artifact_location.rstrip('/')}/{described.run_id}/artifacts"
    run = replace(
        described,
        workspace=call.workspace.name,
        experiment_id=experiment.experiment_id,
        artifact_uri=uri,
    )
    _use_again(call, uri)
    call.stores.metadata.runs.add_run(run, contents.tags)
    take(call, Limited.RUNS)
    _add_contents(call, run, contents)
    return BegunRun(run, is_complete=False)


def _go_on(
    call: Call, experiment: Experiment, described: Run, contents: RunContents, tags: Mapping[str, str]
) -> BegunRun:
    runs = call.stores.metadata.runs
    run = runs.get_run(call.workspace.name, described.run_id)
    if run.experiment_id != experiment.experiment_id:
        raise AlreadyExists(
            f"Run with id={run.run_id} is there already, in experiment {run.experiment_id}, and was not "
            "imported into this one."
        )
    if IMPORT_TAG in tags:
        return BegunRun(run, is_complete=True)
    if run.lifecycle_stage is not LifecycleStage.ACTIVE:
        raise InvalidState(f"Run {run.run_id} was moved to the trash before its import was complete.")
    runs.update_run(run.run_id, described.status, described.ended_ms, described.name)
    runs.set_tags(run.run_id, contents.tags)
    _add_contents(call, run, contents)
    return BegunRun(run, is_complete=False)


def _add_contents(call: Call, run: Run, contents: RunContents) -> None:
    runs = call.stores.metadata.runs
    runs.add_params(run.run_id, contents.params)
    if contents.dataset_inputs or contents.model_inputs:
        runs.add_inputs(run, contents.dataset_inputs, contents.model_inputs)
    if contents.model_outputs:
        runs.add_outputs(run.run_id, contents.model_outputs)


def finish_runs(call: Call, source: str, finished: Sequence[FinishedRun]) -> None:
    """Mark runs as complete, and move those to the trash that were there.

    Raises:
        NotFound: One of them is not here.
    """
    check_source(source)
    check_count(finished, MAX_RUNS, "runs")
    runs = call.stores.metadata.runs
    with call.stores.atomic():
        for each in sorted(finished, key=lambda one: one.run_id):
            check_imported_time(each.deleted_ms, "deleted_time")
            run = runs.get_run(call.workspace.name, each.run_id)
            imported_experiment(call, source, run.experiment_id)
            if not each.is_open:
                runs.set_tags(run.run_id, {IMPORT_TAG: source})
            if each.deleted_ms is not None and run.lifecycle_stage is LifecycleStage.ACTIVE:
                runs.move_run(run.run_id, LifecycleStage.DELETED, each.deleted_ms)


def import_model(
    call: Call, source: str, described: LoggedModel, deleted_ms: int | None = None
) -> tuple[LoggedModel, int]:
    """Keep a logged model, but for its files; return it and how many metrics were left out.

    One that is here gets what it lacks. Metrics of runs that are not here are left out.

    Raises:
        AlreadyExists: A model of that id is here in another experiment.
        InvalidParameter: Something in it can't be.
    """
    check_source(source)
    check_count(described.metrics, MAX_MODEL_METRICS, "metrics")
    logged_models.check_described(described)
    for what, time_ms in (
        ("creation_timestamp_ms", described.created_ms),
        ("last_updated_timestamp_ms", described.updated_ms),
        ("deleted_time", deleted_ms),
    ):
        check_imported_time(time_ms, what)
    models = call.stores.metadata.logged_models
    with call.stores.atomic():
        experiment = imported_experiment(call, source, described.experiment_id)
        model = _model(call, experiment, described)
        wanted = {metric.run_id for metric in described.metrics}
        here = set(call.stores.metadata.runs.find_run_ids(call.workspace.name, sorted(wanted)))
        kept = [metric for metric in described.metrics if metric.run_id in here]
        models.append_metrics(model.model_id, kept)
        models.set_model_status(model.model_id, described.status, described.updated_ms)
        if deleted_ms is not None:
            models.delete_logged_model(model.model_id, deleted_ms)
    return model, len(described.metrics) - len(kept)


def _model(call: Call, experiment: Experiment, described: LoggedModel) -> LoggedModel:
    models = call.stores.metadata.logged_models
    try:
        model = models.get_logged_model(call.workspace.name, described.model_id, or_deleted=True)
    except NotFound:
        folder = f"{experiment.artifact_location.rstrip('/')}/models/{described.model_id}/artifacts"
        uri = remote_location(described.artifact_uri) or folder
        model = replace(
            described,
            workspace=call.workspace.name,
            experiment_id=experiment.experiment_id,
            artifact_uri=uri,
        )
        _use_again(call, uri)
        models.add_logged_model(model)
        return model
    if model.experiment_id != experiment.experiment_id:
        raise AlreadyExists(
            f"Logged model with ID '{model.model_id}' is there already, in experiment {model.experiment_id}."
        )
    models.add_model_params(model.model_id, described.params)
    models.set_model_tags(model.model_id, described.tags)
    return model


def imported_experiment(call: Call, source: str, experiment_id: str) -> Experiment:
    """Return the experiment that takes what comes from ``source``.

    Raises:
        InvalidState: It takes nothing from there.
        NotFound: There is no such experiment.
    """
    experiment = get_experiment(call, experiment_id)
    if experiment.tags.get(IMPORT_TAG) != source:
        raise InvalidState(f"Experiment {experiment.experiment_id} does not take what comes from {source}.")
    return experiment


def _is_untouched_default(call: Call, experiment: Experiment) -> bool:
    if experiment.experiment_id != call.workspace.default_experiment_id or IMPORT_TAG in experiment.tags:
        return False
    search = Search(call.workspace.name, View.ALL, limit=1, experiment_ids=[experiment.experiment_id])
    return not call.stores.metadata.runs.search_runs(search).run_numbers


def _use_again(call: Call, uri: str) -> None:
    place = proxied_path(uri)
    if place is not None:
        call.stores.metadata.trash.use_again(ArtifactPath((call.workspace.name,)) / place)


def remote_location(location: str | None) -> str | None:
    """Return where a remote store has artifacts; what the server itself keeps lies where it decides."""
    if not location:
        return None
    resolved = resolve_artifact_location(location)
    if proxied_path(resolved) is not None:
        raise InvalidParameter(
            f"'{location[:200]}' is no remote store's: of what the server keeps, the server says where."
        )
    return resolved


def _check_run(run: Run, contents: RunContents, path: str) -> None:
    limits.check_run_id(run.run_id)
    limits.check_length(run.name, limits.MAX_RUN_NAME_LENGTH, f"{path}.run_name")
    limits.check_length(run.user_id, limits.MAX_VALUE_LENGTH, f"{path}.user_id")
    for what, pairs in (("params", contents.params), ("tags", contents.tags)):
        check_count(pairs, MAX_PAIRS, f"{path}.{what}")
        limits.check_first_tags(pairs)
    check_datasets(contents.dataset_inputs, f"{path}.datasets")
    check_count(contents.model_inputs, MAX_PAIRS, f"{path}.models")
    check_count(contents.model_outputs, MAX_PAIRS, f"{path}.outputs")
    check_imported_time(run.started_ms, f"{path}.start_time")
    check_imported_time(run.ended_ms, f"{path}.end_time")
    remote_location(run.artifact_uri)


def check_source(source: str) -> None:
    """Refuse a word for a source that says nothing or too much."""
    if not source.strip():
        raise InvalidParameter("'source' must say where it comes from.")
    limits.check_length(source, MAX_SOURCE_LENGTH, "source")


def check_imported_time(time_ms: int | None, field: str) -> None:
    """Refuse a time that no clock of a source has shown."""
    if time_ms is not None and not 0 <= time_ms <= MAX_MS:
        raise InvalidParameter(
            f"Invalid value {time_ms} for '{field}': expected milliseconds since the epoch."
        )
