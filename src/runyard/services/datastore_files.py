"""The files of datastores: listed, read, written and deleted, all of it through this server.

Paths come to the one resolver and are relative to the datastore's root, wherever that lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from runyard.entities.datastore import ARTIFACT_STORE
from runyard.errors import AlreadyExists, InvalidParameter, NotFound
from runyard.protocol.wire import invalid
from runyard.services.call import Call
from runyard.services.datastore_places import OpenedPlace, open_place
from runyard.services.datastores import get_datastore
from runyard.services.guarded_uploads import guarded
from runyard.services.quotas import limited
from runyard.stores.artifacts.base import (
    ArtifactDownload,
    ArtifactEntry,
    ArtifactFile,
    ArtifactUpload,
    Declared,
)
from runyard.stores.artifacts.checksums import checked
from runyard.stores.artifacts.paths import ArtifactPath, resolve_artifact_path

MAX_LISTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class DatastoreFile:
    """A file, or with ``size_bytes`` of ``None`` a folder, by its path in the datastore."""

    path: str
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class FilesPage:
    """A part of what a folder holds, sorted; ``next_name`` is where the next part begins, if there is one."""

    files: Sequence[DatastoreFile]
    next_name: str | None


def list_files(call: Call, name: str, path: str, limit: int, from_name: str = "") -> FilesPage:
    """Return what lies directly in a folder of a datastore, or the one file that the path names.

    Raises:
        NotFound: There is no such datastore, or nothing at that path.
        InvalidParameter: A path that can't be, or a page of more than 10,000.
    """
    if not 1 <= limit <= MAX_LISTED:
        raise InvalidParameter(f"'max_results' must be from 1 to {MAX_LISTED}, not {limit}.")
    place, below = _placed(call, name, path, is_directory=True)
    entries = place.store.list(place.root / below)
    if not entries and below.segments:
        file = _stat(place, below)
        if file is None:
            raise NotFound(f"Datastore '{name}' has nothing at '{below}'.")
        return FilesPage([DatastoreFile(str(below), file.size_bytes)], None)
    left = [entry for entry in entries if entry.name >= from_name]
    rest = left[limit : limit + 1]
    return FilesPage([_file(below, each) for each in left[:limit]], rest[0].name if rest else None)


def open_file(call: Call, name: str, path: str) -> ArtifactDownload:
    """Open a file of a datastore; whoever gets it closes it.

    Raises:
        NotFound: There is no such datastore, or no such file.
        InvalidParameter: A path that can't be, or that of a folder.
    """
    place, below = _placed(call, name, path)
    try:
        return place.store.open(place.root / below)
    except NotFound:
        raise NotFound(f"Datastore '{name}' has no file '{below}'.") from None
    except InvalidParameter:
        raise InvalidParameter(f"'{below}' is a folder of datastore '{name}', not a file.") from None


def begin_upload(call: Call, name: str, path: str, declared: Declared, *, overwrite: bool) -> ArtifactUpload:
    """Begin to write a file of a datastore; whoever gets it commits or closes it.

    To commit it raises ``AlreadyExists`` if somebody was faster, and ``InvalidParameter`` if its checksum is
    not the declared one.

    Raises:
        AlreadyExists: There is such a file, and ``overwrite`` is false.
        NotFound: There is no such datastore.
        InvalidParameter: A path that can't be.
        StorageFull: There is no room.
    """
    place, below = _placed(call, name, path)
    key = place.root / below
    if not overwrite:
        _check_free(place, below, name)
    upload = place.store.create(key, declared)
    if not overwrite:
        upload = _UploadToFree(upload, place, below, name)
    if place.store is call.stores.artifacts:
        upload = guarded(call, key, limited(call, upload, declared), declared)
    return checked(upload, declared)


def delete_files(call: Call, name: str, path: str) -> None:
    """Delete a file of a datastore, or a folder with all that is in it, if it is there.

    Raises:
        NotFound: There is no such datastore.
        InvalidParameter: A path that can't be, the datastore's root, or files of runs and models.
    """
    if name == ARTIFACT_STORE:
        raise InvalidParameter(
            f"'{name}' holds what belongs to runs and models: delete it there, by `runyard artifact delete`."
        )
    place, below = _placed(call, name, path, is_directory=True)
    if not below.segments:
        raise InvalidParameter("Name the file or folder to delete; the datastore itself stays.")
    place.store.delete(place.root / below)


class _UploadToFree(ArtifactUpload):
    """Looks once more, when the last byte has come, whether the path is still free."""

    def __init__(self, upload: ArtifactUpload, place: OpenedPlace, below: ArtifactPath, name: str) -> None:
        self._upload = upload
        self._place = place
        self._below = below
        self._name = name

    def write(self, piece: bytes | memoryview) -> None:
        self._upload.write(piece)

    def commit(self) -> ArtifactFile:
        _check_free(self._place, self._below, self._name)
        return self._upload.commit()

    def close(self) -> None:
        self._upload.close()


def _placed(
    call: Call, name: str, path: str, *, is_directory: bool = False
) -> tuple[OpenedPlace, ArtifactPath]:
    try:
        below = resolve_artifact_path(path, is_directory=is_directory)
    except InvalidParameter as error:
        raise invalid("path", path[:100], f"{error.message.rstrip('.')}.") from None
    return open_place(call, get_datastore(call, name)), below


def _stat(place: OpenedPlace, below: ArtifactPath) -> ArtifactFile | None:
    try:
        return place.store.stat(place.root / below)
    except (NotFound, InvalidParameter):
        return None


def _check_free(place: OpenedPlace, below: ArtifactPath, name: str) -> None:
    if _stat(place, below) is not None:
        raise AlreadyExists(f"Datastore '{name}' has a file '{below}' already; say overwrite to replace it.")


def _file(below: ArtifactPath, entry: ArtifactEntry) -> DatastoreFile:
    return DatastoreFile(str(below / ArtifactPath((entry.name,))), entry.size_bytes)
