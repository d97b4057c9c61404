"""Where the data of a dataset lies, and how its files come to this machine."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, unquote, urlsplit

import requests

from runyard.errors import InvalidParameter, NotFound, RunyardError, Unavailable
from runyard.protocol.messages.artifacts import ListProxiedArtifacts, ListProxiedArtifactsAnswer, WireFile
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.data_assets import WireDataSource
from runyard.protocol.messages.datastores import WireDatastoreFile
from runyard.sdk.connection import Connection
from runyard.sdk.data_reference import DataPath, DataReference
from runyard.sdk.datastore import Datastore
from runyard.sdk.datastore_files import DatastoreFiles, has_wildcards
from runyard.sdk.downloads import DownloadProgress, appearing, fetch, receive
from runyard.sdk.many_files import transfer_all
from runyard.sdk.transport import CHUNK_BYTES, CONNECT_TIMEOUT_S, READ_TIMEOUT_S, Answer
from runyard.sdk.uploads import send_file

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"

DataPlaces: TypeAlias = "str | os.PathLike[str] | tuple[Any, str] | DataPath | DataReference | list[Any]"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of a dataset.

    Args:
        name: Its name in the dataset, with slashes between folders.
        fetch: Writes it to a path of this machine, whole or not at all.
        local: Where it lies, if that is on this machine.
    """

    name: str
    fetch: Callable[[Path, DownloadProgress], None]
    local: Path | None = None


class Source(ABC):
    """A place where data lies."""

    @abstractmethod
    def files(self, connection: Connection | None) -> list[DataFile]:
        """Return the files that are there.

        Args:
            connection: Reaches the workspace, where the dataset is one's.

        Raises:
            NotFound: None is.
        """

    @abstractmethod
    def wire(self) -> WireDataSource:
        """Return the place as the server keeps it; what is still to be uploaded has no address."""

    @abstractmethod
    def shown(self) -> str:
        """Return the place in a word or two."""


@dataclass(frozen=True)
class LocalSource(Source):
    """A file, a folder or a pattern of this machine, which is uploaded when the dataset is registered."""

    path: str

    def files(self, connection: Connection | None) -> list[DataFile]:
        """Return the files, in the order of their names."""
        found = sorted(_local_files(self.path))
        if not found:
            raise NotFound(f"There is no file at {self.path!r}.")
        return [DataFile(name, partial(_copy, local), local) for name, local in found]

    def wire(self) -> WireDataSource:
        """Return what the files are, whose place is not known yet."""
        digest = hashlib.sha256()
        for file in self.files(None):
            content = hashlib.sha256()
            with _local(file).open("rb") as opened:
                while piece := opened.read(CHUNK_BYTES):
                    content.update(piece)
            digest.update(f"{len(file.name.encode())} {file.name} {content.hexdigest()}\n".encode())
        return WireDataSource(kind="upload", address="", sha256=digest.hexdigest())

    def shown(self) -> str:
        """Return the place."""
        return self.path

    def upload(self, connection: Connection, folder: str) -> None:
        """Bring the files into a folder of the workspace, several at a time."""

        def send(file: DataFile, progress: DownloadProgress) -> None:
            send_file(connection, _address(f"{folder}/{file.name}"), (), _local(file), progress)

        transfer_all(send, self.files(None))


@dataclass(frozen=True)
class UploadedSource(Source):
    """What was uploaded to the workspace."""

    described: WireDataSource

    def files(self, connection: Connection | None) -> list[DataFile]:
        """Return the files, in the order of their names."""
        if connection is None:
            raise InvalidParameter(
                "What was uploaded is found in its workspace alone: get the dataset there."
            )
        folder = self.described.address
        found = sorted(_uploaded(connection, folder), key=lambda file: file.path)
        if not found:
            raise NotFound(f"What was uploaded to '{folder}' is not there any more.")
        return [DataFile(file.path, partial(_download, connection, folder, file)) for file in found]

    def wire(self) -> WireDataSource:
        """Return the place."""
        return self.described

    def shown(self) -> str:
        """Return the place."""
        return self.described.address


@dataclass(frozen=True)
class UrlSource(Source):
    """A file of the web. This machine fetches it; the server never does."""

    url: str

    def files(self, connection: Connection | None) -> list[DataFile]:
        """Return the one file."""
        parts = urlsplit(self.url)
        name = unquote(parts.path).rstrip("/").rpartition("/")[2] or parts.hostname or "data"
        return [DataFile(name, partial(_fetch, self.url))]

    def wire(self) -> WireDataSource:
        """Return the place."""
        return WireDataSource(kind="url", address=self.url)

    def shown(self) -> str:
        """Return the place."""
        return self.url


@dataclass(frozen=True)
class DatastoreSource(Source):
    """Files in a datastore, of the dataset's workspace or of the one that the datastore was given with."""

    datastore: str
    path: str
    owner: Workspace | None = field(default=None, compare=False, repr=False)

    def files(self, connection: Connection | None) -> list[DataFile]:
        """Return the files that fit the path, by names that begin behind the folder that it names."""
        reaches = connection or (None if self.owner is None else self.owner.connection)
        if reaches is None:
            raise InvalidParameter(
                f"Which workspace is the datastore {self.datastore!r} of? Give the Datastore itself."
            )
        store = DatastoreFiles(reaches, self.datastore)
        found = sorted(store.find(self.path), key=lambda file: file.path)
        if not found:
            raise NotFound(f"There is no file at {self.path!r} in the datastore {self.datastore!r}.")
        kept_from = _kept_from(self.path, [file.path for file in found])
        return [DataFile(file.path[kept_from:], partial(_download_from, store, file)) for file in found]

    def wire(self) -> WireDataSource:
        """Return the place."""
        return WireDataSource(kind="datastore", address=self.path, datastore=self.datastore)

    def shown(self) -> str:
        """Return the place."""
        return f"{self.datastore}:{self.path}"


@dataclass
class Uploads:
    """What a registration has uploaded, to be taken back if nothing comes of it."""

    connection: Connection
    folders: list[str] = field(default_factory=list)

    def take_back(self, kept: frozenset[str] = frozenset()) -> None:
        """Delete what was uploaded, but for the folders that are kept."""
        for folder in self.folders:
            if folder not in kept:
                # What made it come to nothing is what is to be told.
                with contextlib.suppress(RunyardError):
                    self.connection.delete(f"{ARTIFACTS}/{quote(folder)}", Empty(), Empty)


def sources_of(path: DataPlaces, *, validate: bool = True) -> list[Source]:
    """Return the places that somebody names: URLs, paths of this machine, datastores with a path in them.

    Args:
        path: What was given.
        validate: Whether to look if there are files at paths of this machine.

    Raises:
        InvalidParameter: It is none of them.
        NotFound: There is no file at a path.
    """
    given = path if isinstance(path, list) else [path]
    if not given:
        raise InvalidParameter("path is an empty list: name a URL, a path, or a datastore and a path.")
    found = [_source(each) for each in given]
    for source in found:
        if validate and isinstance(source, LocalSource):
            source.files(None)
    return found


def source_of_wire(wire: WireDataSource) -> Source:
    """Return the place that the server keeps."""
    if wire.kind == "url":
        return UrlSource(wire.address)
    if wire.kind == "datastore":
        return DatastoreSource(wire.datastore, wire.address)
    return UploadedSource(wire)


def files_of(sources: list[Source], connection: Connection | None) -> list[DataFile]:
    """Return the files at all places; where two have one name, each place has a folder by its number."""
    of_each = [source.files(connection) for source in sources]
    names = [file.name for files in of_each for file in files]
    if len(set(names)) == len(names):
        return [file for files in of_each for file in files]
    return [
        DataFile(f"{number}/{file.name}", file.fetch, file.local)
        for number, files in enumerate(of_each)
        for file in files
    ]


def _source(given: Any) -> Source:
    if isinstance(given, tuple) and len(given) == 2:
        return _in_datastore(given[0], given[1])
    if isinstance(given, DataPath | DataReference):
        return _in_datastore(given.datastore, given.path_on_datastore or "")
    if not isinstance(given, str | os.PathLike) or not os.fspath(given):
        raise InvalidParameter(
            f"path must be a URL, a path, a datastore and a path in it, or a list of them, not {given!r}."
        )
    text = os.fspath(given)
    if text.lower().startswith(("http://", "https://")):
        return UrlSource(text)
    if _SCHEME.match(text):
        raise InvalidParameter(
            f"{text[:200]!r} is no http(s) URL. Register what holds it as a datastore, and name it so: "
            "(datastore, path)."
        )
    return LocalSource(text)


def _in_datastore(datastore: Any, path: Any) -> DatastoreSource:
    if not isinstance(datastore, str | Datastore) or not isinstance(path, str):
        raise InvalidParameter(f"A datastore and a path in it are expected, not ({datastore!r}, {path!r}).")
    place = path.strip("/") or "**"
    if isinstance(datastore, str):
        return DatastoreSource(datastore, place)
    return DatastoreSource(datastore.name, place, datastore.workspace)


def _local_files(path: str) -> Iterator[tuple[str, Path]]:
    place = Path(path)
    if place.is_file():
        yield place.name, place
    elif place.is_dir():
        for found in place.rglob("*"):
            if found.is_file():
                yield found.relative_to(place).as_posix(), found
    elif glob.has_magic(path):
        root = Path(*_plain_beginning(place))
        for match in glob.iglob(path, recursive=True):
            if Path(match).is_file():
                yield Path(match).relative_to(root).as_posix(), Path(match)


def _plain_beginning(place: Path) -> Iterator[str]:
    for part in place.parts:
        if glob.has_magic(part):
            return
        yield part


def _kept_from(pattern: str, paths: list[str]) -> int:
    """Return where the names of files begin in their paths: behind the folder that a pattern names."""
    if paths == [pattern] or has_wildcards(pattern):
        folder = re.split(r"[*?\[]", pattern, maxsplit=1)[0].rpartition("/")[0]
    else:
        folder = pattern
    return len(folder) + 1 if folder else 0


def _download_from(
    store: DatastoreFiles, file: WireDatastoreFile, target: Path, progress: DownloadProgress
) -> None:
    store.bring(file, target, progress)


def _local(file: DataFile) -> Path:
    if file.local is None:
        raise NotFound(f"{file.name!r} is not on this machine.")
    return file.local


def _copy(local: Path, target: Path, progress: DownloadProgress) -> None:
    with local.open("rb") as opened, appearing(target) as written:
        shutil.copyfileobj(opened, written)


def _uploaded(connection: Connection, root: str) -> Iterator[WireFile]:
    """Yield the files below a folder of the workspace, by their paths below it."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        query = ListProxiedArtifacts(path=f"{root}/{folder}".rstrip("/"))
        for found in connection.get(ARTIFACTS, ListProxiedArtifactsAnswer, query).files or ():
            path = f"{folder}/{found.path}".lstrip("/")
            if found.is_dir:
                waiting.append(path)
            else:
                yield WireFile(path=path, is_dir=False, file_size=found.file_size)


def _download(
    connection: Connection, folder: str, file: WireFile, target: Path, progress: DownloadProgress
) -> None:
    size_bytes = file.file_size or None
    fetch(connection, _address(f"{folder}/{file.path}"), (), target, progress, file.path, size_bytes)


def _address(path: str) -> str:
    return f"{ARTIFACTS}/{quote(path)}"


def _fetch(url: str, target: Path, progress: DownloadProgress) -> None:
    """Get a file of the web; no credential of this machine goes there."""
    shown = url.partition("?")[0]
    try:
        with (
            requests.get(
                url,
                stream=True,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                auth=_no_credential,
                headers={"Accept-Encoding": "identity"},
            ) as response,
            appearing(target) as opened,
        ):
            if response.status_code == requests.codes.not_found:
                raise NotFound(f"There is no file at {shown}.")
            response.raise_for_status()
            body = response.iter_content(CHUNK_BYTES)
            answer = Answer(response.status_code, response.headers, body)
            receive(answer, opened, progress, target.name, None)
    except requests.RequestException as error:
        raise Unavailable(f"{shown} can't be read: {type(error).__name__}") from error


def _no_credential(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep ``requests`` from looking for a password in ``~/.netrc``."""
    return request
