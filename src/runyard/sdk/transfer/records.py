"""What an import reads, whichever source it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runyard.entities.logged_model import LoggedModelMetric
from runyard.entities.run import DatasetInput, ModelOutput
from runyard.entities.trace import Trace


@dataclass(frozen=True, slots=True)
class SourceExperiment:
    """An experiment as the source has it.

    Args:
        source_id: Its id there.
        name: What it is called.
        created_ms: When it was made, where the source knows.
        updated_ms: When it changed last, where the source knows.
        is_deleted: Whether it is in the trash there.
        tags: Its tags.
        artifact_location: Where its runs keep their files.
    """

    source_id: str
    name: str
    created_ms: int | None = None
    updated_ms: int | None = None
    is_deleted: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    artifact_location: str = ""


@dataclass(frozen=True, slots=True)
class SourceRun:
    """A run as the source has it, without points and files; ``place`` is where the source finds it again."""

    run_id: str
    experiment_id: str
    name: str = ""
    user_id: str = ""
    status: str = "FINISHED"
    started_ms: int | None = None
    ended_ms: int | None = None
    is_deleted: bool = False
    deleted_ms: int | None = None
    artifact_uri: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: Sequence[DatasetInput] = ()
    model_ids: Sequence[str] = ()
    outputs: Sequence[ModelOutput] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A logged model as the source has it, without its files."""

    model_id: str
    experiment_id: str
    name: str
    status: str | int = "LOGGED_MODEL_READY"
    created_ms: int | None = None
    updated_ms: int | None = None
    is_deleted: bool = False
    model_type: str = ""
    source_run_id: str = ""
    artifact_uri: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[LoggedModelMetric] = ()


@dataclass(frozen=True, slots=True)
class SourceRegisteredModel:
    """A registered model, or a prompt, as the source has it, without its versions."""

    name: str
    created_ms: int | None = None
    updated_ms: int | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceVersion:
    """A version of a registered model as the source has it.

    Args:
        version: Its number.
        created_ms: When it was registered.
        updated_ms: When it changed last.
        description: What it is.
        stage: How far it has come, in MLflow's word.
        source: Where it was registered from.
        location: Where its files lie, if that is another place.
        run_id: The run that made it.
        model_id: The logged model that it is a version of, where the source tells.
        run_link: The address of a run elsewhere.
        tags: Its tags.
    """

    version: int
    created_ms: int | None = None
    updated_ms: int | None = None
    description: str = ""
    stage: str = ""
    source: str = ""
    location: str = ""
    run_id: str = ""
    model_id: str = ""
    run_link: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceTrace:
    """A trace as the source has it, without its spans.

    Args:
        trace: What is known of it as a whole, with its assessments; of the source's experiment.
        artifact_uri: Where its files lie there.
        run_ids: The runs that it is linked to, besides the one that its metadata names.
        prompts: The versions of prompts that it used, each as ``name/version``.
        place: Where the source finds its spans again.
    """

    trace: Trace
    artifact_uri: str = ""
    run_ids: Sequence[str] = ()
    prompts: Sequence[str] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a run or a model: its path below its owner, its length, and where it lies on this machine."""

    path: str
    size_bytes: int
    local: Path | None = None


@dataclass(slots=True)
class Counts:
    """How much there is of each kind; ``files`` are those that can be copied."""

    experiments: int = 0
    runs: int = 0
    deleted_runs: int = 0
    params: int = 0
    tags: int = 0
    datasets: int = 0
    points: int = 0
    models: int = 0
    model_metrics: int = 0
    registered_models: int = 0
    versions: int = 0
    traces: int = 0
    spans: int = 0
    assessments: int = 0
    attachments: int = 0
    scorers: int = 0
    scorer_versions: int = 0
    label_schemas: int = 0
    issues: int = 0
    evaluation_datasets: int = 0
    records: int = 0
    files: int = 0
    file_bytes: int = 0

    def add(self, other: Counts) -> None:
        """Count what another one counts too."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
