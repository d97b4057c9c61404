"""Artifacts as objects of any store that obstore opens: S3, Azure Blob Storage, Google Cloud Storage, memory.

A local folder is :mod:`runyard.stores.artifacts.folder` instead: obstore's own follows links, also when it
deletes, refuses names such as ``epoch#1``, and reads at a twentieth of the disk's speed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import obstore
from obstore.exceptions import BaseError, PreconditionError
from obstore.store import ObjectStore

from runyard.errors import InvalidParameter, NotFound, Unavailable
from runyard.stores.artifacts.base import (
    ArtifactDownload,
    ArtifactEntry,
    ArtifactFile,
    ArtifactStore,
    ArtifactUpload,
)
from runyard.stores.artifacts.paths import ArtifactPath, is_plain_name

PART_BYTES = 8 * 1024 * 1024
PARTS_AT_ONCE = 2  # an upload holds so many parts, and the one that is filling
DELETED_AT_ONCE = 1000  # what S3 takes in one request


class ObjectArtifactStore(ArtifactStore):
    """The objects of one bucket or container, or of a prefix of it if ``store`` has one."""

    has_directories = False

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def create(self, path: ArtifactPath) -> ArtifactUpload:
        """Begin to write the object at ``path``."""
        if not path.segments:
            raise InvalidParameter("The root of the artifacts is a directory, not a file.")
        return _ObjectUpload(self._store, path)

    def open(self, path: ArtifactPath) -> ArtifactDownload:
        """Open the object at ``path`` for reading."""
        return _ObjectDownload(self._store, path, self.stat(path))

    def stat(self, path: ArtifactPath) -> ArtifactFile:
        """Return what is known of the object at ``path``."""
        found = _find(self._store, path)
        if found is not None:
            return found
        if not path.segments or self.list(path):
            raise InvalidParameter(f"Artifact path refers to a directory, not a file: '{path}'")
        raise NotFound(f"No such artifact: '{path}'")

    def list(self, path: ArtifactPath) -> Sequence[ArtifactEntry]:
        """Return what lies directly below ``path``."""
        with _failures_said():
            found = obstore.list_with_delimiter(self._store, str(path) or None)
        entries = [ArtifactEntry(_last(prefix), None) for prefix in found["common_prefixes"]]
        entries += [ArtifactEntry(_last(item["path"]), item["size"]) for item in found["objects"]]
        return sorted((entry for entry in entries if is_plain_name(entry.name)), key=lambda entry: entry.name)

    def delete(self, path: ArtifactPath) -> None:
        """Remove the object at ``path`` and all that lie below it."""
        with _failures_said():
            if path.segments:
                self._delete_all([str(path)])
            for batch in obstore.list(self._store, str(path) or None, chunk_size=DELETED_AT_ONCE):
                self._delete_all([item["path"] for item in batch])

    def _delete_all(self, keys: Sequence[str]) -> None:
        with contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, keys)


class _ObjectUpload(ArtifactUpload):
    def __init__(self, store: ObjectStore, path: ArtifactPath) -> None:
        self._store = store
        self._path = path
        self._writer: obstore.WritableFile | None = obstore.open_writer(
            store, str(path), buffer_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
        )

    def write(self, piece: bytes | memoryview) -> None:
        with _failures_said():
            self._open_writer().write(piece)

    def commit(self) -> ArtifactFile:
        with _failures_said():
            self._open_writer().close()
        self._writer = None
        found = _find(self._store, self._path)
        if found is None:
            raise Unavailable(f"'{self._path}' was deleted while it was stored.")
        return found

    def close(self) -> None:
        self._writer = None  # a writer that is dropped before its close() leaves no object

    def _open_writer(self) -> obstore.WritableFile:
        if self._writer is None:
            raise ValueError("The upload is over.")
        return self._writer


class _ObjectDownload(ArtifactDownload):
    preferred_read_bytes = PART_BYTES

    def __init__(self, store: ObjectStore, path: ArtifactPath, file: ArtifactFile) -> None:
        self._store: ObjectStore | None = store
        self._path = path
        self.file = file

    def read(self, offset_bytes: int, length_bytes: int) -> bytes:
        if self._store is None:
            raise ValueError("The download is over.")
        end = min(offset_bytes + length_bytes, self.file.size_bytes)
        if offset_bytes >= end:
            return b""
        try:
            with _failures_said():
                answer = obstore.get(self._store, str(self._path), options=self._options(offset_bytes, end))
                return bytes(answer.bytes())
        except (FileNotFoundError, PreconditionError):
            raise Unavailable(f"'{self._path}' was replaced while it was read.") from None

    def close(self) -> None:
        self._store = None

    def _options(self, start: int, end: int) -> obstore.GetOptions:
        if self.file.etag:
            return {"range": (start, end), "if_match": f'"{self.file.etag}"'}
        return {"range": (start, end)}


def _find(store: ObjectStore, path: ArtifactPath) -> ArtifactFile | None:
    if not path.segments:
        return None
    try:
        with _failures_said():
            found = obstore.head(store, str(path))
    except FileNotFoundError:
        return None
    modified_ms = int(found["last_modified"].timestamp() * 1000)
    return ArtifactFile(found["size"], modified_ms, etag=(found["e_tag"] or "").strip('"'))


def _last(key: str) -> str:
    return key.rstrip("/").rpartition("/")[2]


@contextlib.contextmanager
def _failures_said() -> Iterator[None]:
    try:
        yield
    except PreconditionError:
        raise
    except BaseError as error:
        raise Unavailable("The object store did not do what it was asked for.") from error
