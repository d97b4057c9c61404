"""A database of MLflow's own schema, of the versions 1.30 to 3.17, as a source; nothing is written to it."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from runyard.entities.logged_model import LoggedModelMetric
from runyard.entities.run import Dataset, DatasetInput, ModelOutput
from runyard.sdk.spool.records import Point
from runyard.sdk.transfer.database_reading import is_sqlite, open_engine, parsed_url, shown_name, told
from runyard.sdk.transfer.local_artifacts import LocalArtifacts
from runyard.sdk.transfer.mlflow_database_evaluation import DatabaseEvaluation
from runyard.sdk.transfer.mlflow_database_registry import read_registered_models, read_versions
from runyard.sdk.transfer.mlflow_database_traces import DatabaseTraces
from runyard.sdk.transfer.mlflow_schema import known_tables
from runyard.sdk.transfer.mlflow_values import MODEL_STATUSES, number, point
from runyard.sdk.transfer.records import (
    SourceExperiment,
    SourceFile,
    SourceModel,
    SourceRegisteredModel,
    SourceRun,
    SourceTrace,
    SourceVersion,
)
from runyard.sdk.transfer.source import POINTS_AT_ONCE, Source
from runyard.sdk.transfer.trace_contents import TraceContents

PAGE = 200


class MlflowDatabase(Source):
    """Reads an MLflow database through SQLAlchemy.

    Args:
        url: Any URL of SQLAlchemy's, as MLflow's ``--backend-store-uri``.
        artifact_roots: The folders in which its runs' files lie; beside a file of SQLite's, if none is given.
        workspace: Which of the database's workspaces, where it has them (MLflow 3).

    Raises:
        InvalidParameter: It is no URL, or not a database of MLflow's, or of a version that is not known.
        NotFound: There is no such file.
        Unavailable: The database can't be opened.
    """

    def __init__(self, url: str, artifact_roots: Sequence[Path] = (), workspace: str = "default") -> None:
        parsed = parsed_url(url)
        super().__init__(shown_name(parsed))
        file = Path(parsed.database or "").absolute() if is_sqlite(parsed) else None
        base = file.parent if file else Path.cwd()
        roots = artifact_roots or ([base] if file else [])
        self._artifacts = LocalArtifacts(roots, base, self.problems)
        self._workspace = workspace
        self._engine = open_engine(parsed, file)
        with told(self.name):
            self._tables = known_tables(self._engine)
        self._traces = DatabaseTraces(self._tables, self._reading, self._artifacts, self.problems)
        self.evaluation = DatabaseEvaluation(self._tables, self._reading, workspace)

    def experiments(self) -> list[SourceExperiment]:
        """See :class:`Source`."""
        table = self._tables["experiments"]
        query = select(table).order_by(table.c.experiment_id)
        if "workspace" in table.c:
            query = query.where(table.c.workspace == self._workspace)
        with self._reading() as connection:
            rows = connection.execute(query).all()
            tags = self._pairs(connection, "experiment_tags", "experiment_id", [row[0] for row in rows])
        return [
            SourceExperiment(
                source_id=str(row.experiment_id),
                name=row.name,
                created_ms=getattr(row, "creation_time", None),
                updated_ms=getattr(row, "last_update_time", None),
                is_deleted=row.lifecycle_stage == "deleted",
                tags=tags[row.experiment_id],
                artifact_location=row.artifact_location or "",
            )
            for row in rows
        ]

    def count_runs(self, experiment: SourceExperiment) -> int:
        """See :class:`Source`."""
        table = self._tables["runs"]
        query = select(func.count()).where(table.c.experiment_id == int(experiment.source_id))
        with self._reading() as connection:
            return int(connection.execute(query).scalar_one())

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        """See :class:`Source`."""
        table = self._tables["runs"]
        last = ""
        while True:
            query = (
                select(table)
                .where(table.c.experiment_id == int(experiment.source_id), table.c.run_uuid > last)
                .order_by(table.c.run_uuid)
                .limit(PAGE)
            )
            with self._reading() as connection:
                rows = connection.execute(query).all()
                described = self._described(connection, rows)
            yield from described
            if len(rows) < PAGE:
                return
            last = rows[-1].run_uuid

    def _described(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[SourceRun]:
        ids = [row.run_uuid for row in rows]
        params = self._pairs(connection, "params", "run_uuid", ids)
        tags = self._pairs(connection, "tags", "run_uuid", ids)
        datasets, model_ids, outputs = self._inputs(connection, ids)
        return [
            SourceRun(
                run_id=row.run_uuid,
                experiment_id=str(row.experiment_id),
                name=row.name or tags[row.run_uuid].get("mlflow.runName", ""),
                user_id=row.user_id or "",
                status=row.status or "FINISHED",
                started_ms=row.start_time,
                ended_ms=row.end_time,
                is_deleted=row.lifecycle_stage == "deleted",
                deleted_ms=getattr(row, "deleted_time", None),
                artifact_uri=row.artifact_uri or "",
                params=params[row.run_uuid],
                tags=tags[row.run_uuid],
                datasets=datasets[row.run_uuid],
                model_ids=model_ids[row.run_uuid],
                outputs=outputs[row.run_uuid],
            )
            for row in rows
        ]

    def points(self, run: SourceRun) -> Iterator[list[Point]]:
        """See :class:`Source`."""
        columns = self._tables["metrics"].c
        query: Select[Any] = select(
            columns.key, columns.value, columns.timestamp, columns.step, columns.is_nan
        ).where(columns.run_uuid == run.run_id)
        with self._reading() as connection:
            found = connection.execution_options(yield_per=POINTS_AT_ONCE).execute(query)
            for rows in found.partitions():
                yield [
                    point(key, number(value, bool(is_nan)), timestamp, step or 0)
                    for key, value, timestamp, step, is_nan in rows
                ]

    def count_points(self, run: SourceRun) -> int:
        """See :class:`Source`."""
        table = self._tables["metrics"]
        query = select(func.count()).where(table.c.run_uuid == run.run_id)
        with self._reading() as connection:
            return int(connection.execute(query).scalar_one())

    def models(self, experiment: SourceExperiment) -> Iterator[SourceModel]:
        """See :class:`Source`."""
        if "logged_models" not in self._tables:
            return
        table = self._tables["logged_models"]
        query = select(table).where(table.c.experiment_id == int(experiment.source_id))
        with self._reading() as connection:
            rows = connection.execute(query.order_by(table.c.model_id)).all()
        for start in range(0, len(rows), PAGE):
            yield from self._described_models(rows[start : start + PAGE])

    def _described_models(self, rows: Sequence[Row[Any]]) -> list[SourceModel]:
        ids = [row.model_id for row in rows]
        with self._reading() as connection:
            params = self._pairs(connection, "logged_model_params", "model_id", ids, "param_")
            tags = self._pairs(connection, "logged_model_tags", "model_id", ids, "tag_")
            metrics: dict[str, list[LoggedModelMetric]] = defaultdict(list)
            for row in self._of(connection, "logged_model_metrics", "model_id", ids):
                metrics[row.model_id].append(_model_metric(row))
        return [
            SourceModel(
                model_id=row.model_id,
                experiment_id=str(row.experiment_id),
                name=row.name,
                status=MODEL_STATUSES.get(row.status, "LOGGED_MODEL_READY"),
                created_ms=row.creation_timestamp_ms,
                updated_ms=row.last_updated_timestamp_ms,
                is_deleted=row.lifecycle_stage == "deleted",
                model_type=row.model_type or "",
                source_run_id=row.source_run_id or "",
                artifact_uri=row.artifact_location or "",
                params=params[row.model_id],
                tags=tags[row.model_id],
                metrics=metrics[row.model_id],
            )
            for row in rows
        ]

    def registered_models(self) -> Iterator[SourceRegisteredModel]:
        """See :class:`Source`."""
        with self._reading() as connection:
            yield from read_registered_models(connection, self._tables, self._workspace)

    def versions(self, model: SourceRegisteredModel) -> Iterator[SourceVersion]:
        """See :class:`Source`."""
        with self._reading() as connection:
            yield from read_versions(connection, self._tables, self._workspace, model)

    def traces(self, experiment: SourceExperiment) -> Iterator[SourceTrace]:
        """See :class:`Source`."""
        return self._traces.traces(experiment)

    def spans(self, trace: SourceTrace) -> Iterator[dict[str, Any]]:
        """See :class:`Source`."""
        return self._traces.spans(trace)

    def contents(self, trace: SourceTrace) -> TraceContents:
        """See :class:`Source`."""
        return self._traces.contents(trace)

    @contextlib.contextmanager
    def attachment(self, trace: SourceTrace, attachment_id: str) -> Iterator[Path]:
        """See :class:`Source`."""
        yield self._traces.attachment(trace, attachment_id)

    def remote_location(self, uri: str) -> str | None:
        """See :class:`Source`."""
        return self._artifacts.remote_location(uri)

    def files(self, owner: SourceRun | SourceModel) -> Iterator[SourceFile]:
        """See :class:`Source`."""
        return self._artifacts.files(owner.artifact_uri)

    def close(self) -> None:
        """See :class:`Source`."""
        self._engine.dispose()

    def _inputs(
        self, connection: Connection, run_ids: Sequence[str]
    ) -> tuple[dict[str, list[DatasetInput]], dict[str, list[str]], dict[str, list[ModelOutput]]]:
        datasets: dict[str, list[DatasetInput]] = defaultdict(list)
        model_ids: dict[str, list[str]] = defaultdict(list)
        outputs: dict[str, list[ModelOutput]] = defaultdict(list)
        if "inputs" not in self._tables:
            return datasets, model_ids, outputs
        read = [
            row
            for row in self._of(connection, "inputs", "destination_id", run_ids)
            if row.destination_type == "RUN"
        ]
        known = self._datasets(connection, [row.source_id for row in read if row.source_type == "DATASET"])
        tags = self._pairs(
            connection, "input_tags", "input_uuid", [row.input_uuid for row in read], key="name"
        )
        for row in read:
            if row.source_type == "DATASET" and row.source_id in known:
                use = DatasetInput(known[row.source_id], tags[row.input_uuid])
                datasets[row.destination_id].append(use)
            elif row.source_type.startswith("MODEL"):
                model_ids[row.destination_id].append(row.source_id)
        for row in self._of(connection, "inputs", "source_id", run_ids):
            if row.source_type.startswith("RUN") and row.destination_type.startswith("MODEL"):
                outputs[row.source_id].append(ModelOutput(row.destination_id, getattr(row, "step", 0) or 0))
        return datasets, model_ids, outputs

    def _datasets(self, connection: Connection, ids: Sequence[str]) -> dict[str, Dataset]:
        return {
            row.dataset_uuid: Dataset(
                name=row.name,
                digest=row.digest,
                source_type=row.dataset_source_type or "",
                source=row.dataset_source or "",
                schema=row.dataset_schema or None,
                profile=row.dataset_profile or None,
            )
            for row in self._of(connection, "datasets", "dataset_uuid", ids)
        }

    def _pairs(
        self,
        connection: Connection,
        name: str,
        owner: str,
        ids: Sequence[Any],
        prefix: str = "",
        key: str = "key",
    ) -> dict[Any, dict[str, str]]:
        found: dict[Any, dict[str, str]] = defaultdict(dict)
        for row in self._of(connection, name, owner, ids):
            values = row._mapping
            found[values[owner]][values[prefix + key]] = values[f"{prefix}value"] or ""
        return found

    def _of(self, connection: Connection, name: str, owner: str, ids: Sequence[Any]) -> Iterable[Row[Any]]:
        if name not in self._tables:
            return
        table = self._tables[name]
        for start in range(0, len(ids), PAGE):
            part = list(ids[start : start + PAGE])
            yield from connection.execute(select(table).where(table.c[owner].in_(part)))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with told(self.name), self._engine.connect() as connection:
            yield connection


def _model_metric(row: Row[Any]) -> LoggedModelMetric:
    return LoggedModelMetric(
        key=row.metric_name,
        value=number(row.metric_value, row.metric_value is None),
        timestamp_ms=row.metric_timestamp_ms,
        step=row.metric_step or 0,
        run_id=row.run_id,
        dataset_name=row.dataset_name,
        dataset_digest=row.dataset_digest,
    )
