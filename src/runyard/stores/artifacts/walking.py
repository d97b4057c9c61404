"""All files of an artifact store, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from runyard.stores.artifacts.base import ArtifactStore
from runyard.stores.artifacts.paths import ROOT, ArtifactPath


def walk_files(store: ArtifactStore) -> Iterator[tuple[ArtifactPath, int]]:
    """Yield path and length of each file; one that comes or goes meanwhile may be among them or not."""
    waiting = [ROOT]
    while waiting:
        above = waiting.pop()
        for entry in store.list(above):
            path = above / ArtifactPath((entry.name,))
            if entry.size_bytes is None:
                waiting.append(path)
            else:
                yield path, entry.size_bytes
