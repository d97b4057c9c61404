"""The files of a datastore: listed, sent and brought to this machine, several at a time."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from runyard.errors import AlreadyExists, InvalidParameter, NotFound
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.datastores import (
    ListDatastoreFiles,
    ListDatastoreFilesAnswer,
    WireDatastoreFile,
)
from runyard.sdk.addresses import one_segment
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import Connection
from runyard.sdk.downloads import DownloadProgress, fetch, path_below
from runyard.sdk.many_files import transfer_all
from runyard.sdk.pages import pages
from runyard.sdk.uploads import send_file

_PAGE = 1000
_GLOB = re.compile(r"[*?\[]")
Pair = TypeVar("Pair")


@names_arguments
@dataclass(frozen=True, slots=True)
class Transferred:
    """What an upload or a download came to.

    Args:
        files: How many files were transferred.
        size_bytes: How large they are together.
        skipped: The paths in the datastore of those that were there already.

    Example:
        >>> store.send([(Path("data/a.csv"), "raw/a.csv")])
        Transferred(files=1, size_bytes=8, skipped=())
    """

    files: int
    size_bytes: int
    skipped: tuple[str, ...]


@names_arguments
class DatastoreFiles:
    """What a datastore knows about its files.

    Args:
        connection: Reaches the datastore's workspace.
        name: The datastore's name.

    Example:
        >>> place = store.upload("data", target_path="raw")
        >>> [each.path for each in store.files.walk()]
        ['raw/a.csv', 'raw/b.csv']
    """

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._base = f"/api/v1/datastores/{one_segment(name, 'datastore_name')}/files"

    def list(self, path: str = "") -> Iterator[WireDatastoreFile]:
        """Yield what lies directly in a folder, sorted by name; of a file, the file itself.

        Raises:
            NotFound: Nothing is there.

        Example:
            >>> place = store.upload("data", target_path="raw")
            >>> [(each.path, each.is_dir) for each in store.files.list()]
            [('raw', True)]
        """

        def ask(token: str | None) -> ListDatastoreFilesAnswer:
            query = ListDatastoreFiles(path=path, max_results=_PAGE, page_token=token or "")
            return self._connection.get(self._base, ListDatastoreFilesAnswer, query)

        for page in pages(ask):
            yield from page.files

    def walk(self, path: str = "") -> Iterator[WireDatastoreFile]:
        """Yield all files below a folder, or the one file that the path names.

        Raises:
            NotFound: Nothing is there.

        Example:
            >>> place = store.upload("data", target_path="raw")
            >>> [each.path for each in store.files.walk("raw")]
            ['raw/a.csv', 'raw/b.csv']
        """
        yield from self._walked(self.list(path), path)

    def _walked(self, found: Iterable[WireDatastoreFile], path: str) -> Iterator[WireDatastoreFile]:
        folders = []
        for each in found:
            if not each.is_dir:
                yield each
            # A server that lists a folder inside itself must not keep us walking for ever.
            elif len(each.path) > len(path):
                folders.append(each.path)
        for folder in folders:
            with contextlib.suppress(NotFound):  # it went while we looked elsewhere
                yield from self._walked(self.list(folder), folder)

    def find(self, pattern: str) -> Iterator[WireDatastoreFile]:
        """Yield the files whose paths fit a pattern, or that lie below the folder that it names.

        ``*`` and ``?`` stand for characters within a name, ``**`` for any number of folders.

        Example:
            >>> place = store.upload("data", target_path="raw")
            >>> [each.path for each in store.files.find("**/b.*")]
            ['raw/b.csv']
        """
        pattern = pattern.strip("/")
        if not has_wildcards(pattern):
            yield from self.walk(pattern)
            return
        plain = _GLOB.split(pattern, maxsplit=1)[0].rpartition("/")[0]
        fits = as_regex(pattern)
        yield from (found for found in self.walk(plain) if fits.fullmatch(found.path))

    def has_file(self, path: str) -> bool:
        """Whether there is a file at this path.

        Example:
            >>> store.files.has_file("raw/a.csv")
            False
        """
        try:
            return any(found.path == path and not found.is_dir for found in self.list(path))
        except NotFound:
            return False

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it, for good.

        Raises:
            InvalidParameter: The path is that of the datastore's root.

        Example:
            >>> place = store.upload("data", target_path="raw")
            >>> store.files.delete("raw")
            >>> list(store.files.walk())
            []
        """
        self._connection.delete(self._address(path), Empty(), Empty)

    def upload(
        self, pairs: Sequence[tuple[Path, str]], *, overwrite: bool, show_progress: bool
    ) -> Transferred:
        """Send files to their paths in the datastore, several at a time; each appears there when it is whole.

        Raises:
            InvalidParameter: Two files would get one path.
            OSError: A file can't be read.

        Example:
            >>> pairs = [(Path("data/a.csv"), "raw/a.csv")]
            >>> store.files.upload(pairs, overwrite=False, show_progress=False).files
            1
        """
        _check_apart([path for _, path in pairs])
        query = (("overwrite", "true"),) if overwrite else ()

        def send(pair: tuple[Path, str], progress: DownloadProgress) -> int | None:
            local, path = pair
            if not overwrite and self.has_file(path):
                return None
            try:
                return send_file(self._connection, self._address(path), query, local, progress)
            except AlreadyExists:  # somebody was faster
                return None

        return _all(send, pairs, [path for _, path in pairs], show_progress)

    def download(
        self, pattern: str, folder: Path, *, overwrite: bool, show_progress: bool, kept_from: str = ""
    ) -> Transferred:
        """Bring files below a folder of this machine; each appears there when it is whole.

        No name that a server sends leads out of the folder.

        Args:
            pattern: Which files; see :meth:`find`.
            folder: Where to.
            overwrite: Whether to replace files that are there; else they are left as they are.
            show_progress: Whether to show bars, where a person watches.
            kept_from: The folder of the datastore whose path is left out of the names.

        Example:
            >>> place = store.upload("data", target_path="raw")
            >>> here = Path("here")
            >>> brought = store.files.download("raw/*.csv", here, overwrite=False, show_progress=False)
            >>> brought.files, brought.size_bytes
            (2, 16)
        """
        found = list(self.find(pattern))
        cut = len(kept_from) + 1 if kept_from else 0
        targets = [path_below(folder, each.path[cut:]) for each in found]

        def bring(pair: tuple[WireDatastoreFile, Path], progress: DownloadProgress) -> int | None:
            file, target = pair
            if target.exists() and not overwrite:
                return None
            return self.bring(file, target, progress)

        pairs = list(zip(found, targets, strict=True))
        return _all(bring, pairs, [each.path for each in found], show_progress)

    def bring(self, file: WireDatastoreFile, target: Path, progress: DownloadProgress) -> int:
        """Write one file to ``target``, where it appears when it is whole, and return its length.

        Raises:
            NotFound: It is not there any more.

        Example:
            >>> from runyard.sdk.downloads import DownloadProgress
            >>> place = store.upload("data", target_path="raw")
            >>> (first, second) = store.files.walk()
            >>> with DownloadProgress() as progress:
            ...     store.files.bring(first, Path("here.csv"), progress)
            8
        """
        address = self._address(file.path)
        return fetch(self._connection, address, (), target, progress, file.path, file.size_bytes)

    def _address(self, path: str) -> str:
        segments = [segment for segment in path.split("/") if segment not in ("", ".")]
        if not segments:
            raise InvalidParameter("Name a file or a folder of the datastore, not its root.")
        return "/".join([self._base, *(one_segment(segment, "path") for segment in segments)])


def has_wildcards(pattern: str) -> bool:
    """Whether a path stands for several."""
    return _GLOB.search(pattern) is not None


def as_regex(pattern: str) -> re.Pattern[str]:
    """Return what a path must be to fit a pattern of ``*``, ``?``, ``[...]`` and ``**``."""
    written = ""
    for piece in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]/]+\]|.", pattern, re.DOTALL):
        written += {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(piece) or (
            _one_of(piece) if len(piece) > 1 else re.escape(piece)
        )
    return re.compile(written, re.DOTALL)


def _one_of(piece: str) -> str:
    inside = piece[1:-1]
    is_not = inside[:1] == "!"
    escaped = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside[is_not:])
    return f"[{'^' if is_not else ''}{escaped}]"


def _all(
    transfer: Callable[[Pair, DownloadProgress], int | None],
    pairs: Sequence[Pair],
    paths: Sequence[str],
    show_progress: bool,
) -> Transferred:
    """Transfer files, and say what came of it."""
    sizes = transfer_all(transfer, pairs, is_shown=show_progress)
    done = [size for size in sizes if size is not None]
    skipped = tuple(path for path, size in zip(paths, sizes, strict=True) if size is None)
    return Transferred(len(done), sum(done), skipped)


def _check_apart(paths: Sequence[str]) -> None:
    seen: set[str] = set()
    for path in paths:
        if path in seen:
            raise InvalidParameter(f"Two files would be uploaded to {path!r}: name another relative_root.")
        seen.add(path)
