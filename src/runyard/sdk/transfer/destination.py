"""The workspace that takes what is imported: the calls that a server gets for it, each good twice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec

from runyard.entities.evaluation_dataset import EvaluationDataset
from runyard.errors import InvalidState, NotFound
from runyard.protocol.messages.common import Empty, Wire, key_values, mapping
from runyard.protocol.messages.experiments import ExperimentAnswer, GetExperimentByName
from runyard.protocol.messages.imported_evaluation import (
    ImportEvaluationDataset,
    ImportEvaluationDatasetAnswer,
    ImportJudging,
    ImportJudgingAnswer,
    ImportRecords,
    imported_dataset,
    imported_issue,
    imported_label_schema,
    imported_scorer,
)
from runyard.protocol.messages.imported_traces import (
    BegunTrace,
    ImportedTrace,
    ImportTraces,
    ImportTracesAnswer,
)
from runyard.protocol.messages.imports import (
    BegunRun,
    CountImported,
    FinishedRun,
    FinishExperiment,
    FinishRuns,
    ImportedCounts,
    ImportedModelMetric,
    ImportedRun,
    ImportedVersion,
    ImportExperiment,
    ImportExperimentAnswer,
    ImportModel,
    ImportModelAnswer,
    ImportRegisteredModel,
    ImportRegisteredModelAnswer,
    ImportRuns,
    ImportRunsAnswer,
)
from runyard.protocol.messages.registered_models import ModelName, RegisteredModelAnswer
from runyard.protocol.messages.runs import (
    WireDataset,
    WireDatasetInput,
    WireModelInput,
    WireModelOutput,
)
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.spool.calls import LoggedBatch
from runyard.sdk.spool.records import Point
from runyard.sdk.transfer.evaluation import Judging
from runyard.sdk.transfer.local_artifacts import PROXIED_SCHEME
from runyard.sdk.transfer.records import (
    SourceExperiment,
    SourceModel,
    SourceRegisteredModel,
    SourceRun,
)

IMPORT_TAG = "runyard.import"
DEFAULT = "Default"

_BASE = "/api/v1/import"
_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


class SentSpans(Wire):
    """Spans of a trace as they are sent: each is JSON already."""

    trace_id: str
    spans: list[msgspec.Raw] = msgspec.field(default_factory=list)
    is_last: bool = False
    is_open: bool = False


class _SentTraces(Wire):
    source: str
    traces: list[SentSpans]


class Destination:
    """A workspace, and the name of the source that it takes things from.

    Args:
        connection: Reaches the workspace.
        source: What the experiments are marked with.
    """

    def __init__(self, connection: Connection, source: str) -> None:
        self._connection = connection
        self._source = source

    def has_foreign(self, name: str) -> bool:
        """Return whether an experiment of that name is there that did not come from this source."""
        query = GetExperimentByName(experiment_name=name)
        try:
            answer = self._connection.get(f"{MLFLOW}/experiments/get-by-name", ExperimentAnswer, query)
        except NotFound:
            return False
        source = mapping(answer.experiment.tags or ()).get(IMPORT_TAG)
        # One that nobody has used takes an import; only the server can tell.
        return source != self._source and not (name == DEFAULT and source is None)

    def begin_experiment(
        self, experiment: SourceExperiment, name: str, location: str | None
    ) -> ImportExperimentAnswer:
        """Make the experiment, or find the one that this source began before.

        Raises:
            AlreadyExists: One of that name came from elsewhere.
        """
        body = ImportExperiment(
            source=self._source,
            name=name,
            creation_time=experiment.created_ms,
            artifact_location=location,
            tags=key_values(experiment.tags),
        )
        return self._connection.post(f"{_BASE}/experiments", body, ImportExperimentAnswer, is_repeatable=True)

    def finish_experiment(self, experiment: SourceExperiment, experiment_id: str) -> None:
        """Give the experiment its last time and its lifecycle stage."""
        updated_ms = experiment.updated_ms or experiment.created_ms
        if updated_ms is None and not experiment.is_deleted:
            return
        body = FinishExperiment(
            source=self._source,
            experiment_id=experiment_id,
            last_update_time=updated_ms or 0,
            lifecycle_stage="deleted" if experiment.is_deleted else "active",
        )
        self._connection.post(f"{_BASE}/experiments/finish", body, Empty, is_repeatable=True)

    def begin_runs(self, experiment_id: str, runs: Sequence[tuple[SourceRun, str | None]]) -> list[BegunRun]:
        """Make the runs, each with the address of its files where those stay with a remote store."""
        body = ImportRuns(
            source=self._source, runs=[_imported_run(experiment_id, run, uri) for run, uri in runs]
        )
        return self._connection.post(f"{_BASE}/runs", body, ImportRunsAnswer, is_repeatable=True).runs

    def log_points(self, run_id: str, points: list[Point]) -> None:
        """Append points; the same ones again change nothing."""
        body = LoggedBatch(run_id=run_id, metrics=points, params=[], tags=[], batch_id="")
        body.batch_id = _id_of(run_id, msgspec.json.encode(points))
        self._connection.tell_encoded(f"{MLFLOW}/runs/log-batch", msgspec.json.encode(body))

    def put_file(self, uri: str, path: str, local: Path) -> None:
        """Store a file of the owner whose files lie at ``uri``."""
        scheme, _, folder = uri.partition(":/")
        if scheme != PROXIED_SCHEME:
            raise InvalidState(f"The server keeps no files at {uri}.")
        if not {"", ".", ".."}.isdisjoint(path.split("/")):
            raise InvalidState(f"{path!r} is no path of an artifact.")
        place = f"{folder.strip('/')}/{path}"
        self._connection.put_file(f"{_ARTIFACTS}/{quote(place)}", local)

    def finish_runs(self, runs: Sequence[SourceRun], now_ms: int) -> None:
        """Mark runs as complete, and move those to the trash that were there."""
        finished = [
            FinishedRun(
                run_id=run.run_id,
                deleted_time=(run.deleted_ms or run.ended_ms or now_ms) if run.is_deleted else None,
                is_open=run.status in ("RUNNING", "SCHEDULED") and not run.is_deleted,
            )
            for run in runs
        ]
        body = FinishRuns(source=self._source, runs=finished)
        self._connection.post(f"{_BASE}/runs/finish", body, Empty, is_repeatable=True)

    def import_model(
        self, experiment_id: str, model: SourceModel, uri: str | None, now_ms: int
    ) -> ImportModelAnswer:
        """Keep a logged model with all but its files."""
        deleted_ms = (model.updated_ms or now_ms) if model.is_deleted else None
        body = ImportModel(
            source=self._source,
            model_id=model.model_id,
            experiment_id=experiment_id,
            name=model.name,
            status=model.status,
            creation_timestamp_ms=model.created_ms,
            last_updated_timestamp_ms=model.updated_ms,
            deleted_time=deleted_ms,
            artifact_uri=uri,
            model_type=model.model_type,
            source_run_id=model.source_run_id,
            params=key_values(model.params),
            tags=key_values(model.tags),
            metrics=[
                ImportedModelMetric(
                    key=metric.key,
                    value=metric.value,
                    timestamp=metric.timestamp_ms,
                    step=metric.step,
                    run_id=metric.run_id,
                    dataset_name=metric.dataset_name,
                    dataset_digest=metric.dataset_digest,
                )
                for metric in model.metrics
            ],
        )
        return self._connection.post(f"{_BASE}/logged-models", body, ImportModelAnswer, is_repeatable=True)

    def has_foreign_model(self, name: str) -> bool:
        """Return whether a registered model of that name is there that did not come from this source."""
        path = f"{MLFLOW}/registered-models/get"
        try:
            answer = self._connection.get(path, RegisteredModelAnswer, ModelName(name=name))
        except NotFound:
            return False
        return mapping(answer.registered_model.tags or ()).get(IMPORT_TAG) != self._source

    def import_registered_model(
        self, model: SourceRegisteredModel, versions: Sequence[ImportedVersion]
    ) -> ImportRegisteredModelAnswer:
        """Keep a registered model with some of its versions.

        Raises:
            AlreadyExists: One of that name came from elsewhere.
        """
        body = ImportRegisteredModel(
            source=self._source,
            name=model.name,
            creation_timestamp=model.created_ms,
            last_updated_timestamp=model.updated_ms,
            description=model.description,
            tags=key_values(model.tags),
            versions=list(versions),
        )
        path = f"{_BASE}/registered-models"
        return self._connection.post(path, body, ImportRegisteredModelAnswer, is_repeatable=True)

    def begin_traces(self, traces: Sequence[ImportedTrace]) -> list[BegunTrace]:
        """Keep traces with all but their spans."""
        body = ImportTraces(source=self._source, traces=list(traces))
        return self._connection.post(f"{_BASE}/traces", body, ImportTracesAnswer, is_repeatable=True).traces

    def send_spans(self, traces: Sequence[SentSpans]) -> None:
        """Keep spans of traces that have begun; the same ones again change nothing."""
        body = _SentTraces(source=self._source, traces=list(traces))
        self._connection.tell_encoded(f"{_BASE}/traces/spans", msgspec.json.encode(body))

    def import_judging(self, experiment_id: str, judging: Judging) -> list[str]:
        """Keep what an experiment's traces are judged by; return what was wrong with what is left out."""
        body = ImportJudging(
            source=self._source,
            experiment_id=experiment_id,
            scorers=[imported_scorer(each) for each in judging.scorers],
            label_schemas=[imported_label_schema(each) for each in judging.label_schemas],
            issues=[imported_issue(each) for each in judging.issues],
        )
        answer = self._connection.post(f"{_BASE}/judging", body, ImportJudgingAnswer, is_repeatable=True)
        return answer.problems

    def begin_dataset(self, dataset: EvaluationDataset, experiment_ids: Sequence[str]) -> bool:
        """Keep an evaluation dataset with all but its records; return whether these came before."""
        body = ImportEvaluationDataset(source=self._source, dataset=imported_dataset(dataset, experiment_ids))
        path = f"{_BASE}/evaluation-datasets"
        answer = self._connection.post(path, body, ImportEvaluationDatasetAnswer, is_repeatable=True)
        return answer.is_complete

    def send_records(self, dataset_id: str, records: str, *, is_last: bool) -> None:
        """Keep records of a dataset that has begun, which are JSON; the same ones again change nothing."""
        body = ImportRecords(source=self._source, dataset_id=dataset_id, records=records, is_last=is_last)
        self._connection.post(f"{_BASE}/evaluation-datasets/records", body, Empty, is_repeatable=True)

    def count(self, asked: CountImported) -> ImportedCounts:
        """Count what those of the ids and names hold that are there."""
        return self._connection.post(f"{_BASE}/counts", asked, ImportedCounts, is_repeatable=True)


def _imported_run(experiment_id: str, run: SourceRun, uri: str | None) -> ImportedRun:
    return ImportedRun(
        run_id=run.run_id,
        experiment_id=experiment_id,
        run_name=run.name,
        user_id=run.user_id,
        status=run.status,
        start_time=run.started_ms,
        end_time=run.ended_ms,
        artifact_uri=uri,
        params=key_values(run.params),
        tags=key_values(run.tags),
        datasets=[
            WireDatasetInput(
                dataset=WireDataset(
                    name=each.dataset.name,
                    digest=each.dataset.digest,
                    source_type=each.dataset.source_type,
                    source=each.dataset.source,
                    schema=each.dataset.schema or "",
                    profile=each.dataset.profile or "",
                ),
                tags=key_values(each.tags),
            )
            for each in run.datasets
        ],
        models=[WireModelInput(model_id=model_id) for model_id in run.model_ids],
        outputs=[WireModelOutput(model_id=each.model_id, step=each.step) for each in run.outputs],
    )


def _id_of(run_id: str, content: bytes) -> str:
    """Return a batch's id in the form of a UUID of version 7: the same content is the same batch."""
    digest = hashlib.blake2b(run_id.encode() + content, digest_size=16).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-7{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
