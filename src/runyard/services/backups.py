"""Backups: a folder that holds one state of the database and every artifact that it names.

::

    manifest.json      what this is, and how much; written last: without it the backup is not whole
    database.sqlite    the database at one moment (of PostgreSQL: database.pgdump)
    artifacts.jsonl    path, size and checksum of each artifact, a line each
    artifacts/3f/3f…   their bytes, by checksum: what is there twice is kept once
    secrets.key        the key that secrets in the database are encrypted with, once there is one

The database comes first and the artifacts after it, so that what the database names is there unless it was
deleted meanwhile. An artifact that an earlier backup holds already is linked from there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from runyard._version import __version__
from runyard.errors import InvalidParameter, InvalidState, NotFound, StorageFull
from runyard.services.sealing import KEY_FILE
from runyard.stores.artifacts.base import ArtifactDownload, ArtifactStore, Declared
from runyard.stores.artifacts.folder import FULL
from runyard.stores.artifacts.paths import ROOT, ArtifactPath
from runyard.stores.artifacts.walking import walk_files
from runyard.stores.copying import copy_database, engine_of, is_empty, put_back
from runyard.stores.opening import AsItIs
from runyard.stores.schema_version import known_versions

FORMAT = 1
MANIFEST = "manifest.json"
DATABASES = {"sqlite": "database.sqlite", "postgresql": "database.pgdump"}
LIST = "artifacts.jsonl"
ARTIFACTS = "artifacts"
PIECE_BYTES = 1024 * 1024

_SHA256 = re.compile(r"[0-9a-f]{64}")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself.

    Args:
        runyard: The version that made it.
        engine: Which engine its database is of.
        schema: Which schema its database has.
        created_ms: When its database was as it is there.
        database_sha256: The checksum of the database's file.
        list_sha256: The checksum of the list of artifacts, which holds theirs.
        database_bytes: The size of the database's file.
        artifact_count: How many artifacts there are.
        artifact_bytes: Their size together, in the store.
        rows: How many workspaces, experiments and runs the database holds.
        format: How the folder is laid out.
    """

    runyard: str
    engine: str
    schema: str
    created_ms: int
    database_sha256: str
    list_sha256: str
    database_bytes: int
    artifact_count: int
    artifact_bytes: int
    rows: dict[str, int] = field(default_factory=dict)
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One artifact of a backup; its etag tells the next backup whether it has changed since."""

    path: str
    size_bytes: int
    sha256: str
    etag: str


def back_up(
    source: AsItIs,
    target: Path,
    created_ms: int,
    earlier: Path | None = None,
    on_progress: Progress = lambda what, done, total: None,
) -> Manifest:
    """Write a backup into the folder ``target``; servers may go on meanwhile.

    Args:
        source: What to back up.
        target: A folder that is empty or not there yet.
        created_ms: The time now.
        earlier: A backup on the same disk whose unchanged artifacts are linked instead of copied.
        on_progress: Called with what is copied, how much of it is done and how much there is.

    Raises:
        InvalidState: ``target`` is not empty or can't be written to, or ``earlier`` is no whole backup.
        StorageFull: There is no room for it; ``target`` is empty again.
    """
    if target.exists() and not target.is_dir():
        raise InvalidState(f"{target} is a file. A backup needs a folder of its own.")
    if target.exists() and any(target.iterdir()):
        raise InvalidState(f"{target} is not empty. A backup needs a folder of its own.")
    known = _Known(earlier) if earlier is not None else None
    try:
        with _faults_said(target):
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
            return _written(source, target, created_ms, known, on_progress)
    except BaseException:
        # Part of a backup is none, and its room may be what the server's own disk lacks.
        clear(target)
        raise


def clear(folder: Path) -> None:
    """Remove all that is in a folder, as far as that goes."""
    for left in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def _written(
    source: AsItIs, target: Path, created_ms: int, known: _Known | None, on_progress: Progress
) -> Manifest:
    engine = engine_of(source.database)
    database = target / DATABASES[engine]
    copied = copy_database(
        source.database, database, lambda done, total: on_progress("database", done, total)
    )
    count, size_bytes = _copy_artifacts(source.artifacts, target, known, on_progress)
    _copy_key(source.secrets_key, target / KEY_FILE)
    manifest = Manifest(
        runyard=__version__,
        engine=engine,
        schema=copied.schema,
        created_ms=created_ms,
        database_sha256=_sha256_of(database),
        list_sha256=_sha256_of(target / LIST),
        database_bytes=database.stat().st_size,
        artifact_count=count,
        artifact_bytes=size_bytes,
        rows=copied.rows,
    )
    # The manifest says that all the rest is there, so all the rest must be on the disk before it.
    os.sync()
    written = target / f"{MANIFEST}.new"
    with written.open("w") as file:
        file.write(json.dumps(asdict(manifest), indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    written.replace(target / MANIFEST)
    return manifest


def read_manifest(backup: Path) -> Manifest:
    """Return what the backup in a folder says of itself.

    Raises:
        NotFound: There is no whole backup.
        InvalidState: A newer Runyard made it.
    """
    try:
        content = json.loads((backup / MANIFEST).read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"There is no whole backup in {backup}: {MANIFEST} is missing.") from None
    except ValueError:
        raise InvalidState(f"{backup / MANIFEST} is damaged.") from None
    if content.get("format") != FORMAT or content.get("schema") not in known_versions():
        raise InvalidState(
            f"The backup in {backup} was made by Runyard {content.get('runyard')}, with schema "
            f"{content.get('schema')}, which this version ({__version__}) does not know. Restore it with "
            "that one."
        )
    return Manifest(**content)


def restore(
    backup: Path,
    target: AsItIs,
    on_progress: Progress = lambda what, done, total: None,
) -> Manifest:
    """Bring back what a backup holds: artifacts first, the database last and in one step.

    Args:
        backup: The folder of the backup.
        target: An empty database of the same engine, and an empty store for the artifacts.
        on_progress: Called with what is copied, how much of it is done and how much there is.

    Raises:
        NotFound: There is no whole backup.
        InvalidState: A newer Runyard made it, a checksum does not fit, or something is there already.
        StorageFull: There is no room for it.
    """
    manifest = read_manifest(backup)
    engine = engine_of(target.database)
    if engine != manifest.engine:
        raise InvalidState(f"The backup is of {manifest.engine}, and can't be restored into {engine}.")
    has_key = target.secrets_key is not None and target.secrets_key.exists()
    if has_key or not is_empty(target.database) or target.artifacts.list(ROOT):
        raise InvalidState("There is data already where the backup should go. Restore into an empty place.")
    database = backup / DATABASES[engine]
    _check_sum(backup / LIST, manifest.list_sha256)
    _check_sum(database, manifest.database_sha256)
    done = 0
    for file in _read_list(backup):
        _put_back(backup, file, target.artifacts)
        done += file.size_bytes
        on_progress("artifacts", done, manifest.artifact_bytes)
    with _faults_said(Path("the home")):
        _copy_key(backup / KEY_FILE, target.secrets_key)
        put_back(database, target.database)
    on_progress("database", manifest.database_bytes, manifest.database_bytes)
    return manifest


@contextlib.contextmanager
def _faults_said(place: Path) -> Iterator[None]:
    """Say in a line why nothing more can be written there."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull(f"There is not room enough for {error.filename or place}.") from None
        raise InvalidState(f"{error.filename or place} can't be written: {error.strerror}.") from None


class _Known:
    """What an earlier backup holds."""

    def __init__(self, backup: Path) -> None:
        read_manifest(backup)
        self._backup = backup
        self._files = {(file.path, file.etag): file for file in _read_list(backup)}

    def link(self, path: str, download: ArtifactDownload, target: Path) -> ListedFile | None:
        """Link the bytes of a file into ``target`` and return what is known of it, if it has not changed."""
        found = self._files.get((path, download.file.etag))
        if found is None or not found.etag or found.size_bytes != download.file.size_bytes:
            return None
        blob = _blob(target, found.sha256)
        if not blob.exists():
            blob.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                os.link(_blob(self._backup, found.sha256), blob)
            except OSError:  # another disk, or the earlier backup is being deleted: it is copied instead
                return None
        return found


def _copy_artifacts(
    artifacts: ArtifactStore, target: Path, known: _Known | None, on_progress: Progress
) -> tuple[int, int]:
    """Copy all artifacts, and return how many they are and how large together."""
    count = done = 0
    total = sum(size_bytes for _, size_bytes in walk_files(artifacts))
    with (target / LIST).open("w") as lines:
        for path, _ in walk_files(artifacts):
            with contextlib.suppress(NotFound, InvalidParameter):  # deleted meanwhile, or a directory now
                with artifacts.open(path) as download:
                    file = known.link(str(path), download, target) if known else None
                    file = file or _copy(str(path), download, target)
                lines.write(json.dumps(asdict(file)) + "\n")
                count += 1
                done += file.size_bytes
                on_progress("artifacts", done, max(done, total))
    return count, done


def _copy(path: str, download: ArtifactDownload, target: Path) -> ListedFile:
    """Copy the bytes of a file under the name of their checksum, which is known at their end."""
    digest, offset = hashlib.sha256(), 0
    incoming = target / "incoming"
    with incoming.open("wb") as copy:
        while piece := download.read(offset, PIECE_BYTES):
            digest.update(piece)
            copy.write(piece)
            offset += len(piece)
    blob = _blob(target, digest.hexdigest())
    blob.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    incoming.replace(blob)
    return ListedFile(path, offset, digest.hexdigest(), download.file.etag)


def _put_back(backup: Path, file: ListedFile, artifacts: ArtifactStore) -> None:
    path = ArtifactPath(tuple(file.path.split("/")))
    digest = hashlib.sha256()
    try:
        with (
            _blob(backup, file.sha256).open("rb") as blob,
            artifacts.create(path, Declared(file.size_bytes, file.sha256)) as upload,
        ):
            while piece := blob.read(PIECE_BYTES):
                digest.update(piece)
                upload.write(piece)
            if digest.hexdigest() != file.sha256:
                raise InvalidState(
                    f"The backup is damaged: the bytes of {file.path} are not those that were saved."
                )
            upload.commit()
    except FileNotFoundError:
        raise InvalidState(f"The backup is damaged: the bytes of {file.path} are missing.") from None


def _read_list(backup: Path) -> Iterator[ListedFile]:
    with (backup / LIST).open() as lines:
        for line in lines:
            yield ListedFile(**json.loads(line))


def _copy_key(key: Path | None, target: Path | None) -> None:
    """Copy the key of the secrets, if there is one: without it, what the database holds of them is lost."""
    if key is None or target is None or not key.exists():
        return
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.read_bytes())


def _blob(backup: Path, sha256: str) -> Path:
    if _SHA256.fullmatch(sha256) is None:
        raise InvalidState(f"The backup is damaged: {sha256!r} is no checksum.")
    return backup / ARTIFACTS / sha256[:2] / sha256


def _check_sum(file: Path, expected: str) -> None:
    try:
        is_right = _sha256_of(file) == expected
    except FileNotFoundError:
        raise InvalidState(f"The backup is damaged: {file.name} is missing.") from None
    if not is_right:
        raise InvalidState(f"The backup is damaged: {file.name} is not what was saved.")


def _sha256_of(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while piece := content.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
