"""Notes of folders whose owner was removed: to be emptied, and emptied again of uploads that came late."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, delete, select, update

from runyard.stores.artifacts.paths import ArtifactPath
from runyard.stores.database import upsert
from runyard.stores.metadata.claims import find_claims
from runyard.stores.metadata.schema import removed_artifacts
from runyard.stores.prepared import Prepared

SWEPT_AGAIN_AFTER_MS = 10 * 60 * 1000
SWEPT_FOR_MS = 24 * 3600 * 1000
REMEMBERED_MS = 30 * 24 * 3600 * 1000


def note_removed(connection: Connection, paths: Iterable[ArtifactPath], now_ms: int) -> None:
    """Note that folders may be emptied, each path with its workspace first."""
    notes = [
        {"path": str(path), "workspace": path.segments[0], "removed_ms": now_ms, "emptied_ms": None}
        for path in paths
    ]
    if notes:
        upsert(connection, removed_artifacts, notes, ["removed_ms", "emptied_ms"])


def note_not_emptied(connection: Connection, paths: Sequence[str]) -> bool:
    """Have folders emptied once more, of those that are noted; return whether one is."""
    these = removed_artifacts.c.path.in_(paths)
    return connection.execute(update(removed_artifacts).where(these).values(emptied_ms=None)).rowcount > 0


def note_emptied(connection: Connection, path: ArtifactPath, now_ms: int) -> None:
    """Note that a folder was emptied."""
    this = removed_artifacts.c.path == str(path)
    connection.execute(update(removed_artifacts).where(this).values(emptied_ms=now_ms))


def forget(connection: Connection, path: ArtifactPath) -> None:
    """Take a note back; those of the folders above it stay."""
    connection.execute(delete(removed_artifacts).where(removed_artifacts.c.path == str(path)))


def forget_old(connection: Connection, now_ms: int) -> None:
    """Take back the notes that no upload can be late for any more."""
    columns = removed_artifacts.c
    is_old = (columns.removed_ms < now_ms - REMEMBERED_MS) & columns.emptied_ms.is_not(None)
    connection.execute(delete(removed_artifacts).where(is_old))


def list_due(connection: Connection, workspace: str, now_ms: int, limit: int) -> list[ArtifactPath]:
    """Return the folders of a workspace that are to be emptied, for the first time or again."""
    columns = removed_artifacts.c
    is_due = columns.emptied_ms.is_(None) | (
        (columns.removed_ms > now_ms - SWEPT_FOR_MS) & (columns.emptied_ms < now_ms - SWEPT_AGAIN_AFTER_MS)
    )
    query = select(columns.path).where(columns.workspace == workspace, is_due).order_by(columns.path)
    return [_path(row.path) for row in connection.execute(query.limit(limit))]


def noted_above(path: ArtifactPath) -> Select[Any]:
    """Return the query of the notes of ``path`` and of the folders in which it lies."""
    columns = removed_artifacts.c
    return select(columns.path, columns.emptied_ms).where(columns.path.in_(folders_of(path)))


def lies_in_removed(connection: Connection, path: ArtifactPath) -> bool:
    """Whether ``path`` lies in a removed folder, and not in what something that lives keeps there."""
    folders = folders_of(path)
    named = {f"path_{place}": folder for place, folder in enumerate(folders)}
    removed = _is_among_removed(len(folders)).rows(connection, **named)
    return any(not _is_kept(connection, _path(row[0]), path) for row in removed)


def folders_of(path: ArtifactPath) -> list[str]:
    """Return ``path`` and the folders in which it lies, as they are noted."""
    return ["/".join(path.segments[:end]) for end in range(1, len(path.segments) + 1)]


@lru_cache(64)
def _is_among_removed(count: int) -> Prepared:
    """Return the query for so many paths; it is asked after each upload."""
    named = ", ".join(f":path_{place}" for place in range(count))
    return Prepared(f"SELECT path FROM removed_artifacts WHERE path IN ({named})")


def _is_kept(connection: Connection, folder: ArtifactPath, path: ArtifactPath) -> bool:
    """Whether ``path`` lies in what something that lives keeps within a folder of removed artifacts."""
    kept = find_claims(connection, folder).kept
    return any(path.segments[: len(place.segments)] == place.segments for place in kept)


def _path(stored: str) -> ArtifactPath:
    return ArtifactPath(tuple(stored.split("/")))
