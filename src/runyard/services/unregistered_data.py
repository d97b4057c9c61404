"""What was uploaded for a dataset that nobody registered then: the client was killed, or its network cut."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runyard.entities.data_asset import UPLOADS
from runyard.errors import NotFound
from runyard.stores.artifacts.base import ArtifactEntry, ArtifactStore
from runyard.stores.artifacts.paths import ArtifactPath
from runyard.stores.artifacts.walking import walk_files
from runyard.stores.opening import Stores

KEPT_UNREGISTERED_MS = 3 * 24 * 3600 * 1000
"""How long after its last file a folder stays that no dataset names: its client may still be at work."""

_NAME = re.compile(r"[0-9a-f]{32}")


def note_unregistered(stores: Stores, now_ms: int) -> int:
    """Note folders that no dataset names as removed, and return how many; the next collection takes them.

    Raises:
        Unavailable: The store of files can't be reached; the next call goes on.
    """
    workspaces = stores.metadata.workspaces.list_workspaces()
    return sum(_note_in(stores, each.name, now_ms) for each in workspaces)


def _note_in(stores: Stores, workspace: str, now_ms: int) -> int:
    entries = _listed(stores.artifacts, ArtifactPath((workspace, UPLOADS)))
    folders = [f"{UPLOADS}/{each.name}" for each in entries if _NAME.fullmatch(each.name)]
    assets = stores.metadata.data_assets
    before_ms = now_ms - KEPT_UNREGISTERED_MS
    old = [
        folder
        for folder in assets.find_unkept(workspace, folders)
        if _is_older(stores.artifacts, ArtifactPath((workspace, *folder.split("/"))), before_ms)
    ]
    if old:
        stores.database.retrying(lambda: assets.note_unkept(workspace, old, now_ms))
    return len(old)


def _listed(store: ArtifactStore, path: ArtifactPath) -> Sequence[ArtifactEntry]:
    try:
        return store.list(path)
    except NotFound:  # a link, which is no artifact
        return ()


def _is_older(store: ArtifactStore, folder: ArtifactPath, before_ms: int) -> bool:
    """Whether all files of a folder are older; where one is not, the others are not looked at."""
    return all(_modified_ms(store, path) < before_ms for path, _ in walk_files(store, folder))


def _modified_ms(store: ArtifactStore, path: ArtifactPath) -> int:
    try:
        return store.stat(path).modified_ms
    except NotFound:  # it went meanwhile
        return 0
