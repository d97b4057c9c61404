"""A metric: points of one key of one run over steps and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Point(NamedTuple):
    """One logged value of a metric; it may be NaN or infinite, its time is since the epoch."""

    timestamp_ms: int
    step: int
    value: float


@dataclass(frozen=True, slots=True)
class Metric:
    """One point together with its key, as a client logs it.

    ``model_id``, ``dataset_name`` and ``dataset_digest`` tie the point to a logged model and
    to the dataset that it was measured on (MLflow 3).
    """

    key: str
    value: float
    timestamp_ms: int
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


@dataclass(frozen=True, slots=True)
class MetricBatch:
    """Points of any keys as a client logs them in one request: four lists of one length."""

    keys: list[str]
    values: list[float]
    timestamps_ms: list[int]
    steps: list[int]

    @classmethod
    def of(cls, metrics: Sequence[Metric]) -> MetricBatch:
        """Return metrics as columns; what ties them to models and datasets is not among these."""
        return cls(
            keys=[metric.key for metric in metrics],
            values=[metric.value for metric in metrics],
            timestamps_ms=[metric.timestamp_ms for metric in metrics],
            steps=[metric.step for metric in metrics],
        )

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a chart draws where it can't draw each point: ``count`` points from ``x`` on."""

    x: float
    count: int
    first: float
    last: float
    minimum: float
    maximum: float
    mean: float
