"""A metric: points of one key of one run over steps and time."""

from __future__ import annotations

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
class Bucket:
    """What a chart draws where it can't draw each point: ``count`` points from ``x`` on."""

    x: float
    count: int
    first: float
    last: float
    minimum: float
    maximum: float
    mean: float
