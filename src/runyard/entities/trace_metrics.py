"""What is added up over many traces, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class MetricView(str, Enum):
    """What is counted, by MLflow's words."""

    TRACES = "TRACES"
    SPANS = "SPANS"
    ASSESSMENTS = "ASSESSMENTS"


class Aggregate(str, Enum):
    """How values are made one."""

    COUNT = "COUNT"
    SUM = "SUM"
    AVERAGE = "AVG"
    PERCENTILE = "PERCENTILE"
    MINIMUM = "MIN"
    MAXIMUM = "MAX"


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One way to make values one; ``percentile`` is between 0 and 100, and there for percentiles alone."""

    how: Aggregate
    percentile: float | None = None

    @property
    def label(self) -> str:
        """What the answer calls it."""
        return self.how.value if self.percentile is None else f"P{self.percentile}"


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """What values come to, for one value of each dimension and one time; without any there is no number."""

    values: Mapping[str, float]
    dimensions: Mapping[str, str] = field(default_factory=dict)
    bucket_ms: int | None = None
