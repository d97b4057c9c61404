"""The records of evaluation datasets in SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, func, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from runyard.entities.evaluation_dataset import DatasetRecord, RecordSource, SourceType
from runyard.errors import AlreadyExists
from runyard.stores.database import Database, chunks, upsert
from runyard.stores.metadata.base_evaluation_datasets import DatasetRecordStore, RecordPosition
from runyard.stores.metadata.schema_evaluation import evaluation_dataset_records, evaluation_datasets

_kept = evaluation_dataset_records.c
_MAY_CHANGE = ("outputs", "expectations", "tags", "updated_ms", "updated_by")


class SqlDatasetRecords(DatasetRecordStore):
    """Keeps records in ``evaluation_dataset_records``, their values as JSON."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_records(self, dataset_id: str, inputs_sha256: Sequence[str]) -> dict[str, DatasetRecord]:
        found: dict[str, DatasetRecord] = {}
        with self._database.reading() as connection:
            for part in chunks(inputs_sha256):
                query = select(evaluation_dataset_records).where(
                    _kept.dataset_id == dataset_id, _kept.inputs_sha256.in_(part)
                )
                found |= {row.inputs_sha256: _record(row) for row in connection.execute(query)}
        return found

    def put_records(self, dataset_id: str, records: Sequence[DatasetRecord]) -> None:
        rows = [{"dataset_id": dataset_id, **_row(record)} for record in records]
        if rows:
            unique = ["dataset_id", "inputs_sha256"]
            try:
                with self._database.writing() as connection:
                    upsert(connection, evaluation_dataset_records, rows, _MAY_CHANGE, unique)
            except IntegrityError as error:
                raise AlreadyExists("A record of one of these ids is there already.") from error
            self._count(dataset_id)

    def list_records(
        self, dataset_id: str, limit: int, after: RecordPosition | None = None
    ) -> list[DatasetRecord]:
        place = (_kept.created_ms, _kept.record_id)
        query = (
            select(evaluation_dataset_records)
            .where(_kept.dataset_id == dataset_id)
            .order_by(*place)
            .limit(limit)
        )
        if after is not None:
            query = query.where(tuple_(*place) > tuple_(after.created_ms, after.record_id))
        with self._database.reading() as connection:
            return [_record(row) for row in connection.execute(query)]

    def delete_records(self, dataset_id: str, record_ids: Sequence[str]) -> int:
        count = 0
        with self._database.writing() as connection:
            for part in chunks(record_ids):
                these = (_kept.dataset_id == dataset_id, _kept.record_id.in_(part))
                count += connection.execute(delete(evaluation_dataset_records).where(*these)).rowcount
            self._count(dataset_id)
        return count

    def _count(self, dataset_id: str) -> None:
        count = select(func.count()).where(_kept.dataset_id == dataset_id).scalar_subquery()
        this = evaluation_datasets.c.dataset_id == dataset_id
        with self._database.writing() as connection:
            connection.execute(update(evaluation_datasets).where(this).values(record_count=count))


def _row(record: DatasetRecord) -> dict[str, Any]:
    source = record.source
    said = source and {"source_type": source.source_type.value, "source_data": dict(source.source_data)}
    return {
        "record_id": record.record_id,
        "created_ms": record.created_ms,
        "updated_ms": record.updated_ms,
        "created_by": record.created_by,
        "updated_by": record.updated_by,
        "inputs_sha256": record.inputs_sha256,
        "inputs": json.dumps(record.inputs),
        "outputs": _json(record.outputs),
        "expectations": _json(record.expectations),
        "tags": json.dumps(record.tags),
        "source": _json(said),
    }


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _record(row: Row[Any]) -> DatasetRecord:
    return DatasetRecord(
        record_id=row.record_id,
        inputs=json.loads(row.inputs),
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        outputs=_value(row.outputs),
        expectations=_value(row.expectations),
        tags=json.loads(row.tags),
        source=_source(_value(row.source)),
        created_by=row.created_by,
        updated_by=row.updated_by,
    )


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _source(said: Mapping[str, Any] | None) -> RecordSource | None:
    if said is None:
        return None
    return RecordSource(SourceType(said["source_type"]), said["source_data"])
