"""MLflow's messages that log something to a run: metrics, params, tags, batches."""

from __future__ import annotations

from collections.abc import Sequence

from runyard.entities.logged_model import LoggedModelMetric
from runyard.entities.metric import MetricBatch
from runyard.errors import InvalidParameter
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


class BatchMetric(Wire, gc=False):
    """One metric of a batch; a thousand of them should not wake the garbage collector."""

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
    """Body of ``runs/log-batch``; ``batch_id`` is Runyard's own field."""

    run_id: str
    metrics: list[BatchMetric] = []
    params: list[BatchKeyValue] = []
    tags: list[BatchKeyValue] = []
    batch_id: str | None = None


class LogModel(Wire):
    """Body of ``runs/log-model``, from clients before MLflow 3."""

    run_id: str
    model_json: str


def metric_batch(sent: Sequence[BatchMetric | LogMetric]) -> MetricBatch:
    """Return the metrics of a request as columns."""
    return MetricBatch(
        keys=[item.key for item in sent],
        values=[item.value for item in sent],
        timestamps_ms=[item.timestamp for item in sent],
        steps=[item.step for item in sent],
    )


def model_metrics(sent: Sequence[BatchMetric | LogMetric], run_id: str) -> dict[str, list[LoggedModelMetric]]:
    """Return those metrics of a request that were measured on logged models, by the model's id.

    Raises:
        InvalidParameter: One says the name or the digest of a dataset without the other.
    """
    found: dict[str, list[LoggedModelMetric]] = {}
    for item in sent:
        if item.model_id:
            if bool(item.dataset_name) != bool(item.dataset_digest):
                raise InvalidParameter(
                    "Both dataset_name and dataset_digest must be provided if one is provided"
                )
            metric = LoggedModelMetric(
                key=item.key,
                value=item.value,
                timestamp_ms=item.timestamp,
                step=item.step,
                run_id=run_id,
                dataset_name=item.dataset_name or None,
                dataset_digest=item.dataset_digest or None,
            )
            found.setdefault(item.model_id, []).append(metric)
    return found
