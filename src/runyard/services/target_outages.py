"""Compute targets that did not answer when a queue of jobs last asked them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from runyard.entities.compute_target import ComputeTarget, Outage
from runyard.stores.opening import Stores

MAX_REASON_LENGTH = 1_000
ONLY_HERE_FOR_S = 600.0
"""For so long it is believed that the others reach a target: if they are gone, nobody else would say so."""

Place = tuple[str, str]
"""A workspace and the name of a target."""


class TargetOutages:
    """What one queue of jobs knows of them, and notes for all servers of the database; for any thread.

    They are noticed where jobs are begun and looked after. To look at a target's page asks no target. Of
    several servers whichever reaches a target ends its outage. A server whose outage another one has ended
    knows that the way is shut from here alone: it says no more of it, and leaves the target's jobs to those.

    Args:
        stores: Where they are kept, with the targets.
        clock_s: Tells the time.
    """

    def __init__(self, stores: Stores, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._stores = stores
        self._clock_s = clock_s
        self._kept: dict[Place, Outage] = {}
        self._targets: dict[Place, ComputeTarget] = {}
        # What this server has noted, with the target as it was then; and since when others contradict it.
        self._noted: dict[Place, ComputeTarget | None] = {}
        self._only_here_s: dict[Place, float] = {}

    def read(self) -> list[ComputeTarget]:
        """Return all targets, and take over what all servers have noted of them."""
        noted = dict(self._noted)
        targets = self._stores.metadata.compute_targets.list_targets()
        self._targets = {(each.workspace, each.name): each for each in targets}
        self._kept = {place: each.outage for place, each in self._targets.items() if each.outage is not None}
        for place in noted.keys() - self._kept.keys():
            # Nothing, if this server has reached the target itself meanwhile.
            before, now = self._noted.pop(place, None), self._targets.get(place)
            if before is not None and now is not None and _is_same(before, now):
                self._only_here_s[place] = self._clock_s()
        return targets

    def of(self, place: Place) -> Outage | None:
        """Return since when a target can't be reached; None if it answered, or was never asked."""
        return self._kept.get(place)

    def is_only_here(self, place: Place) -> bool:
        """Whether a target can't be reached from here that another server of the database has reached."""
        since_s = self._only_here_s.get(place)
        return since_s is not None and self._clock_s() - since_s < ONLY_HERE_FOR_S

    def note(self, place: Place, reason: str, now_ms: int) -> None:
        """Note that a target was tried and did not answer."""
        if self.is_only_here(place):
            return
        before = self._kept.get(place)
        reason = reason[:MAX_REASON_LENGTH]
        if before is None or before.reason != reason:
            note = self._stores.metadata.compute_targets.note_outage
            self._stores.database.retrying(partial(note, *place, reason, now_ms))
            self._kept[place] = Outage(now_ms if before is None else before.since_ms, reason)
        self._noted[place] = self._targets.get(place)

    def end(self, place: Place) -> None:
        """Note that a target has answered."""
        self._noted.pop(place, None)
        self._only_here_s.pop(place, None)
        if place in self._kept:
            end = self._stores.metadata.compute_targets.end_outage
            self._stores.database.retrying(partial(end, *place))
            self._kept.pop(place, None)


def _is_same(one: ComputeTarget, other: ComputeTarget) -> bool:
    """Whether it is one target, reached in one way: who changes that ends its outage too."""
    return (one.created_ms, one.settings, one.sealed) == (other.created_ms, other.settings, other.sealed)
