"""MLflow's messages about evaluation datasets; tags, schema, profile and records are JSON within JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from msgspec import UNSET, UnsetType

from runyard.entities.evaluation_dataset import DatasetRecord, EvaluationDataset
from runyard.protocol.messages.common import Int64, Wire


class CreateEvaluationDataset(Wire):
    """Body of ``POST datasets/create``; what else MLflow's message has, its server passes over."""

    name: str
    experiment_ids: list[str] = []
    tags: str | None = None


class SearchEvaluationDatasets(Wire):
    """Body or query of ``datasets/search``."""

    experiment_ids: list[str] = []
    filter_string: str | None = None
    max_results: Int64 | None = None
    order_by: list[str] = []
    page_token: str | None = None


class SetEvaluationDatasetTags(Wire):
    """Body of ``PATCH datasets/{dataset_id}/tags``: a JSON object as a text."""

    tags: str


class UpsertDatasetRecords(Wire):
    """Body of ``POST datasets/{dataset_id}/records``: a JSON list as a text."""

    records: str


class GetDatasetRecords(Wire):
    """Query of ``GET datasets/{dataset_id}/records``."""

    max_results: Int64 | None = None
    page_token: str | None = None


class DeleteDatasetRecords(Wire):
    """Body of ``DELETE datasets/{dataset_id}/records``."""

    dataset_record_ids: list[str] = []


class DatasetExperiments(Wire):
    """Body of ``add-experiments`` and ``remove-experiments``."""

    experiment_ids: list[str] = []


class WireEvaluationDataset(Wire, omit_defaults=False):
    """An evaluation dataset on the wire."""

    dataset_id: str
    name: str
    tags: str
    digest: str
    created_time: int
    last_update_time: int
    schema: str | UnsetType = UNSET
    profile: str | UnsetType = UNSET
    created_by: str | UnsetType = UNSET
    last_updated_by: str | UnsetType = UNSET
    experiment_ids: list[str] | UnsetType = UNSET


class EvaluationDatasetAnswer(Wire, omit_defaults=False):
    """One evaluation dataset."""

    dataset: WireEvaluationDataset


class SearchEvaluationDatasetsAnswer(Wire):
    """A page of evaluation datasets."""

    datasets: list[WireEvaluationDataset] | UnsetType = UNSET
    next_page_token: str | UnsetType = UNSET


class UpsertDatasetRecordsAnswer(Wire, omit_defaults=False):
    """How many records are new, and into how many something was merged."""

    inserted_count: int
    updated_count: int


class GetDatasetRecordsAnswer(Wire, omit_defaults=False):
    """A page of records: a JSON list as a text."""

    records: str
    next_page_token: str | UnsetType = UNSET


class DeleteDatasetRecordsAnswer(Wire, omit_defaults=False):
    """How many records there were."""

    deleted_count: int


class DatasetExperimentIdsAnswer(Wire):
    """The experiments that a dataset is linked to."""

    experiment_ids: list[str] | UnsetType = UNSET


def wire_evaluation_dataset(dataset: EvaluationDataset) -> WireEvaluationDataset:
    """Return a dataset as MLflow writes it."""
    profile = json.dumps({"num_records": dataset.record_count}) if dataset.record_count else UNSET
    return WireEvaluationDataset(
        dataset_id=dataset.dataset_id,
        name=dataset.name,
        tags=json.dumps(dict(dataset.tags)),
        digest=dataset.digest,
        created_time=dataset.created_ms,
        last_update_time=dataset.updated_ms,
        schema=UNSET if dataset.schema is None else json.dumps(dataset.schema),
        profile=profile,
        created_by=dataset.created_by or UNSET,
        last_updated_by=dataset.updated_by or UNSET,
        experiment_ids=list(dataset.experiment_ids) or UNSET,
    )


def wire_records(dataset_id: str, records: Iterable[DatasetRecord]) -> str:
    """Return records as the JSON text that MLflow's answer carries."""
    return json.dumps([wire_record(dataset_id, record) for record in records])


def wire_record(dataset_id: str, record: DatasetRecord) -> dict[str, Any]:
    """Return a record as MLflow writes it."""
    source = record.source
    fields = {
        "dataset_record_id": record.record_id,
        "dataset_id": dataset_id,
        "inputs": record.inputs,
        "outputs": record.outputs,
        "expectations": record.expectations,
        "tags": record.tags,
        "source": source
        and {"source_type": source.source_type.value, "source_data": dict(source.source_data)},
        "source_id": source and source.source_id,
        "source_type": source and source.source_type.value,
        "created_by": record.created_by,
        "last_updated_by": record.updated_by,
        "created_time": record.created_ms,
        "last_update_time": record.updated_ms,
    }
    return {name: value for name, value in fields.items() if value is not None}
