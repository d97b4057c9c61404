"""The records of evaluation datasets with their ids and times, as MLflow's servers tell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from runyard.decoding import learnt
from runyard.entities.evaluation_dataset import DatasetRecord, RecordSource, SourceType
from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import Int64, Wire


class WireRecordSource(Wire):
    """Where a record comes from."""

    source_type: str
    source_data: dict[str, Any] | None = None


class WireDatasetRecord(Wire):
    """A record; MLflow writes more of it, which follows from this."""

    dataset_record_id: str
    inputs: dict[str, Any]
    created_time: Int64
    last_update_time: Int64
    outputs: Any = None
    expectations: dict[str, Any] | None = None
    tags: dict[str, Any] | None = None
    source: WireRecordSource | None = None
    created_by: str | None = None
    last_updated_by: str | None = None


def dataset_records(sent: Sequence[Mapping[str, Any]]) -> list[DatasetRecord]:
    """Return records as they are kept.

    Raises:
        InvalidParameter: One of them is none; the text says which and why.
    """
    return [_record(each, f"records[{index}]") for index, each in enumerate(sent)]


def _record(sent: Mapping[str, Any], field: str) -> DatasetRecord:
    try:
        told = msgspec.convert(sent, learnt(WireDatasetRecord))
    except msgspec.ValidationError as error:
        raise InvalidParameter(f"'{field}': {error}") from error
    return DatasetRecord(
        record_id=told.dataset_record_id,
        inputs=told.inputs,
        created_ms=told.created_time,
        updated_ms=told.last_update_time,
        outputs=told.outputs,
        expectations=told.expectations,
        tags=told.tags or {},
        source=None if told.source is None else _source(told.source, field),
        created_by=told.created_by,
        updated_by=told.last_updated_by,
    )


def _source(told: WireRecordSource, field: str) -> RecordSource:
    word = told.source_type.upper()
    if word not in SourceType.__members__:
        raise InvalidParameter(
            f"'{field}.source.source_type' is {word[:100]!r}, which is no type of a source."
        )
    return RecordSource(SourceType(word), told.source_data or {})
