"""Runyard's own messages about the trash, the removal of parts, and what takes them away for good."""

from __future__ import annotations

from runyard.entities.experiment import Experiment
from runyard.entities.trash import Trashed
from runyard.protocol.messages.common import Int64, Wire


class ListTrash(Wire):
    """Query of ``GET /api/v1/trash``."""

    max_results: Int64 = 1000
    page_token: str | None = None


class WireTrashed(Wire, omit_defaults=False):
    """One thing in the trash; ``kind`` is ``experiment``, ``run`` or ``logged_model``."""

    kind: str
    id: str
    name: str
    experiment_id: str
    deleted_ms: int


class ListTrashAnswer(Wire, omit_defaults=False):
    """A page of the trash, the last deleted first."""

    items: list[WireTrashed]
    next_page_token: str | None


class ChooseRuns(Wire):
    """Which runs: those of ``run_ids``, or those that ``filter`` finds in ``experiment_ids``."""

    run_ids: list[str] = []
    experiment_ids: list[str] = []
    filter: str | None = None
    dry_run: bool = False


class RunsAnswer(Wire, omit_defaults=False):
    """The runs that were moved, or would be."""

    run_ids: list[str]


class DeleteExperiments(Wire):
    """Body of ``POST /api/v1/experiments/delete``."""

    experiment_ids: list[str]
    reuse_name: bool = False
    dry_run: bool = False


class RestoreExperiments(Wire):
    """Body of ``POST /api/v1/experiments/restore``."""

    experiment_ids: list[str]
    new_name: str | None = None
    dry_run: bool = False


class WireNamedExperiment(Wire, omit_defaults=False):
    """An experiment, by the name that it has now."""

    experiment_id: str
    name: str


class ExperimentsAnswer(Wire, omit_defaults=False):
    """The experiments that were moved, or would be."""

    experiments: list[WireNamedExperiment]


class ModelIds(Wire):
    """Body of ``POST /api/v1/logged-models/delete`` and ``restore``."""

    model_ids: list[str]


class ModelsAnswer(Wire, omit_defaults=False):
    """The logged models that were moved."""

    model_ids: list[str]


class RemoveParts(ChooseRuns):
    """Body of ``POST /api/v1/runs/remove-parts``: keys, and paths of artifacts below their run."""

    metric_keys: list[str] = []
    param_keys: list[str] = []
    tag_keys: list[str] = []
    artifact_paths: list[str] = []


class RemovedPartsAnswer(Wire, omit_defaults=False):
    """What was removed from how many runs, or would be."""

    runs: int
    metric_points: int
    params: int
    tags: int
    artifact_files: int
    database_bytes: int
    artifact_bytes: int


class RemoveDataset(Wire):
    """Body of ``POST /api/v1/datasets/remove``; without a digest, all datasets of the name."""

    experiment_id: str
    name: str
    digest: str | None = None


class RemovedDatasetAnswer(Wire, omit_defaults=False):
    """What a dataset took."""

    database_bytes: int


class CollectTrash(Wire):
    """Body of ``POST /api/v1/trash/collect``, which is sent again until ``is_done``.

    The first time with ``older_than_s``, then with ``deleted_before_ms`` as it was answered, and, where
    only measuring, with ``offset`` as ``next_offset`` was answered. With ``by_rules``, the workspace's
    retention rules say what may go, and no others may be named.
    """

    older_than_s: float = 0.0
    deleted_before_ms: Int64 | None = None
    experiment_ids: list[str] = []
    run_ids: list[str] = []
    keep_last: Int64 = 0
    untagged: bool = False
    by_rules: bool = False
    dry_run: bool = False
    offset: Int64 = 0


class DeleteWorkspace(Wire):
    """Query of ``DELETE /api/v1/workspaces/{name}``, which is sent again until ``is_done``.

    ``confirm`` repeats the name, unless it is a ``dry_run``.
    """

    confirm: str = ""
    dry_run: bool = False
    offset: Int64 = 0


class CollectedAnswer(Wire, omit_defaults=False):
    """What this one call has taken away, or measured, and how to go on."""

    experiments: int
    runs: int
    logged_models: int
    datasets: int
    traces: int
    trace_bytes: int
    metric_points: int
    metric_bytes: int
    other_bytes: int
    artifact_files: int
    artifact_bytes: int
    is_done: bool
    deleted_before_ms: int
    next_offset: int
    database_bytes: int


def wire_trashed(item: Trashed) -> WireTrashed:
    """Return a thing in the trash as the wire shows it."""
    return WireTrashed(
        kind=item.kind.value,
        id=item.item_id,
        name=item.name,
        experiment_id=item.experiment_id,
        deleted_ms=item.deleted_ms,
    )


def named_experiment(experiment: Experiment) -> WireNamedExperiment:
    """Return an experiment by id and name."""
    return WireNamedExperiment(experiment_id=experiment.experiment_id, name=experiment.name)
