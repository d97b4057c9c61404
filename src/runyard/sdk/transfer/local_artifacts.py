"""Files of runs on this machine's disk, as far as they lie below the folders that may be read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runyard.sdk.transfer.records import SourceFile
from runyard.sdk.transfer.source import Unreadable, is_sendable

PROXIED_SCHEME = "mlflow-artifacts"


class LocalArtifacts:
    """Finds the files behind the addresses that a store has written down, and no others.

    A store may come from anybody: what it names outside of the roots stays unread, be it by ``..``, an
    absolute path or a link.

    Args:
        roots: The folders that may be read; what an MLflow server kept for its clients lies in the first.
        base: What relative paths are relative to.
        problems: Where it is noted what was left out.
    """

    def __init__(self, roots: Sequence[Path], base: Path, problems: list[str]) -> None:
        self._roots = [root.resolve() for root in roots]
        self._base = base
        self._problems = problems

    def remote_location(self, uri: str) -> str | None:
        """Return the address if it is that of a store elsewhere, as ``s3://…``."""
        scheme = urlsplit(uri).scheme.lower()
        return uri if scheme not in ("", "file", PROXIED_SCHEME) else None

    def files(self, uri: str) -> Iterator[SourceFile]:
        """Yield the regular files below an address, by path.

        Raises:
            Unreadable: It leads out of the roots.
        """
        folder = self._folder(uri)
        for parent, folders, names in os.walk(folder, followlinks=False):
            folders.sort()
            for name in folders:
                if os.path.islink(os.path.join(parent, name)):
                    self._problems.append(f"{parent}/{name} is a link to a folder; it is not followed.")
            for name in sorted(names):
                yield from self._file(folder, Path(parent, name))

    def file(self, uri: str, path: str) -> Path:
        """Return where the file at a path below an address lies.

        Raises:
            Unreadable: There is no regular file, or it leads out of the roots.
        """
        place = self._folder(uri) / path
        resolved = place.resolve()
        if not self._is_inside(resolved) or not resolved.is_file():
            raise Unreadable(f"{place} is no file that can be read.")
        return resolved

    def _file(self, folder: Path, path: Path) -> Iterator[SourceFile]:
        try:
            resolved = path.resolve(strict=True)
            found = resolved.stat()
        except OSError as error:
            self._problems.append(f"{path} can't be read: {error}")
            return
        if not self._is_inside(resolved):
            self._problems.append(f"{path} is a link to a place outside of what may be read.")
            return
        if not stat.S_ISREG(found.st_mode):
            self._problems.append(f"{path} is no regular file.")
            return
        name = path.relative_to(folder).as_posix()
        if not is_sendable(name):
            self._problems.append(f"{path} has a name that is no text of UTF-8; it is left out.")
            return
        yield SourceFile(name, found.st_size, resolved)

    def _folder(self, uri: str) -> Path:
        try:
            resolved = self._place(uri).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise Unreadable(f"{uri[:200]} can't be read: {error}") from error
        if not self._is_inside(resolved):
            raise Unreadable(
                f"{uri[:200]} lies outside of what may be read. "
                "If that is meant, name its folder with --artifacts."
            )
        return resolved

    def _place(self, uri: str) -> Path:
        parts = urlsplit(uri)
        scheme = parts.scheme.lower()
        if scheme == PROXIED_SCHEME:
            if not self._roots:
                raise Unreadable(f"Name the folder of the files behind {uri} with --artifacts.")
            return self._roots[0] / unquote(parts.path).lstrip("/")
        if scheme == "file":
            return Path(unquote(parts.path))
        # A database that has moved still names its files as beside it: they may be in a named folder. A run
        # without files has no folder anywhere.
        beside = [base / uri for base in (self._base, *self._roots)]
        inside = [each for each in beside if self._is_inside(each.resolve())]
        return next((each for each in inside if each.exists()), (inside or beside)[0])

    def _is_inside(self, resolved: Path) -> bool:
        return any(resolved.is_relative_to(root) for root in self._roots)
