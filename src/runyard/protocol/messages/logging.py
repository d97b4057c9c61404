"""MLflow's messages that log something to a run: metrics, params, tags, batches."""

from __future__ import annotations

from collections.abc import Iterable

from runyard.entities.metric import Metric
from runyard.protocol.messages.common import Int64, KeyValue, Wire


class LogMetric(Wire):
    """Body of ``runs/log-metric``."""

    __wire_aliases__ = {"run_id": "run_uuid"}

    run_id: str
    key: str
    value: float
    timestamp: Int64
    step: Int64 = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class LogParam(Wire):
    """Body of ``runs/log-parameter``."""

    __wire_aliases__ = {"run_id": "run_uuid"}

    run_id: str
    key: str
    value: str = ""


class SetTag(LogParam):
    """Body of ``runs/set-tag``."""


class DeleteTag(Wire):
    """Body of ``runs/delete-tag``."""

    __wire_aliases__ = {"run_id": "run_uuid"}

    run_id: str
    key: str


class BatchMetric(Wire):
    """One metric of a batch."""

    key: str
    value: float
    timestamp: Int64
    step: Int64 = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class BatchKeyValue(KeyValue):
    """One param or tag of a batch."""

    key: str
    value: str = ""


class LogBatch(Wire):
    """Body of ``runs/log-batch``."""

    run_id: str
    metrics: list[BatchMetric] = []
    params: list[BatchKeyValue] = []
    tags: list[BatchKeyValue] = []


class LogModel(Wire):
    """Body of ``runs/log-model``, from clients before MLflow 3."""

    run_id: str
    model_json: str


def metric_entities(sent: Iterable[BatchMetric | LogMetric]) -> list[Metric]:
    """Return the metrics of a request as entities."""
    return [
        Metric(
            item.key,
            item.value,
            item.timestamp,
            item.step,
            item.model_id or None,
            item.dataset_name or None,
            item.dataset_digest or None,
        )
        for item in sent
    ]
