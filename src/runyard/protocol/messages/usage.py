"""Runyard's own messages about how much workspaces hold."""

from __future__ import annotations

from runyard.entities.usage import ContentUse, ExperimentUse, MeasuredUse
from runyard.protocol.messages.common import Wire


class WireWorkspaceUsage(Wire, omit_defaults=False):
    """What a workspace holds.

    Points, files and bytes are as they were measured at ``measured_ms``, and 0 where that is null; all other
    counts are of now. Points and ``artifact_bytes`` come with what was noted since.

    Files of logged models and of traces are part of the artifacts. So are those that versions of registered
    models keep, which are often the same ones. ``trace_database_bytes`` is beside them.
    """

    workspace: str
    experiments: int
    deleted_experiments: int
    runs: int
    runs_by_status: dict[str, int]
    deleted_runs: int
    logged_models: int
    deleted_logged_models: int
    registered_models: int
    model_versions: int
    prompts: int
    prompt_versions: int
    traces: int
    evaluation_datasets: int
    dataset_records: int
    metric_points: int
    artifact_files: int
    artifact_bytes: int
    deleted_artifact_files: int
    deleted_artifact_bytes: int
    logged_model_files: int
    logged_model_bytes: int
    registered_files: int
    registered_bytes: int
    trace_files: int
    trace_file_bytes: int
    trace_database_bytes: int
    last_activity_ms: int | None
    measured_ms: int | None


class WireExperimentUsage(Wire, omit_defaults=False):
    """What an experiment holds, its runs in the trash among them."""

    workspace: str
    experiment_id: str
    name: str
    is_deleted: bool
    runs: int
    artifact_files: int
    artifact_bytes: int


class UsageAnswer(Wire, omit_defaults=False):
    """What workspaces hold, and their largest experiments by runs and by bytes, 20 at most of each."""

    workspaces: list[WireWorkspaceUsage]
    most_runs: list[WireExperimentUsage]
    most_bytes: list[WireExperimentUsage]


def wire_workspace_usage(workspace: str, content: ContentUse, measured: MeasuredUse) -> WireWorkspaceUsage:
    """Return what a workspace holds as Runyard writes it."""
    return WireWorkspaceUsage(
        workspace=workspace,
        experiments=content.experiments,
        deleted_experiments=content.deleted_experiments,
        runs=sum(content.runs.values()),
        runs_by_status=dict(content.runs),
        deleted_runs=content.deleted_runs,
        logged_models=content.logged_models,
        deleted_logged_models=content.deleted_logged_models,
        registered_models=content.registered_models,
        model_versions=content.model_versions,
        prompts=content.prompts,
        prompt_versions=content.prompt_versions,
        traces=content.traces,
        evaluation_datasets=content.evaluation_datasets,
        dataset_records=content.dataset_records,
        metric_points=measured.metric_points,
        artifact_files=measured.artifact_files,
        artifact_bytes=measured.artifact_bytes,
        deleted_artifact_files=measured.deleted_files,
        deleted_artifact_bytes=measured.deleted_bytes,
        logged_model_files=measured.logged_model_files,
        logged_model_bytes=measured.logged_model_bytes,
        registered_files=measured.registered_files,
        registered_bytes=measured.registered_bytes,
        trace_files=measured.trace_files,
        trace_file_bytes=measured.trace_file_bytes,
        trace_database_bytes=measured.trace_database_bytes,
        last_activity_ms=content.last_activity_ms,
        measured_ms=measured.measured_ms,
    )


def wire_experiment_usage(use: ExperimentUse) -> WireExperimentUsage:
    """Return what an experiment holds as Runyard writes it."""
    return WireExperimentUsage(
        workspace=use.workspace,
        experiment_id=use.experiment_id,
        name=use.name,
        is_deleted=use.is_deleted,
        runs=use.runs,
        artifact_files=use.artifact_files,
        artifact_bytes=use.artifact_bytes,
    )
