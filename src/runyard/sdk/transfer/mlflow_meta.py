"""The small files of a file store of MLflow's: YAML with what a thing is, and one file a tag or a param."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from runyard.sdk.transfer.source import Unreadable, is_sendable

META = "meta.yaml"
MAX_META_BYTES = 32 * 1024 * 1024
MAX_VALUE_BYTES = 1024 * 1024
FINDERS_NOTES = ".DS_Store"  # what macOS leaves in every folder that somebody has looked into

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class MetaFiles:
    """Reads files and folders, and notes what is left out.

    Args:
        problems: Where it is noted.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems

    def values(self, folder: Path) -> dict[str, str]:
        """Return the content of each file below a folder by its path, which is the key."""
        return {key: _value_in(path) for key, path in self.files(folder)}

    def files(self, folder: Path) -> Iterator[tuple[str, Path]]:
        """Yield the regular files below a folder with the keys that their paths are."""
        for parent, folders, names in os.walk(folder, followlinks=False):
            folders.sort()
            for name in sorted(set(names) - {FINDERS_NOTES}):
                path = Path(parent, name)
                key = path.relative_to(folder).as_posix()
                if path.is_symlink() or not path.is_file():
                    self.problems.append(f"{path} is a link or no regular file; it is left out.")
                elif not is_sendable(key):
                    self.problems.append(f"{path} has a name that is no text of UTF-8; it is left out.")
                else:
                    yield key, path

    def folders(self, parent: Path, but: Sequence[str] = ()) -> list[Path]:
        """Return the folders that lie right in a folder, by name; links are not followed."""
        if parent.is_symlink() or not parent.is_dir():
            return []
        found = []
        for entry in sorted(os.scandir(parent), key=lambda each: each.name):
            if entry.is_symlink():
                self.problems.append(f"{entry.path} is a link; it is not followed.")
            elif entry.is_dir() and entry.name not in but:
                found.append(Path(entry.path))
        return found

    def noted(self, read: Any) -> list[Any]:
        """Return what is read, alone; or nothing, if it is broken, which is noted."""
        try:
            return [read()]
        except (Unreadable, OSError, ValueError) as error:
            self.problems.append(str(error))
            return []


def _value_in(path: Path) -> str:
    try:
        return read_limited(path, MAX_VALUE_BYTES).decode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path} is no text of UTF-8.") from error


def meta_in(folder: Path) -> dict[str, Any]:
    """Return what stands in the meta file of a folder.

    Raises:
        Unreadable: It is no YAML, or not of the form that MLflow gives it.
    """
    return yaml_in(folder / META)


def yaml_in(path: Path) -> dict[str, Any]:
    """Return the mapping that stands in a file.

    Raises:
        Unreadable: It is no YAML, or no mapping.
    """
    try:
        content = _Loader(read_limited(path, MAX_META_BYTES)).get_single_data()
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError, ValueError) as error:
        raise Unreadable(f"{path} is no YAML: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(content, dict):
        raise Unreadable(f"{path} is not what MLflow writes.")
    return content


def text_of(meta: dict[str, Any], key: str) -> str:
    """Return a value as text; what is missing is empty."""
    value = meta.get(key)
    return "" if value is None else str(value)


def number_of(meta: dict[str, Any], key: str) -> int | None:
    """Return a value if it is a whole number."""
    value = meta.get(key)
    return value if isinstance(value, int) else None


def read_limited(path: Path, limit: int) -> bytes:
    """Return all of a regular file.

    Raises:
        Unreadable: It is longer than the limit, or no regular file.
    """
    with opened(path) as file:
        content: bytes = file.read(limit + 1)
    if len(content) > limit:
        raise Unreadable(f"{path} is longer than {limit} bytes.")
    return content


def opened(path: Path) -> Any:
    """Open a regular file for reading, not a link.

    Raises:
        Unreadable: It is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unreadable(f"{path} is no regular file.")
    return os.fdopen(descriptor, "rb")
