"""A store of rights that remembers what each request asks for, for less than a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from runyard.entities.rights import Grant, Rights
from runyard.stores.metadata.base_rights import RightsStore

MAX_AGE_S = 0.5
MAX_ENTRIES = 4096


class CachedRights(RightsStore):
    """Answers repeated questions about one principal's rights from memory, half a second long.

    A change through this object is seen at once; one by another process after ``MAX_AGE_S``, which is
    within the second that the contract allows.

    Args:
        store: Where the truth is.
        clock: Seconds that only go up.
    """

    def __init__(self, store: RightsStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[float, int, Rights]] = {}

    def rights_of(self, principal_id: str) -> Rights:
        # The age counts from before the read: what changes while it runs must not be missed for longer.
        now_s, changes = self._clock(), self.changes()
        known = self._known.get(principal_id)
        if known is not None and now_s - known[0] < MAX_AGE_S and known[1] == changes:
            return known[2]
        rights = self._store.rights_of(principal_id)
        if len(self._known) >= MAX_ENTRIES:
            self._known.clear()
        self._known[principal_id] = (now_s, changes, rights)
        return rights

    def changes(self) -> int:
        return self._store.changes()

    def add_member(self, group_id: str, principal_id: str) -> bool:
        return self._store.add_member(group_id, principal_id)

    def remove_member(self, group_id: str, principal_id: str) -> bool:
        return self._store.remove_member(group_id, principal_id)

    def set_groups_from_provider(self, principal_id: str, group_ids: Iterable[str]) -> None:
        self._store.set_groups_from_provider(principal_id, group_ids)

    def list_members(self, group_id: str) -> list[str]:
        return self._store.list_members(group_id)

    def list_groups_of(self, principal_id: str) -> list[str]:
        return self._store.list_groups_of(principal_id)

    def set_grant(self, grant: Grant) -> None:
        self._store.set_grant(grant)

    def change_grant(self, grant: Grant) -> bool:
        return self._store.change_grant(grant)

    def remove_grant(self, principal_id: str, workspace: str, experiment_id: str | None) -> bool:
        return self._store.remove_grant(principal_id, workspace, experiment_id)

    def list_grants(self, workspace: str) -> list[Grant]:
        return self._store.list_grants(workspace)

    def list_grants_of(self, principal_id: str) -> list[Grant]:
        return self._store.list_grants_of(principal_id)
