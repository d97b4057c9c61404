"""What a server has answered, counted where each request ends."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

LATENCY_BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_STATUS_CLASSES: Final = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")


@dataclass(slots=True)
class Answered:
    """Requests of one kind: how many took up to each of the bounds, and how long all took together."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS_S) + 1))
    total_s: float = 0.0


class Traffic:
    """Counts requests, in the event loop alone."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.artifact_bytes = 0
        self._answered: dict[tuple[str, str, int], Answered] = {}

    def note(self, route: str, method: str, status: int, duration_s: float) -> None:
        """Count a request that has ended.

        Args:
            route: The template of its route, of which there are few.
            method: What it said; any text.
            status: What was answered; 0 if nothing was.
            duration_s: How long it took.
        """
        answered = self._answered.get((route, method, status // 100))
        if answered is None:
            answered = self._new(route, method, status // 100)
        answered.counts[bisect_left(LATENCY_BOUNDS_S, duration_s)] += 1
        answered.total_s += duration_s

    def answered(self) -> Iterator[tuple[str, str, str, Answered]]:
        """Yield what was counted: route, method, class of status, and the count."""
        for (route, method, status_class), answered in list(self._answered.items()):
            yield route, method, _STATUS_CLASSES[status_class], answered

    def _new(self, route: str, method: str, status_class: int) -> Answered:
        known = method if method in _METHODS else "other"
        return self._answered.setdefault((route, known, status_class), Answered())
