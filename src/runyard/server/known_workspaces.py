"""Remembers for a moment which workspaces exist: every request asks for one."""

from __future__ import annotations

import time
from contextlib import nullcontext

from runyard.entities.workspace import Workspace
from runyard.protocol import limits
from runyard.stores.metadata.base import WorkspaceStore

MAX_AGE_S = 1.0
MAX_KNOWN = 1_000


class KnownWorkspaces:
    """Answers from memory what the store said less than a second ago.

    Another replica's change is seen after that second. Names that don't exist are not kept, so
    that a new workspace is found at once.
    """

    def __init__(self, store: WorkspaceStore) -> None:
        self._store = store
        self._known: dict[str, tuple[float, Workspace]] = {}

    def remembered(self, name: str) -> Workspace | None:
        """Return the workspace of that name if it is known without asking the store."""
        known = self._known.get(name)
        if known is None or time.monotonic() - known[0] >= MAX_AGE_S:
            return None
        return known[1]

    def get(self, name: str, by_mlflow: bool = False) -> Workspace:
        """Return the workspace of that name, which may stand where MLflow's client writes one.

        Raises:
            InvalidParameter: There is none, and MLflow's server takes none of that name.
            NotFound: There is none.
        """
        known = self.remembered(name)
        if known is not None:
            return known
        now_s = time.monotonic()
        with (limits.missing_mlflow_workspace if by_mlflow else nullcontext)(name):
            workspace = self._store.get_workspace(name)
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[name] = (now_s, workspace)
        return workspace
