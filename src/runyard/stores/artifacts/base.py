"""The contract of an artifact store: files below a root, written whole, read in pieces.

Promises that every store keeps:

* A file appears when its upload is committed, whole, and replaces what was there before in one step. Who
  reads meanwhile gets the old bytes or an error, never a mixture. An upload that is not committed leaves
  nothing behind, neither a file nor a directory.
* What was committed survives the end of the process at any moment.
* Memory is bounded: no call holds more of a file than the bytes that it is given or asked for, and the
  few parts that an object store is sent at a time.
* Directories are made by the files in them, and are gone with the last one.
* A store never leads out of its root. It opens, lists and deletes plain files and directories alone; a
  link in the way is answered with ``NotFound`` and never followed.

All calls block, and may be made from any thread; one upload or download is used by one thread at a time.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

from runyard.stores.artifacts.paths import ArtifactPath

_Transfer = TypeVar("_Transfer", bound="_Closing")


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """A file as it was at one moment.

    Args:
        size_bytes: Its length.
        modified_ms: When it was committed, milliseconds since the epoch.
        etag: Changes whenever the content may have; printable ASCII without quotes, or empty.
        sha256: The checksum that its sender declared, in hexadecimal; ``None`` if that is not known.
    """

    size_bytes: int
    modified_ms: int
    etag: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """What the sender of a file says of it before it comes.

    Args:
        size_bytes: Its length. The sizes of the parts that go to an object store depend on it.
        sha256: Its checksum in hexadecimal, which the store keeps beside the file where it can.
    """

    size_bytes: int | None = None
    sha256: str | None = None


NOTHING_DECLARED = Declared()


@dataclass(frozen=True, slots=True)
class ArtifactEntry:
    """One name in a directory; ``size_bytes`` is ``None`` for a directory."""

    name: str
    size_bytes: int | None

    @property
    def is_directory(self) -> bool:
        """Whether this is a directory."""
        return self.size_bytes is None


class _Closing(abc.ABC):
    """What must be closed; ``with`` does it."""

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of what is held; a second call does nothing."""

    def __enter__(self: _Transfer) -> _Transfer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class ArtifactUpload(_Closing):
    """A file on its way in, which nobody sees before :meth:`commit`.

    Closing it before that drops all that was written.
    """

    @abc.abstractmethod
    def write(self, piece: bytes | memoryview) -> None:
        """Append ``piece``.

        Raises:
            StorageFull: There is no room for it.
            TooLarge: The store takes no file of this size.
            Unavailable: The store can't go on.
        """

    @abc.abstractmethod
    def commit(self) -> ArtifactFile:
        """Make the file appear under its path, in place of any that was there.

        Raises:
            InvalidParameter: A directory has this path, or a file has the path of a directory above it.
            StorageFull: There is no room for it.
            Unavailable: The store can't go on.
        """


class ArtifactDownload(_Closing):
    """A file held open: what is read through it is all of one version, the one that ``file`` describes."""

    file: ArtifactFile
    preferred_read_bytes: int
    """How much to ask for at a time to be fast."""

    @abc.abstractmethod
    def read(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Return ``length_bytes`` from ``offset_bytes`` on, or fewer where the file ends.

        Raises:
            Unavailable: The store can't go on reading this version.
        """


class ArtifactStore(abc.ABC):
    """Files by path. See the module for what every store promises."""

    has_directories: bool
    """Whether a directory and a file can't have the same path, as in a file system."""

    is_at_hand: bool
    """Whether a small file is read or written in less time than it takes to ask another thread to do it."""

    @abc.abstractmethod
    def create(self, path: ArtifactPath, declared: Declared = NOTHING_DECLARED) -> ArtifactUpload:
        """Begin to write the file at ``path``.

        Nothing of what is declared is checked; :func:`~runyard.stores.artifacts.checksums.checked` does that.

        Raises:
            InvalidParameter: ``path`` is the root.
            StorageFull: There is no room for it.
        """

    @abc.abstractmethod
    def open(self, path: ArtifactPath) -> ArtifactDownload:
        """Open the file at ``path`` for reading.

        Raises:
            NotFound: Nothing is there.
            InvalidParameter: A directory is there.
        """

    @abc.abstractmethod
    def stat(self, path: ArtifactPath) -> ArtifactFile:
        """Return what is known of the file at ``path`` without reading it.

        Raises:
            NotFound: Nothing is there.
            InvalidParameter: A directory is there.
        """

    @abc.abstractmethod
    def list(self, path: ArtifactPath) -> Sequence[ArtifactEntry]:
        """Return what lies directly in the directory at ``path``, sorted by name.

        Empty for a file, and where nothing is. Names that no caller could ask for are left out.

        Raises:
            NotFound: The path leads over a link.
        """

    @abc.abstractmethod
    def delete(self, path: ArtifactPath) -> None:
        """Remove the file at ``path``, or the directory with all that is in it.

        Nothing happens where nothing is. The root itself stays, emptied.

        Raises:
            NotFound: The path leads over a link, or is one.
        """

    def remove_left_behind(self) -> None:  # noqa: B027 - most services do that by rules of their own
        """Remove what was left of uploads by processes that died."""


class GivesAddresses(abc.ABC):
    """A store whose files can be read at an address of its own, for a while and without a credential."""

    @abc.abstractmethod
    def download_address(self, path: ArtifactPath, valid_s: int) -> str | None:
        """Return an address to read the file at ``path`` from, whether it is there or not.

        ``None`` where the service has none for such a name.

        Raises:
            Unavailable: The store can't make one, for want of the right to or otherwise.
        """


@dataclass(frozen=True, slots=True)
class PartsBegun:
    """An upload in parts that has begun.

    Args:
        upload_id: The service's name for it.
        addresses: Where each part is to be put, the first one first; each is good without a credential.
    """

    upload_id: str
    addresses: Sequence[str]


class TakesParts(abc.ABC):
    """A store to which clients can send the parts of a file themselves.

    Nobody sees the file before it is finished. What is begun and neither finished nor dropped lies in the
    service, unseen, for as long as its own rules say.
    """

    @abc.abstractmethod
    def begin_parts(self, path: ArtifactPath, count: int, valid_s: int) -> PartsBegun | None:
        """Begin an upload of ``count`` parts to ``path``; ``None`` where no addresses can be had.

        Raises:
            InvalidParameter: There may not be so many parts.
            Unavailable: The store can't be reached.
        """

    @abc.abstractmethod
    def parts_size_bytes(self, path: ArtifactPath, upload_id: str, numbers: Sequence[int]) -> int:
        """Return how long a file of these parts is, as far as they have come.

        Raises:
            InvalidParameter: One of them has not come.
            NotFound: There is no such upload.
            Unavailable: The store can't be reached.
        """

    @abc.abstractmethod
    def finish_parts(self, path: ArtifactPath, upload_id: str, etags: Mapping[int, str]) -> ArtifactUpload:
        """Return an upload to which nothing is to be written; to commit it makes the file of its parts.

        Args:
            path: Where the file is to lie.
            upload_id: The service's name for the upload.
            etags: What the service answered for each part, by its number.
        """

    @abc.abstractmethod
    def drop_parts(self, path: ArtifactPath, upload_id: str) -> None:
        """Give up an upload.

        Raises:
            NotFound: There is no such upload.
            Unavailable: The store can't be reached.
        """


class ListsWhole(abc.ABC):
    """A store that lists all files below a directory at once, where a request a directory would take long."""

    @abc.abstractmethod
    def list_whole(self, path: ArtifactPath) -> Iterator[tuple[ArtifactPath, int]]:
        """Yield path and length of each file below ``path``, in any order.

        Names that no caller could ask for are left out.

        Raises:
            Unavailable: The store can't be reached.
        """
