"""What can be done with the records of an evaluation dataset: merge, read and delete them.

A dataset has each inputs once. What comes with inputs that it has is merged into the record: outputs are
replaced, expectations and tags are added key by key, and where it came from first stays.
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runyard.entities.evaluation_dataset import (
    USER_TAG,
    DatasetRecord,
    RecordSource,
    SourceType,
    dataset_digest,
    inputs_sha256,
)
from runyard.errors import InvalidParameter
from runyard.protocol import limits
from runyard.protocol.paging import Page
from runyard.services.call import Call
from runyard.services.evaluation_datasets import get_dataset
from runyard.services.record_schemas import grown_schema
from runyard.stores.metadata.base_evaluation_datasets import RecordPosition

DEFAULT_RECORDS_PAGE = 1000
MAX_RECORDS_PAGE = 50_000
MAX_RECORDS = 100_000
MAX_USER_LENGTH = 255

_POSITION = re.compile(r"([0-9]{1,15}):(dr-[0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class SentRecord:
    """What a client says of one record.

    Args:
        inputs: By which it is known.
        outputs: What came of them.
        has_outputs: Whether anything was said of the outputs, be it ``None``.
        expectations: What should come of them.
        tags: By key.
        source: Where it comes from.
    """

    inputs: Mapping[str, Any]
    outputs: Any = None
    has_outputs: bool = False
    expectations: Mapping[str, Any] | None = None
    tags: Mapping[str, Any] | None = None
    source: RecordSource | None = None

    @property
    def user(self) -> str | None:
        """Who sent it, if it says so."""
        return (self.tags or {}).get(USER_TAG)


@dataclass(frozen=True, slots=True)
class Merged:
    """How many records were new, and into how many something was merged."""

    inserted: int
    updated: int


def merge_records(call: Call, dataset_id: str, sent: Sequence[Any]) -> Merged:
    """Merge records into a dataset, all or none.

    Raises:
        InvalidParameter: One of them is no record; the text says which and why.
        NotFound: There is no such dataset.
    """
    _check_count(sent, "records")
    records = [_read(each, f"records[{index}]") for index, each in enumerate(sent)]
    with call.stores.atomic():
        dataset = get_dataset(call, dataset_id)
        now_ms = call.now_ms()
        merged, inserted = _merge(call, dataset_id, records, now_ms)
        call.stores.metadata.dataset_records.put_records(dataset_id, merged)
        call.stores.metadata.evaluation_datasets.note_records(
            dataset_id,
            updated_ms=now_ms,
            updated_by=next((record.user for record in reversed(records) if record.user is not None), None),
            digest=dataset_digest(dataset.name, now_ms),
            schema=grown_schema(dataset.schema, sent),
        )
    return Merged(inserted, len(records) - inserted)


def list_records(
    call: Call, dataset_id: str, max_results: int | None, page_token: str | None
) -> Page[DatasetRecord]:
    """Return a page of a dataset's records, those that came first at the beginning."""
    limit = max_results or DEFAULT_RECORDS_PAGE
    limits.check_page_size(limit, MAX_RECORDS_PAGE)
    after = _position(page_token) if page_token else None
    get_dataset(call, dataset_id)
    found = call.stores.metadata.dataset_records.list_records(dataset_id, limit + 1, after)
    if len(found) <= limit:
        return Page(found, None)
    last = found[limit - 1]
    token = base64.b64encode(f"{last.created_ms}:{last.record_id}".encode()).decode()
    return Page(found[:limit], token)


def delete_records(call: Call, dataset_id: str, record_ids: Sequence[str]) -> int:
    """Delete records of a dataset and return how many there were."""
    _check_count(record_ids, "dataset_record_ids")
    with call.stores.atomic():
        get_dataset(call, dataset_id)
        return call.stores.metadata.dataset_records.delete_records(dataset_id, record_ids)


def first_record(sent: SentRecord, record_id: str, now_ms: int) -> DatasetRecord:
    """Return the record that is kept of inputs that a dataset does not have."""
    return DatasetRecord(
        record_id=record_id,
        inputs=sent.inputs,
        created_ms=now_ms,
        updated_ms=now_ms,
        outputs=sent.outputs if sent.has_outputs else {},
        expectations=sent.expectations,
        tags=sent.tags or {},
        source=sent.source,
        created_by=sent.user,
        updated_by=sent.user,
    )


def merged_record(kept: DatasetRecord, sent: SentRecord, now_ms: int) -> DatasetRecord:
    """Return a kept record with what was sent of the same inputs merged into it."""
    return replace(
        kept,
        updated_ms=now_ms,
        outputs=sent.outputs if sent.has_outputs else kept.outputs,
        expectations=_joined(kept.expectations, sent.expectations)
        if sent.expectations
        else kept.expectations,
        tags=_joined(kept.tags, sent.tags),
        updated_by=kept.updated_by if sent.user is None else sent.user,
    )


def _merge(
    call: Call, dataset_id: str, sent: Sequence[SentRecord], now_ms: int
) -> tuple[list[DatasetRecord], int]:
    """Return the records to be kept, and how many of them are new."""
    keys = [inputs_sha256(record.inputs) for record in sent]
    kept = call.stores.metadata.dataset_records.find_records(dataset_id, list(dict.fromkeys(keys)))
    # Sorted, so that records of one request are read in the order in which they were sent.
    record_ids = sorted(f"dr-{uuid.uuid4().hex}" for _ in sent)
    merged: dict[str, DatasetRecord] = {}
    inserted = 0
    for key, record, record_id in zip(keys, sent, record_ids, strict=True):
        known = merged.get(key) or kept.get(key)
        inserted += known is None
        merged[key] = (
            first_record(record, record_id, now_ms) if known is None else merged_record(known, record, now_ms)
        )
    return list(merged.values()), inserted


def _joined(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any]:
    return {**(old or {}), **(new or {})}


def _read(sent: Any, field: str) -> SentRecord:
    if not isinstance(sent, dict):
        raise InvalidParameter(f"'{field}' must be a JSON object.")
    inputs = sent.get("inputs", {})
    if not isinstance(inputs, dict):
        raise InvalidParameter(f"'{field}.inputs' must be a JSON object.")
    tags = _object_or_none(sent, field, "tags")
    user = (tags or {}).get(USER_TAG)
    if user is not None and not isinstance(user, str):
        raise InvalidParameter(f"'{field}.tags' has a '{USER_TAG}' that is no text.")
    limits.check_length(user or "", MAX_USER_LENGTH, f"{field}.tags['{USER_TAG}']")
    return SentRecord(
        inputs=inputs,
        outputs=sent.get("outputs"),
        has_outputs="outputs" in sent,
        expectations=_object_or_none(sent, field, "expectations"),
        tags=tags,
        source=_source(_object_or_none(sent, field, "source"), f"{field}.source"),
    )


def _object_or_none(sent: Mapping[str, Any], field: str, name: str) -> dict[str, Any] | None:
    value = sent.get(name)
    if value is not None and not isinstance(value, dict):
        raise InvalidParameter(f"'{field}.{name}' must be a JSON object or null.")
    return value


def _source(sent: Mapping[str, Any] | None, field: str) -> RecordSource | None:
    if not sent:
        return None
    unknown = sent.keys() - {"source_type", "source_data"}
    if unknown:
        raise InvalidParameter(f"'{field}' has the unknown field '{min(unknown)[:100]}'.")
    word = str(sent.get("source_type")).upper()
    if word not in SourceType.__members__:
        valid = [each.value for each in SourceType]
        raise InvalidParameter(
            f"Invalid dataset record source type: {word[:100]}. Valid source types: {valid}"
        )
    return RecordSource(SourceType(word), _object_or_none(sent, field, "source_data") or {})


def _check_count(items: Sequence[Any], field: str) -> None:
    if len(items) > MAX_RECORDS:
        raise InvalidParameter(f"'{field}' has {len(items)} entries; at most {MAX_RECORDS} are allowed.")


def _position(token: str) -> RecordPosition:
    try:
        decoded = base64.b64decode(token, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        decoded = ""
    found = _POSITION.fullmatch(decoded)
    if found is None:
        raise InvalidParameter("Invalid page token: it was not given by a listing of these records.")
    return RecordPosition(int(found[1]), found[2])
