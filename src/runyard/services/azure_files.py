"""The files of a run or a logged model as Azure's run history has them: one list, and a place for each."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from runyard.errors import InvalidParameter, NotFound
from runyard.services.artifacts import artifact_uri_of_owner, kept_here, open_place
from runyard.services.call import Call
from runyard.stores.artifacts.paths import ArtifactPath, resolve_artifact_path
from runyard.stores.artifacts.walking import walk_files

MAX_PATHS = 1000
"""Files whose addresses are asked for at once."""
PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A file by the path that the client wrote, and where it lies below its workspace."""

    asked: str
    place: str


def places_of(call: Call, owner: str, paths: Sequence[str]) -> list[FilePlace]:
    """Return where files of a run or a logged model are to be written, whether they are there or not.

    Raises:
        InvalidParameter: A path that can't be, or too many; or files that the server does not keep.
        NotFound: There is no such run or model.
    """
    if len(paths) > MAX_PATHS:
        raise InvalidParameter(f"'paths' has {len(paths)} entries; at most {MAX_PATHS} are allowed.")
    below = [resolve_artifact_path(path) for path in paths]
    root = kept_here(artifact_uri_of_owner(call, owner))
    return [FilePlace(path, str(root / each)) for path, each in zip(paths, below, strict=True)]


def place_of_existing(call: Call, owner: str, path: str) -> FilePlace:
    """Return where a file of a run or a logged model is.

    Raises:
        InvalidParameter: As :func:`places_of`; or a directory is there.
        NotFound: Nothing is there.
    """
    (found,) = places_of(call, owner, [path])
    open_place(call, resolve_artifact_path(found.place)).close()
    return found


def list_files(call: Call, owner: str, after: str) -> tuple[list[str], str]:
    """Return a page of the paths of all files, sorted, and what the next page is after; empty for the last.

    Raises:
        NotFound: There is no such run or model.
    """
    root = ArtifactPath((call.workspace.name,)) / kept_here(artifact_uri_of_owner(call, owner))
    depth = len(root.segments)
    try:
        paths = ("/".join(path.segments[depth:]) for path, _ in walk_files(call.stores.artifacts, root))
        page = heapq.nsmallest(PAGE_SIZE + 1, (path for path in paths if path > after))
    except NotFound:
        return [], ""
    return page[:PAGE_SIZE], page[PAGE_SIZE - 1] if len(page) > PAGE_SIZE else ""
