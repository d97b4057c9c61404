"""How workspaces stand with their quotas, in memory: what is logged asks here and no database.

Counts are read every few seconds and what this process adds is added at once. So a quota may be overrun by
what other servers take between two readings, and by what arrives at the very same moment.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial

from runyard.entities.quota import Limited, Quota
from runyard.errors import QuotaReached, RunyardError
from runyard.settings import Settings
from runyard.stores.opening import Stores

REST_PER_READING = 20.0
"""Seconds of rest for each second that the counts take to be read."""
WARNED_AT = 0.8

_KEPT = (Limited.METRIC_POINTS, Limited.ARTIFACT_BYTES)
"""What is counted in the database rarely: what is added until then is written there."""


@dataclass(slots=True)
class Standing:
    """One workspace with a quota.

    Args:
        workspace: Which one.
        limits: What is limited, and to how much.
        used: How much there is.
    """

    workspace: str
    limits: dict[Limited, int]
    used: dict[Limited, int]

    def check(self, what: Limited, amount: int) -> None:
        """Return if there is room for so much more.

        Raises:
            QuotaReached: There is not.
        """
        limit = self.limits.get(what)
        if limit is not None and self.used[what] + amount > limit:
            raise QuotaReached(_reached(self.workspace, what, limit, self.used[what]))

    @property
    def nearly_reached(self) -> list[Limited]:
        """What is used to four fifths or more."""
        return [what for what, limit in self.limits.items() if self.used[what] >= WARNED_AT * limit]


class Standings:
    """The workspaces that have a quota; all others cost a look into a dictionary."""

    def __init__(self) -> None:
        self._by_workspace: dict[str, Standing] = {}
        self._added: dict[str, Counter[Limited]] = {}
        self._adding = threading.Lock()
        self._refreshing = threading.Lock()
        self._rests_until_s = 0.0

    def of(self, workspace: str) -> Standing | None:
        """Return how a workspace stands, or ``None`` if nothing of it is limited."""
        return self._by_workspace.get(workspace)

    def note(self, standing: Standing, what: Limited, amount: int) -> None:
        """Count what a workspace took, or gave back."""
        with self._adding:
            standing.used[what] = max(0, standing.used[what] + amount)
            if what in _KEPT:
                self._added.setdefault(standing.workspace, Counter())[what] += amount

    def refresh(self, stores: Stores, settings: Settings, *, is_urgent: bool = True) -> list[Standing]:
        """Write what was added and read all quotas and counts anew; return the workspaces that have a quota.

        Unless it ``is_urgent``, nothing is read soon after a reading that took long.
        """
        with self._refreshing:
            if not is_urgent and time.monotonic() < self._rests_until_s:
                return list(self._by_workspace.values())
            began_s = time.monotonic()
            self._write_added(stores)
            self._by_workspace = _read(stores, settings)
            ended_s = time.monotonic()
            self._rests_until_s = ended_s + REST_PER_READING * (ended_s - began_s)
            return list(self._by_workspace.values())

    def _write_added(self, stores: Stores) -> None:
        for workspace in list(self._added):
            with self._adding:
                added = self._added.pop(workspace)
            points, size_bytes = added[Limited.METRIC_POINTS], added[Limited.ARTIFACT_BYTES]
            note = partial(stores.metadata.usage.note_use, workspace, points, size_bytes)
            try:
                stores.database.retrying(note)
            except RunyardError:
                with self._adding:  # the next reading writes it
                    self._added.setdefault(workspace, Counter()).update(added)
                raise


def defaults_of(settings: Settings) -> Quota:
    """Return the quota that the settings give to all workspaces."""
    return Quota(
        settings.max_runs, settings.max_experiments, settings.max_artifact_bytes, settings.max_metric_points
    )


def _read(stores: Stores, settings: Settings) -> dict[str, Standing]:
    quotas, defaults = stores.metadata.quotas, defaults_of(settings)
    limits = {name: quota.limits(defaults) for name, quota in quotas.list_quotas().items()}
    limited = {name: each for name, each in limits.items() if each}
    used = quotas.count_used(list(limited)) if limited else {}
    return {name: Standing(name, each, dict(used[name])) for name, each in limited.items()}


def _reached(workspace: str, what: Limited, limit: int, used: int) -> str:
    flag = f"--{what.value.replace('_', '-')}"
    return (
        f"The quota {what.value} of workspace '{workspace}' is reached: "
        f"there are {used} of {limit} {what.noun}, those in its trash included. "
        "`runyard gc` empties that; an administrator can raise the quota by "
        f"`runyard quota set --workspace {workspace} {flag} <number>`."
    )
