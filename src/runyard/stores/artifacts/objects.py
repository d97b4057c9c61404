"""Artifacts as objects of any store that obstore opens: S3, Azure Blob Storage, Google Cloud Storage, memory.

A local folder is :mod:`runyard.stores.artifacts.folder` instead: obstore's own follows links, also when it
deletes, refuses names such as ``epoch#1``, and reads at a twentieth of the disk's speed.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, PreconditionError
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from runyard.errors import InvalidParameter, NotFound, StorageFull, TooLarge, Unavailable
from runyard.stores.artifacts.base import (
    NOTHING_DECLARED,
    ArtifactDownload,
    ArtifactEntry,
    ArtifactFile,
    ArtifactStore,
    ArtifactUpload,
    Declared,
    GivesAddresses,
    ListsWhole,
    PartsBegun,
    TakesParts,
)
from runyard.stores.artifacts.parts import AzureParts, S3Parts, checked_numbers
from runyard.stores.artifacts.paths import ArtifactPath, is_plain_name

PART_BYTES = 8 * 1024 * 1024
MAX_PARTS = 10_000  # what S3 and GCS put together to one object
LARGE_PART_BYTES = 64 * 1024 * 1024
PARTS_AT_ONCE = 2  # an upload holds so many parts, and the one that is filling
ROOMY_UPLOADS = 2  # so many at a time; those that come beside them hold as little as S3 allows
LEAST_PART_BYTES = 5 * 1024 * 1024
SHA256_ATTRIBUTE = "sha256"
DELETED_AT_ONCE = 1000  # what S3 takes in one request
OWN_ADDRESS_S = 60  # what this server signs for itself
SIGN_AGAIN_S = 60.0  # after which a service that would not sign is asked again

SignedMethod = Literal["GET", "PUT"]

_log = logging.getLogger("runyard.stores")

_FULL = re.compile(r"\b507\b|QuotaExceeded|StorageFull|InsufficientStorage")
_XML_ERROR = re.compile(r"<Code>([^<]*)</Code>\s*<Message>([^<]*)</Message>")
_SIGNATURE = re.compile(r"((?:sig|signature|token|credential|accesskeyid)[=>])[^&<\s]+", re.IGNORECASE)


class ObjectArtifactStore(ArtifactStore, ListsWhole):
    """The objects of one bucket or container, or of a prefix of it if ``store`` has one."""

    has_directories = False
    is_at_hand = False

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._uploads = _Uploads()

    @property
    def objects(self) -> ObjectStore:
        """What holds the objects, for those who must look past this class."""
        return self._store

    def create(self, path: ArtifactPath, declared: Declared = NOTHING_DECLARED) -> ArtifactUpload:
        """Begin to write the object at ``path``."""
        if not path.segments:
            raise InvalidParameter("The root of the artifacts is a directory, not a file.")
        return _ObjectUpload(self._store, path, declared, self._uploads)

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
        # Some tools, and stores on a file system, keep an object for the directory itself: "a/" below "a".
        files = [item for item in found["objects"] if item["path"] != str(path)]
        entries += [ArtifactEntry(_last(item["path"]), item["size"]) for item in files]
        return sorted((entry for entry in entries if is_plain_name(entry.name)), key=lambda entry: entry.name)

    def list_whole(self, path: ArtifactPath) -> Iterator[tuple[ArtifactPath, int]]:
        """Yield all objects below ``path``, a thousand a request."""
        with _failures_said():
            for batch in obstore.list(self._store, str(path) or None):
                for item in batch:
                    segments = tuple(item["path"].split("/"))
                    is_marker = item["path"].endswith("/") or len(segments) <= len(path.segments)
                    if not is_marker and all(map(is_plain_name, segments)):
                        yield ArtifactPath(segments), item["size"]

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


class AddressedObjectArtifactStore(ObjectArtifactStore, GivesAddresses, TakesParts):
    """Objects of a service that signs addresses.

    Args:
        store: The service.
        secret: The secret of S3's key, if it is known; without it no parts are taken there.
    """

    def __init__(self, store: S3Store | AzureStore | GCSStore, secret: str = "") -> None:
        super().__init__(store)
        self._signer = store
        self._secret = secret
        self._signs_from_s = 0.0

    def download_address(self, path: ArtifactPath, valid_s: int) -> str | None:
        """Return an address to read the object at ``path`` from, if name and service let one be made."""
        signed = self._signed(path, valid_s, "GET")
        if signed is None:
            return None
        url = signed[0]
        if isinstance(self._signer, AzureStore) and "%" in urlsplit(url).path:
            return None  # obstore signs the escaped name, Azure checks the plain one
        return url

    def begin_parts(self, path: ArtifactPath, count: int, valid_s: int) -> PartsBegun | None:
        """Begin an upload of ``count`` parts to ``path``, if this service lets clients send them."""
        checked_numbers(range(1, count + 1))
        parts = self._parts(path, valid_s)
        if parts is None or not parts.can_sign:
            return None
        upload_id = parts.begin()
        return PartsBegun(upload_id, [parts.address(upload_id, number) for number in range(1, count + 1)])

    def parts_size_bytes(self, path: ArtifactPath, upload_id: str, numbers: Sequence[int]) -> int:
        """Return how long a file of these parts is."""
        checked_numbers(numbers)
        sizes = self._known_parts(path).sizes(upload_id)
        missing = [number for number in numbers if number not in sizes]
        if missing:
            raise InvalidParameter(f"Part {missing[0]} of the upload has not come.")
        return sum(sizes[number] for number in numbers)

    def finish_parts(self, path: ArtifactPath, upload_id: str, etags: Mapping[int, str]) -> ArtifactUpload:
        """Return an upload whose commit makes the object of its parts."""
        return _PartsUpload(self._store, path, partial(self._known_parts(path).finish, upload_id, etags))

    def drop_parts(self, path: ArtifactPath, upload_id: str) -> None:
        """Give up an upload; Azure keeps its blocks for a week."""
        self._known_parts(path).drop(upload_id)

    def _known_parts(self, path: ArtifactPath) -> S3Parts | AzureParts:
        parts = self._parts(path, OWN_ADDRESS_S)
        if parts is None:
            raise NotFound("There is no such upload.")
        return parts

    def _parts(self, path: ArtifactPath, valid_s: int) -> S3Parts | AzureParts | None:
        if isinstance(self._signer, GCSStore):
            return None
        signed = self._signed(path, valid_s, "PUT", "GET")
        if signed is None:
            return None
        write, read = signed
        return S3Parts(write, self._secret) if isinstance(self._signer, S3Store) else AzureParts(write, read)

    def _signed(self, path: ArtifactPath, valid_s: int, *methods: SignedMethod) -> list[str] | None:
        """Return an address of the object at ``path`` for each method; ``None`` if the service does not sign.

        To sign takes a right of its own, which an identity that may read and write often has not: files pass
        through this server then.
        """
        if time.monotonic() < self._signs_from_s:
            return None
        valid = timedelta(seconds=valid_s)
        try:
            return [obstore.sign(self._signer, method, str(path), valid) for method in methods]
        except (BaseError, OSError) as error:
            self._signs_from_s = time.monotonic() + SIGN_AGAIN_S
            text = "object store: no addresses are given for %d s, as it does not sign: %s"
            _log.warning(text, SIGN_AGAIN_S, said_by(error))
            return None


class _Uploads:
    """How many uploads hold parts; a slow store makes them many, also of clients that have gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def begin(self) -> bool:
        """Count one more, and return whether there is room for it to hold as much as is quick."""
        with self._lock:
            self._count += 1
            return self._count <= ROOMY_UPLOADS

    def end(self) -> None:
        """Count one less."""
        with self._lock:
            self._count -= 1


class _ObjectUpload(ArtifactUpload):
    def __init__(self, store: ObjectStore, path: ArtifactPath, declared: Declared, uploads: _Uploads) -> None:
        self._store = store
        self._path = path
        self._uploads = uploads
        is_roomy = uploads.begin()
        # One of unknown length ends at the same size, however many there are.
        is_small = not is_roomy and declared.size_bytes is not None
        part_bytes = part_bytes_for(declared.size_bytes, LEAST_PART_BYTES if is_small else PART_BYTES)
        self._room_bytes = part_bytes * MAX_PARTS
        try:
            self._writer: obstore.WritableFile | None = obstore.open_writer(
                store,
                str(path),
                attributes={SHA256_ATTRIBUTE: declared.sha256} if declared.sha256 else None,
                buffer_size=part_bytes,
                max_concurrency=PARTS_AT_ONCE if is_roomy and part_bytes < LARGE_PART_BYTES else 1,
            )
        except BaseException:
            uploads.end()
            raise

    def write(self, piece: bytes | memoryview) -> None:
        writer = self._open_writer()
        self._room_bytes -= len(piece)
        if self._room_bytes < 0:
            raise TooLarge("A file of this size must be sent with its Content-Length.")
        with _failures_said():
            writer.write(piece)

    def commit(self) -> ArtifactFile:
        writer = self._open_writer()
        with _failures_said():
            writer.close()
        self._writer = None
        self._uploads.end()
        return _found(self._store, self._path)

    def close(self) -> None:
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        self._uploads.end()
        # Parts that were sent stay, unseen and paid for, unless they are taken back; a writer does so when
        # it is left by an error.
        with contextlib.suppress(BaseError, OSError):
            writer.__exit__(_Dropped, _Dropped(), None)

    def _open_writer(self) -> obstore.WritableFile:
        if self._writer is None:
            raise ValueError("The upload is over.")
        return self._writer


class _PartsUpload(ArtifactUpload):
    def __init__(self, store: ObjectStore, path: ArtifactPath, finish: Callable[[], None]) -> None:
        self._store = store
        self._path = path
        self._finish = finish

    def write(self, piece: bytes | memoryview) -> None:
        raise ValueError("Its parts go to the object store.")

    def commit(self) -> ArtifactFile:
        self._finish()
        return _found(self._store, self._path)

    def close(self) -> None:
        """Nothing is held; the parts wait for whoever sends them."""


class _Dropped(Exception):
    """Why a writer is left before its end."""


def part_bytes_for(size_bytes: int | None, least_bytes: int = PART_BYTES) -> int:
    """Return how large the parts of a file must be, so that it needs no more of them than there may be."""
    megabytes = -(-(size_bytes or 0) // (MAX_PARTS * 1024 * 1024))
    return max(least_bytes, megabytes * 1024 * 1024)


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
            with _failures_said(is_missing_fine=True):
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
        with _failures_said(is_missing_fine=True):
            found = obstore.get(store, str(path), options={"head": True})
    except FileNotFoundError:
        return None
    meta = found.meta
    return ArtifactFile(
        size_bytes=meta["size"],
        modified_ms=int(meta["last_modified"].timestamp() * 1000),
        etag=(meta["e_tag"] or "").strip('"'),
        sha256=found.attributes.get(SHA256_ATTRIBUTE),
    )


def _found(store: ObjectStore, path: ArtifactPath) -> ArtifactFile:
    """Return what is known of the object that was just stored."""
    found = _find(store, path)
    if found is None:
        raise Unavailable(f"'{path}' was deleted while it was stored.")
    return found


def _last(key: str) -> str:
    return key.rstrip("/").rpartition("/")[2]


@contextlib.contextmanager
def _failures_said(*, is_missing_fine: bool = False) -> Iterator[None]:
    """Turn what obstore raises into errors of ours; the log alone gets the service's own words."""
    try:
        yield
    except PreconditionError:
        raise
    except (BaseError, OSError) as error:  # its writers raise OSError
        if is_missing_fine and isinstance(error, FileNotFoundError):
            raise
        _log.warning("object store: %s", said_by(error))
        if _FULL.search(str(error)):
            raise StorageFull(
                "The object store has no room left for artifacts; nothing was written."
            ) from error
        raise Unavailable("The object store did not do what it was asked for.") from error


def said_by(error: BaseException) -> str:
    """Return what a service said, in one line and without the signatures of addresses."""
    said = " ".join(str(error).partition("\n\nDebug source:")[0].split())
    answered = _XML_ERROR.search(said)
    if answered is not None:
        said = f"{said[: said.index('<')].rstrip(': ')}: {answered[1]}: {answered[2]}"
    return _SIGNATURE.sub(r"\1...", said)[:600].rstrip(".")
