"""Runyard's own messages about taking over experiments, runs and models with their ids and times."""

from __future__ import annotations

from runyard.protocol.messages.common import Int64, KeyValue, Wire
from runyard.protocol.messages.runs import WireDatasetInput, WireModelInput, WireModelOutput


class ImportExperiment(Wire):
    """Body of ``POST /api/v1/import/experiments``; ``source`` names where it comes from, always the same."""

    source: str
    name: str
    creation_time: Int64 | None = None
    artifact_location: str | None = None
    tags: list[KeyValue] = []


class ImportExperimentAnswer(Wire, omit_defaults=False):
    """The experiment here, and whether this call made it; a deleted one is one that was imported before."""

    experiment_id: str
    is_new: bool
    lifecycle_stage: str


class FinishExperiment(Wire):
    """Body of ``POST /api/v1/import/experiments/finish``."""

    source: str
    experiment_id: str
    last_update_time: Int64
    lifecycle_stage: str = "active"


class ImportedRun(Wire):
    """A run without its metrics and files; ``artifact_uri`` is told where a remote store has them."""

    run_id: str
    experiment_id: str
    run_name: str = ""
    user_id: str = ""
    status: str = "FINISHED"
    start_time: Int64 | None = None
    end_time: Int64 | None = None
    artifact_uri: str | None = None
    params: list[KeyValue] = []
    tags: list[KeyValue] = []
    datasets: list[WireDatasetInput] = []
    models: list[WireModelInput] = []
    outputs: list[WireModelOutput] = []


class ImportRuns(Wire):
    """Body of ``POST /api/v1/import/runs``."""

    source: str
    runs: list[ImportedRun]


class BegunRun(Wire, omit_defaults=False):
    """A run that is here: where its files go, and whether it was imported to its end before."""

    run_id: str
    artifact_uri: str
    is_complete: bool


class ImportRunsAnswer(Wire, omit_defaults=False):
    """The runs of the request, in its order."""

    runs: list[BegunRun]


class FinishedRun(Wire):
    """A run whose metrics and files have come: in the trash since ``deleted_time``, if there at all.

    One that ``is_open`` went on where it comes from: the next import takes it again.
    """

    run_id: str
    deleted_time: Int64 | None = None
    is_open: bool = False


class FinishRuns(Wire):
    """Body of ``POST /api/v1/import/runs/finish``."""

    source: str
    runs: list[FinishedRun]


class ImportedModelMetric(Wire):
    """A metric of a logged model."""

    key: str
    value: float
    timestamp: Int64
    step: Int64 = 0
    run_id: str = ""
    dataset_name: str | None = None
    dataset_digest: str | None = None


class ImportModel(Wire):
    """Body of ``POST /api/v1/import/logged-models``: a logged model as it was there, without its files."""

    source: str
    model_id: str
    experiment_id: str
    name: str
    status: str | Int64 = "LOGGED_MODEL_READY"
    creation_timestamp_ms: Int64 | None = None
    last_updated_timestamp_ms: Int64 | None = None
    deleted_time: Int64 | None = None
    artifact_uri: str | None = None
    model_type: str = ""
    source_run_id: str = ""
    params: list[KeyValue] = []
    tags: list[KeyValue] = []
    metrics: list[ImportedModelMetric] = []


class ImportModelAnswer(Wire, omit_defaults=False):
    """Where the model's files go, and how many metrics were left out as their runs are not here."""

    model_id: str
    artifact_uri: str
    skipped_metrics: int


class ImportedVersion(Wire):
    """A version of a registered model. Where its files are is said by one of three.

    They are those of the logged model ``model_id``; or they lie at ``path`` below the artifacts of its run;
    or ``source`` is an address in a remote store. A prompt has none.
    """

    version: Int64
    creation_timestamp: Int64 | None = None
    last_updated_timestamp: Int64 | None = None
    description: str = ""
    current_stage: str = "None"
    source: str = ""
    run_id: str = ""
    path: str | None = None
    model_id: str = ""
    run_link: str = ""
    tags: list[KeyValue] = []
    aliases: list[str] = []


class ImportRegisteredModel(Wire):
    """Body of ``POST /api/v1/import/registered-models``: a model with some of its versions, lowest first."""

    source: str
    name: str
    creation_timestamp: Int64 | None = None
    last_updated_timestamp: Int64 | None = None
    description: str = ""
    tags: list[KeyValue] = []
    versions: list[ImportedVersion] = []


class ImportRegisteredModelAnswer(Wire, omit_defaults=False):
    """How many of the versions are new here, and what was wrong with those that were left out."""

    new_versions: int
    problems: list[str]


class CountImported(Wire):
    """Body of ``POST /api/v1/import/counts``.

    Of the traces ``attached_trace_ids`` the attachments are counted, and of no others: that asks the store.
    """

    run_ids: list[str] = []
    model_ids: list[str] = []
    registered_models: list[str] = []
    trace_ids: list[str] = []
    attached_trace_ids: list[str] = []
    scorer_ids: list[str] = []
    label_schema_ids: list[str] = []
    issue_ids: list[str] = []
    evaluation_dataset_ids: list[str] = []
    with_files: bool = True


class ImportedCounts(Wire, omit_defaults=False):
    """What those that are here hold together."""

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
