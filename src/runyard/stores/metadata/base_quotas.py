"""The contract of the store for quotas; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from runyard.entities.quota import Quota, Used


class QuotaStore(ABC):
    """Remembers the quotas of workspaces, and counts what they limit. A quota goes with its workspace."""

    @abstractmethod
    def set_quota(self, workspace: str, quota: Quota, now_ms: int) -> None:
        """Keep a quota in place of the one before; one that says nothing is as good as none."""

    @abstractmethod
    def list_quotas(self) -> dict[str, Quota]:
        """Return the quota of each workspace, also of those that were never given one."""

    @abstractmethod
    def count_used(self, workspaces: Sequence[str]) -> dict[str, Used]:
        """Return how much each of the workspaces holds of what a quota limits, the trash included.

        Runs and experiments are counted, points and bytes are as :meth:`UsageStore.read_measured` has them.
        """
