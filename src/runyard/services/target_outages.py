"""Compute targets that did not answer when the queue of jobs last asked them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

Place = tuple[str, str]
"""A workspace and the name of a target."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Since when a target can't be reached, and why.

    Args:
        since_ms: When that was noticed.
        reason: What was said when it was tried last.
    """

    since_ms: int
    reason: str


class TargetOutages:
    """Remembers them for one server; for any thread.

    They are noticed where jobs are begun and looked after. To look at a target's page asks no target.
    """

    def __init__(self) -> None:
        self._kept: dict[Place, Outage] = {}

    def of(self, place: Place) -> Outage | None:
        """Return since when a target can't be reached; None if it answered, or was never asked."""
        return self._kept.get(place)

    def note(self, place: Place, reason: str, now_ms: int) -> None:
        """Remember that a target was tried and did not answer."""
        before = self._kept.get(place)
        self._kept[place] = Outage(now_ms if before is None else before.since_ms, reason)

    def end(self, place: Place) -> None:
        """Remember that a target has answered."""
        self._kept.pop(place, None)

    def forget_all_but(self, places: Collection[Place]) -> None:
        """Forget all targets but these."""
        for place in list(self._kept):
            if place not in places:
                self.end(place)
