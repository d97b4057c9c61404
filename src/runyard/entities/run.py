"""A run: one execution of training code with its params, metrics, tags, inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from runyard.entities.experiment import LifecycleStage
from runyard.entities.metric import Metric
from runyard.errors import InvalidParameter


class RunStatus(str, Enum):
    """Where a run is in its life (MLflow's ``RunStatus``)."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


@dataclass(frozen=True, slots=True)
class Run:
    """The row of one run; times are milliseconds since the epoch."""

    run_id: str
    workspace: str
    experiment_id: str
    name: str
    user_id: str
    status: RunStatus
    lifecycle_stage: LifecycleStage
    artifact_uri: str
    started_ms: int | None
    ended_ms: int | None = None
    deleted_ms: int | None = None


def check_stage(run_id: str, stage: LifecycleStage) -> None:
    """Return if a run of that stage takes changes.

    Raises:
        InvalidParameter: It lies in the trash.
    """
    if stage is not LifecycleStage.ACTIVE:
        raise InvalidParameter(
            f"The run {run_id} must be in the 'active' state. Current state is {stage.value}."
        )


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset that a run read; identity is (experiment, name, digest)."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A dataset as an input of a run, with the tags of that use (``mlflow.data.context``)."""

    dataset: Dataset
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelInput:
    """A logged model that a run read."""

    model_id: str


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """A logged model that a run wrote at ``step``."""

    model_id: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class RunContents:
    """All that hangs on a run: latest metrics, params, tags, inputs and outputs."""

    metrics: Sequence[Metric] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    dataset_inputs: Sequence[DatasetInput] = ()
    model_inputs: Sequence[ModelInput] = ()
    model_outputs: Sequence[ModelOutput] = ()
