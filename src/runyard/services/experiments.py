"""What can be done with experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runyard.entities.experiment import Experiment, LifecycleStage, View
from runyard.entities.quota import Limited
from runyard.entities.workspace import Workspace
from runyard.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound
from runyard.protocol import limits
from runyard.protocol.filters import parse_experiment_filter
from runyard.protocol.ordering import parse_experiment_order
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.services.call import Call
from runyard.services.quotas import take
from runyard.services.twin_names import check_no_twin
from runyard.stores.artifacts.paths import ArtifactPath, proxied_path, resolve_artifact_location
from runyard.stores.metadata.base import Search

DEFAULT_EXPERIMENT_ALIAS = "0"
SOURCE_ID_TAG = "mlflow.experiment.sourceId"


def resolve_experiment_id(workspace: Workspace, experiment_id: str | None) -> str:
    """Return the id that a client means: nothing and ``"0"`` are the workspace's own ``Default``."""
    number = limits.check_experiment_id(experiment_id or DEFAULT_EXPERIMENT_ALIAS)
    return workspace.default_experiment_id if number == 0 else str(number)


def create_experiment(
    call: Call, name: str, artifact_location: str | None, tags: Mapping[str, str]
) -> Experiment:
    """Return a new experiment, or that of a notebook if its first run has made it already.

    MLflow's client makes a notebook's own experiment whenever a run in it names none, with the notebook's id
    as a tag: Databricks answers with the one that is there, and no other call would find it.

    Raises:
        AlreadyExists: An active or deleted experiment has this name.
        InvalidParameter: A name, tag or location that can't be.
    """
    limits.check_experiment_name(name)
    limits.check_experiment_tags(tags)
    location = resolve_artifact_location(artifact_location) if artifact_location else None
    try:
        return _add_experiment(call, name, location, tags)
    except AlreadyExists:
        found = _of_notebook(call, name, tags.get(SOURCE_ID_TAG))
        if found is None:
            raise
        return found


def _add_experiment(call: Call, name: str, location: str | None, tags: Mapping[str, str]) -> Experiment:
    experiments = call.stores.metadata.experiments
    with call.stores.atomic():
        place = proxied_path(location) if location else None
        if place is not None:
            call.stores.metadata.trash.use_again(ArtifactPath((call.workspace.name,)) / place)
        _check_no_twin(call, name)
        made = experiments.add_experiment(call.workspace.name, name, location, tags, call.now_ms())
        take(call, Limited.EXPERIMENTS)
        return made


def _check_no_twin(call: Call, name: str, but: str | None = None) -> None:
    find = call.stores.metadata.experiments.find_experiment_by_name

    def is_taken(twin: str) -> bool:
        found = find(call.workspace.name, twin)
        return found is not None and found.experiment_id != but

    check_no_twin("Experiment", name, is_taken)


def _of_notebook(call: Call, name: str, source_id: str | None) -> Experiment | None:
    if not source_id:
        return None
    found = call.stores.metadata.experiments.find_experiment_by_name(call.workspace.name, name)
    if found is None or found.lifecycle_stage is not LifecycleStage.ACTIVE:
        return None
    return found if found.tags.get(SOURCE_ID_TAG) == source_id else None


def get_experiment(call: Call, experiment_id: str | None) -> Experiment:
    """Return an experiment, active or deleted."""
    resolved = resolve_experiment_id(call.workspace, experiment_id)
    return call.stores.metadata.experiments.get_experiment(call.workspace.name, resolved)


def get_experiment_by_name(call: Call, name: str) -> Experiment:
    """Return the experiment of that name, active or deleted."""
    experiment = call.stores.metadata.experiments.find_experiment_by_name(call.workspace.name, name)
    if experiment is None:
        raise NotFound(f"Could not find experiment with name '{name}'")
    return experiment


def delete_experiment(call: Call, experiment_id: str) -> None:
    """Move an active experiment and its runs to the trash."""
    _move(call, experiment_id, LifecycleStage.ACTIVE, LifecycleStage.DELETED)


def restore_experiment(call: Call, experiment_id: str) -> None:
    """Bring a deleted experiment and its runs back."""
    _move(call, experiment_id, LifecycleStage.DELETED, LifecycleStage.ACTIVE)


def _move(call: Call, experiment_id: str, before: LifecycleStage, after: LifecycleStage) -> None:
    with call.stores.atomic():
        experiment = get_experiment(call, experiment_id)
        if experiment.lifecycle_stage is not before:
            raise NotFound(f"No Experiment with id={experiment.experiment_id} exists in stage {before.value}")
        call.stores.metadata.experiments.move_experiment(experiment.experiment_id, after, call.now_ms())


def rename_experiment(call: Call, experiment_id: str, name: str) -> None:
    """Give an active experiment another name."""
    limits.check_experiment_name(name)
    with call.stores.atomic():
        experiment = get_experiment(call, experiment_id)
        if experiment.lifecycle_stage is not LifecycleStage.ACTIVE:
            raise InvalidState("Cannot rename a non-active experiment.")
        _check_no_twin(call, name, experiment.experiment_id)
        call.stores.metadata.experiments.rename_experiment(experiment.experiment_id, name, call.now_ms())


def set_experiment_tag(call: Call, experiment_id: str, key: str, value: str) -> None:
    """Set one tag of an active experiment."""
    limits.check_experiment_tags({key: value})
    with call.stores.atomic():
        experiment = get_active_experiment(call, experiment_id)
        experiments = call.stores.metadata.experiments
        experiments.set_experiment_tag(experiment.experiment_id, key, value, call.now_ms())


def delete_experiment_tag(call: Call, experiment_id: str, key: str) -> None:
    """Delete one tag of an active experiment."""
    with call.stores.atomic():
        experiment = get_active_experiment(call, experiment_id)
        if not call.stores.metadata.experiments.delete_experiment_tag(experiment.experiment_id, key):
            raise NotFound(f"No tag with name: {key} in experiment with id {experiment_id}")


def get_active_experiment(call: Call, experiment_id: str | None) -> Experiment:
    """Return an experiment that is not deleted."""
    experiment = get_experiment(call, experiment_id)
    if experiment.lifecycle_stage is not LifecycleStage.ACTIVE:
        raise InvalidParameter(
            f"The experiment {experiment.experiment_id} must be in the 'active' state. "
            f"Current state is {experiment.lifecycle_stage.value}."
        )
    return experiment


def search_experiments(
    call: Call,
    view: View,
    filter_text: str | None,
    order_by: Sequence[str],
    limit: int,
    page_token: str | None,
) -> Page[Experiment]:
    """Return a page of the workspace's experiments, the last created first unless an order is asked for."""
    limits.check_page_size(limit, limits.MAX_EXPERIMENTS_PAGE)
    offset = parse_page_token(page_token)
    search = Search(
        workspace=call.workspace.name,
        view=view,
        filter=parse_experiment_filter(filter_text),
        order=parse_experiment_order(order_by),
        limit=limit + 1,
        offset=offset,
        only_ids=call.experiments_to_read(),
    )
    return page_of(call.stores.metadata.experiments.search_experiments(search), limit, offset)


def readable(call: Call, experiment_ids: Sequence[str]) -> list[str]:
    """Return the ids that a search names, as far as the caller may see what is in those experiments."""
    resolved = [resolve_experiment_id(call.workspace, each) for each in experiment_ids]
    seen = call.experiments_to_read()
    return resolved if seen is None else [each for each in resolved if each in seen]
