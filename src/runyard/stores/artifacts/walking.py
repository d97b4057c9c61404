"""All files of an artifact store, or of a directory in it, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from runyard.stores.artifacts.base import ArtifactStore, ListsWhole
from runyard.stores.artifacts.paths import ROOT, ArtifactPath


def walk_files(store: ArtifactStore, below: ArtifactPath = ROOT) -> Iterator[tuple[ArtifactPath, int]]:
    """Yield path and length of each file; one that comes or goes meanwhile may be among them or not."""
    if isinstance(store, ListsWhole):
        yield from store.list_whole(below)
        return
    waiting = [below]
    while waiting:
        above = waiting.pop()
        for entry in store.list(above):
            path = above / ArtifactPath((entry.name,))
            if entry.size_bytes is None:
                waiting.append(path)
            else:
                yield path, entry.size_bytes
