"""MLflow's messages about experiments."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from runyard.entities.experiment import Experiment
from runyard.protocol.messages.common import Int64, KeyValue, Wire, key_values


class CreateExperiment(Wire):
    """Body of ``experiments/create``."""

    name: str
    artifact_location: str | None = None
    tags: list[KeyValue] = []


class CreateExperimentAnswer(Wire):
    """The new experiment's id."""

    experiment_id: str


class ExperimentId(Wire):
    """Body of ``experiments/get``, ``delete`` and ``restore``."""

    experiment_id: str


class GetExperimentByName(Wire):
    """Query of ``experiments/get-by-name``."""

    experiment_name: str


class UpdateExperiment(Wire):
    """Body of ``experiments/update``: a new name."""

    experiment_id: str
    new_name: str


class SetExperimentTag(Wire):
    """Body of ``experiments/set-experiment-tag``."""

    experiment_id: str
    key: str
    value: str = ""


class DeleteExperimentTag(Wire):
    """Body of ``experiments/delete-experiment-tag``."""

    experiment_id: str
    key: str


class SearchExperiments(Wire):
    """Body or query of ``experiments/search``."""

    max_results: Int64 | None = None
    page_token: str | None = None
    filter: str | None = None
    order_by: list[str] = []
    view_type: Int64 | str | None = None


class ListExperiments(Wire):
    """Query of ``experiments/list``, which clients of MLflow 1 send."""

    view_type: Int64 | str | None = None
    max_results: Int64 | None = None
    page_token: str | None = None


class WireExperiment(Wire, omit_defaults=False):
    """An experiment on the wire."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    last_update_time: int
    creation_time: int
    workspace: str
    tags: list[KeyValue] | UnsetType = UNSET


class ExperimentAnswer(Wire):
    """One experiment."""

    experiment: WireExperiment


class SearchExperimentsAnswer(Wire):
    """A page of experiments."""

    experiments: list[WireExperiment] | UnsetType = UNSET
    next_page_token: str | UnsetType = UNSET


def wire_experiment(experiment: Experiment) -> WireExperiment:
    """Return an experiment as MLflow writes it."""
    return WireExperiment(
        experiment_id=experiment.experiment_id,
        name=experiment.name,
        artifact_location=experiment.artifact_location,
        lifecycle_stage=experiment.lifecycle_stage.value,
        last_update_time=experiment.updated_ms,
        creation_time=experiment.created_ms,
        workspace=experiment.workspace,
        tags=key_values(experiment.tags) or UNSET,
    )
