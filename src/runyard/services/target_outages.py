"""Compute targets that did not answer when a queue of jobs last asked them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from runyard.entities.compute_target import ComputeTarget, Outage
from runyard.stores.opening import Stores

MAX_REASON_LENGTH = 1_000

Place = tuple[str, str]
"""A workspace and the name of a target."""


class TargetOutages:
    """What one queue of jobs knows of them, and notes for all servers of the database; for any thread.

    They are noticed where jobs are begun and looked after. To look at a target's page asks no target. Of
    several servers the one that was told last is believed: whichever reaches a target ends its outage.

    Args:
        stores: Where they are kept, with the targets.
    """

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._kept: dict[Place, Outage] = {}

    def read(self, targets: Iterable[ComputeTarget]) -> None:
        """Take over what all servers have noted of all targets."""
        self._kept = {(each.workspace, each.name): each.outage for each in targets if each.outage is not None}

    def of(self, place: Place) -> Outage | None:
        """Return since when a target can't be reached; None if it answered, or was never asked."""
        return self._kept.get(place)

    def note(self, place: Place, reason: str, now_ms: int) -> None:
        """Note that a target was tried and did not answer."""
        before = self._kept.get(place)
        reason = reason[:MAX_REASON_LENGTH]
        if before is None or before.reason != reason:
            note = self._stores.metadata.compute_targets.note_outage
            self._stores.database.retrying(partial(note, *place, reason, now_ms))
            self._kept[place] = Outage(now_ms if before is None else before.since_ms, reason)

    def end(self, place: Place) -> None:
        """Note that a target has answered."""
        if place in self._kept:
            end = self._stores.metadata.compute_targets.end_outage
            self._stores.database.retrying(partial(end, *place))
            self._kept.pop(place, None)
