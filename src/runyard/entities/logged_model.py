"""A logged model (MLflow 3): a model artifact with params, tags and metrics of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

FILES_EXPERIMENT = "Registered models"
"""The experiment whose logged models hold the files that were registered from a machine."""

FILES_TAG = "runyard.registered_files"
"""The tag of such a logged model."""


class LoggedModelStatus(str, Enum):
    """Where a logged model is in its life (MLflow's ``LoggedModelStatus``)."""

    UNSPECIFIED = "LOGGED_MODEL_STATUS_UNSPECIFIED"
    PENDING = "LOGGED_MODEL_PENDING"
    READY = "LOGGED_MODEL_READY"
    UPLOAD_FAILED = "LOGGED_MODEL_UPLOAD_FAILED"


@dataclass(frozen=True, slots=True)
class LoggedModelMetric:
    """A metric of a logged model: its run, and the dataset that it was measured on."""

    key: str
    value: float
    timestamp_ms: int
    step: int
    run_id: str
    dataset_name: str | None = None
    dataset_digest: str | None = None


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """One logged model as it is stored; times are milliseconds since the epoch."""

    model_id: str
    workspace: str
    experiment_id: str
    name: str
    artifact_uri: str
    created_ms: int
    updated_ms: int
    status: LoggedModelStatus
    model_type: str = ""
    source_run_id: str = ""
    status_message: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[LoggedModelMetric] = ()
