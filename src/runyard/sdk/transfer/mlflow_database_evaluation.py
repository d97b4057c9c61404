"""What a database of MLflow's holds to judge models by: from version 3.4 on."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Table, select

from runyard.decoding import learnt
from runyard.entities.evaluation_dataset import (
    DatasetRecord,
    EvaluationDataset,
    RecordSource,
    SourceType,
    dataset_digest,
)
from runyard.entities.issue import Issue, IssueSeverity, IssueStatus
from runyard.entities.label_schema import LabelSchema, LabelSchemaType
from runyard.entities.scorer import OnlineScoring, Scorer, ScorerVersion
from runyard.protocol.messages.label_schemas import WireLabelInput, label_input
from runyard.sdk.transfer.evaluation import Evaluation, Judging
from runyard.sdk.transfer.records import SourceExperiment

PAGE = 100
RECORDS_AT_ONCE = 200
# In this MLflow keeps what came of some inputs, which may be any value.
WRAPPED_OUTPUTS = "mlflow_wrapped"


class DatabaseEvaluation(Evaluation):
    """Reads what there is, some of the records in memory.

    Args:
        tables: The tables that there are.
        reading: Opens a connection.
        workspace: Which of the database's workspaces.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        reading: Callable[[], AbstractContextManager[Connection]],
        workspace: str,
    ) -> None:
        self._tables = tables
        self._reading = reading
        self._workspace = workspace

    def judging(self, experiment: SourceExperiment) -> Judging:
        """See :class:`Evaluation`."""
        with self._reading() as connection:
            schemas = self._of(connection, "label_schemas", "experiment_id", [int(experiment.source_id)])
            issues = self._of(connection, "issues", "experiment_id", [int(experiment.source_id)])
            return Judging(
                scorers=self._scorers(connection, experiment),
                label_schemas=[_label_schema(row) for row in schemas if not row.is_default],
                issues=[_issue(row) for row in issues],
            )

    def datasets(self) -> Iterator[EvaluationDataset]:
        """See :class:`Evaluation`."""
        table, last = self._tables.get("evaluation_datasets"), ""
        while table is not None:
            query = select(table).where(table.c.dataset_id > last)
            if "workspace" in table.c:
                query = query.where(table.c.workspace == self._workspace)
            with self._reading() as connection:
                rows = connection.execute(query.order_by(table.c.dataset_id).limit(PAGE)).all()
                described = self._described(connection, rows)
            yield from described
            if len(rows) < PAGE:
                return
            last = rows[-1].dataset_id

    def records(self, dataset: EvaluationDataset) -> Iterator[DatasetRecord]:
        """See :class:`Evaluation`."""
        table, last = self._tables["evaluation_dataset_records"], ""
        place = table.c.dataset_record_id
        while True:
            query = select(table).where(table.c.dataset_id == dataset.dataset_id, place > last)
            with self._reading() as connection:
                rows = connection.execute(query.order_by(place).limit(RECORDS_AT_ONCE)).all()
            yield from map(_record, rows)
            if len(rows) < RECORDS_AT_ONCE:
                return
            last = rows[-1].dataset_record_id

    def _scorers(self, connection: Connection, experiment: SourceExperiment) -> list[Scorer]:
        named = self._of(connection, "scorers", "experiment_id", [int(experiment.source_id)])
        ids = [row.scorer_id for row in named]
        versions: dict[str, list[Row[Any]]] = defaultdict(list)
        for row in self._of(connection, "scorer_versions", "scorer_id", ids):
            versions[row.scorer_id].append(row)
        said = {
            row.scorer_id: _online(row)
            for row in self._of(connection, "online_scoring_configs", "scorer_id", ids)
        }
        return [
            Scorer(
                sorted((_version(scorer, row) for row in versions[scorer.scorer_id]), key=_number),
                said.get(scorer.scorer_id),
            )
            for scorer in named
            # One all of whose versions were deleted is only a name.
            if versions[scorer.scorer_id]
        ]

    def _described(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[EvaluationDataset]:
        ids = [row.dataset_id for row in rows]
        tags: dict[str, dict[str, str]] = defaultdict(dict)
        for row in self._of(connection, "evaluation_dataset_tags", "dataset_id", ids):
            tags[row.dataset_id][row.key] = row.value or ""
        links: dict[str, list[str]] = defaultdict(list)
        for row in self._of(connection, "entity_associations", "source_id", ids):
            if row.source_type == "evaluation_dataset" and row.destination_type == "experiment":
                links[row.source_id].append(row.destination_id)
        return [_dataset(row, tags[row.dataset_id], sorted(links[row.dataset_id])) for row in rows]

    def _of(self, connection: Connection, name: str, owner: str, ids: Sequence[Any]) -> Sequence[Row[Any]]:
        if name not in self._tables or not ids:
            return []
        table = self._tables[name]
        return connection.execute(select(table).where(table.c[owner].in_(ids))).all()


def _number(version: ScorerVersion) -> int:
    return version.version


def _version(scorer: Row[Any], row: Row[Any]) -> ScorerVersion:
    return ScorerVersion(
        scorer_id=scorer.scorer_id,
        experiment_id=str(scorer.experiment_id),
        name=scorer.scorer_name,
        version=row.scorer_version,
        serialized=row.serialized_scorer,
        created_ms=row.creation_time or 0,
    )


def _online(row: Row[Any]) -> OnlineScoring:
    return OnlineScoring(
        config_id=row.online_scoring_config_id,
        scorer_id=row.scorer_id,
        experiment_id=str(row.experiment_id),
        sample_rate=row.sample_rate,
        filter=row.filter_string,
    )


def _label_schema(row: Row[Any]) -> LabelSchema:
    said = {row.input_type: json.loads(row.input_config)}
    return LabelSchema(
        schema_id=row.schema_id,
        experiment_id=str(row.experiment_id),
        name=row.name,
        type=LabelSchemaType(row.type),
        input=label_input(msgspec.convert(said, learnt(WireLabelInput), strict=False)),
        created_ms=row.created_time,
        updated_ms=row.last_update_time,
        instruction=row.instruction,
        enable_comment=bool(row.enable_comment),
    )


def _issue(row: Row[Any]) -> Issue:
    return Issue(
        issue_id=row.issue_id,
        experiment_id=str(row.experiment_id),
        name=row.name,
        description=row.description,
        status=IssueStatus(row.status),
        created_ms=row.created_timestamp,
        updated_ms=row.last_updated_timestamp,
        severity=IssueSeverity(row.severity) if row.severity else None,
        root_causes=_json(row.root_causes) or [],
        categories=_json(row.categories) or [],
        source_run_id=row.source_run_id,
        created_by=row.created_by,
    )


def _dataset(row: Row[Any], tags: Mapping[str, str], experiment_ids: Sequence[str]) -> EvaluationDataset:
    created_ms = row.created_time or 0
    updated_ms = row.last_update_time or created_ms
    return EvaluationDataset(
        dataset_id=row.dataset_id,
        workspace="",
        name=row.name,
        created_ms=created_ms,
        updated_ms=updated_ms,
        digest=row.digest or dataset_digest(row.name, updated_ms),
        schema=_json(row.schema),
        created_by=row.created_by,
        updated_by=row.last_updated_by,
        tags=tags,
        experiment_ids=experiment_ids,
    )


def _record(row: Row[Any]) -> DatasetRecord:
    outputs = _json(getattr(row, "outputs", None))
    source = _json(row.source)
    return DatasetRecord(
        record_id=row.dataset_record_id,
        inputs=_json(row.inputs),
        created_ms=row.created_time or 0,
        updated_ms=row.last_update_time or row.created_time or 0,
        outputs=outputs.get(WRAPPED_OUTPUTS) if isinstance(outputs, dict) else outputs,
        expectations=_json(row.expectations),
        tags=_json(row.tags) or {},
        source=RecordSource(SourceType(source["source_type"]), source.get("source_data") or {})
        if source
        else None,
        created_by=row.created_by,
        updated_by=row.last_updated_by,
    )


def _json(value: Any) -> Any:
    """Return what a column of JSON holds: some drivers have read it already."""
    return json.loads(value) if isinstance(value, str | bytes) else value
