"""How much a workspace holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ContentUse:
    """What the tables say of a workspace now.

    Args:
        experiments: Those that are not in the trash.
        deleted_experiments: Those in the trash.
        runs: Those that are not in the trash, by status.
        deleted_runs: Those in the trash.
        logged_models: Those that are not in the trash.
        deleted_logged_models: Those in the trash.
        registered_models: Those of the registry.
        model_versions: Their versions.
        prompts: Prompts of the registry.
        prompt_versions: Their versions.
        traces: All of them, also those of experiments in the trash.
        evaluation_datasets: All of them.
        dataset_records: The records of these.
        last_activity_ms: When something in it began, ended or was changed for the last time.
    """

    experiments: int = 0
    deleted_experiments: int = 0
    runs: Mapping[str, int] = field(default_factory=dict)
    deleted_runs: int = 0
    logged_models: int = 0
    deleted_logged_models: int = 0
    registered_models: int = 0
    model_versions: int = 0
    prompts: int = 0
    prompt_versions: int = 0
    traces: int = 0
    evaluation_datasets: int = 0
    dataset_records: int = 0
    last_activity_ms: int | None = None


@dataclass(frozen=True, slots=True)
class MeasuredUse:
    """What takes long to find out, as it was measured at one moment and noted since.

    Args:
        metric_points: Points of metrics.
        artifact_files: Files of artifacts, those in the trash among them.
        artifact_bytes: Their length.
        deleted_files: Those of them that belong to something in the trash.
        deleted_bytes: Their length.
        logged_model_files: Those of them that lie in folders of logged models.
        logged_model_bytes: Their length.
        registered_files: Those that a version of a registered model keeps, whoever's folder they lie in.
        registered_bytes: Their length.
        trace_files: Those that lie in folders of traces.
        trace_file_bytes: Their length.
        trace_database_bytes: What rows of traces, their spans and assessments hold.
        measured_ms: When it was measured; ``None`` for never.
    """

    metric_points: int = 0
    artifact_files: int = 0
    artifact_bytes: int = 0
    deleted_files: int = 0
    deleted_bytes: int = 0
    logged_model_files: int = 0
    logged_model_bytes: int = 0
    registered_files: int = 0
    registered_bytes: int = 0
    trace_files: int = 0
    trace_file_bytes: int = 0
    trace_database_bytes: int = 0
    measured_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ExperimentUse:
    """What an experiment holds.

    Args:
        workspace: Where it is.
        experiment_id: Its id.
        name: Its name.
        is_deleted: Whether it is in the trash.
        runs: How many runs, those in the trash among them.
        artifact_files: How many files, as they were measured.
        artifact_bytes: Their length.
    """

    workspace: str
    experiment_id: str
    name: str
    is_deleted: bool
    runs: int
    artifact_files: int
    artifact_bytes: int


@dataclass(frozen=True, slots=True)
class FilesUse:
    """Some files."""

    files: int = 0
    size_bytes: int = 0

    def __add__(self, other: FilesUse) -> FilesUse:
        return FilesUse(self.files + other.files, self.size_bytes + other.size_bytes)
