"""Deletes a folder of artifacts but for what others keep in it, and says how much that was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runyard.errors import NotFound
from runyard.stores.artifacts.base import ArtifactEntry, ArtifactStore
from runyard.stores.artifacts.paths import ArtifactPath


@dataclass(frozen=True, slots=True)
class RemovedFiles:
    """Files that are gone, or would be."""

    files: int = 0
    size_bytes: int = 0

    def __add__(self, other: RemovedFiles) -> RemovedFiles:
        return RemovedFiles(self.files + other.files, self.size_bytes + other.size_bytes)


def measure_tree(store: ArtifactStore, path: ArtifactPath, kept: Sequence[ArtifactPath] = ()) -> RemovedFiles:
    """Return what :func:`remove_tree` would remove."""
    parts = list(_parts(store, path, kept))
    return sum((_measured(store, part, size) for part, size in parts), RemovedFiles())


def remove_tree(store: ArtifactStore, path: ArtifactPath, kept: Sequence[ArtifactPath] = ()) -> RemovedFiles:
    """Delete the file or the directory at ``path``; what is at the ``kept`` paths and below them stays.

    Raises:
        Unavailable: The store can't be reached; the same call goes on.
    """
    removed = RemovedFiles()
    for part, size_bytes in list(_parts(store, path, kept)):
        measured = _measured(store, part, size_bytes)
        try:
            store.delete(part)
        except NotFound:  # a link, which is no artifact
            continue
        removed += measured
    return removed


def _parts(
    store: ArtifactStore, path: ArtifactPath, kept: Sequence[ArtifactPath]
) -> Iterator[tuple[ArtifactPath, int | None]]:
    """Yield the largest trees within ``path`` that hold nothing of what is kept; of a file its length."""
    waiting: list[tuple[ArtifactPath, int | None]] = [(path, _size_of(store, path))]
    stops = {each.segments for each in kept}
    above = {segments[:end] for segments in stops for end in range(len(segments))}
    while waiting:
        part, size_bytes = waiting.pop()
        if part.segments in stops:
            continue
        if part.segments in above:
            waiting += [(_below(part, entry), entry.size_bytes) for entry in _listed(store, part)]
        else:
            yield part, size_bytes


def _measured(store: ArtifactStore, path: ArtifactPath, size_bytes: int | None) -> RemovedFiles:
    if size_bytes is not None:
        return RemovedFiles(1, size_bytes)
    entries = _listed(store, path)
    return sum((_measured(store, _below(path, entry), entry.size_bytes) for entry in entries), RemovedFiles())


def _size_of(store: ArtifactStore, path: ArtifactPath) -> int | None:
    """Return the length of the file at ``path``, or ``None`` if a directory or nothing is there."""
    found = [entry for entry in _listed(store, path.parent) if entry.name == path.name]
    return found[0].size_bytes if found else None


def _listed(store: ArtifactStore, path: ArtifactPath) -> Sequence[ArtifactEntry]:
    try:
        return store.list(path)
    except NotFound:  # a link, which is no artifact
        return ()


def _below(path: ArtifactPath, entry: ArtifactEntry) -> ArtifactPath:
    return path / ArtifactPath((entry.name,))
