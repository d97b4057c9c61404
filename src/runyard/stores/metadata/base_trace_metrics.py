"""The contract of what adds up over many traces; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from runyard.entities.trace_metrics import Aggregation, MetricPoint, MetricView
from runyard.entities.trace_session import TraceSession
from runyard.stores.metadata.base import Search


@dataclass(frozen=True, slots=True)
class TraceQuestion:
    """What is to be added up.

    Args:
        search: Which traces count: the workspace, the experiments, the filter; and how many points at most.
        view: What is counted.
        metric: Which of its numbers.
        aggregations: How they are made one.
        dimensions: Apart for each value of these.
        equal: Columns of spans or assessments, and the value that each must have.
        bucket_ms: Apart for each so long a time; ``None`` for all together.
        from_ms: Only from then on.
        until_ms: Only until then, that moment included.
    """

    search: Search
    view: MetricView
    metric: str
    aggregations: Sequence[Aggregation]
    dimensions: Sequence[str] = ()
    equal: Sequence[tuple[str, str]] = ()
    bucket_ms: int | None = None
    from_ms: int | None = None
    until_ms: int | None = None


class TraceMetricStore(ABC):
    """Adds up what traces, their spans and their assessments tell."""

    @abstractmethod
    def measure(self, question: TraceQuestion) -> list[MetricPoint]:
        """Return the points by time and dimensions; none where nothing has a value."""

    @abstractmethod
    def find_sessions(self, search: Search) -> list[TraceSession]:
        """Return a page of the sessions that traces name, the one with the last trace first.

        Args:
            search: Which traces count: the workspace, the experiments, the filter; and which sessions of
                those are on the page: limit and offset.
        """
