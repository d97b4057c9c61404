"""Files of this machine, and the paths that they get in a datastore."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from runyard.errors import InvalidParameter
from runyard.sdk.arguments import text


def local_pairs(source: Path, target_path: str | None = None) -> list[tuple[Path, str]]:
    """Return the files of a folder, or the one file, each with the path that it gets in a datastore.

    Raises:
        InvalidParameter: Neither a folder nor a file is there.
    """
    if source.is_file():
        return _pairs([source], source.parent, target_path)
    return _pairs(_files_below(source), source, target_path)


def pairs_of_files(
    files: Sequence[str | os.PathLike[str]],
    relative_root: str | os.PathLike[str] | None,
    target_path: str | None,
) -> list[tuple[Path, str]]:
    """Return single files, each with the path that it gets in a datastore.

    Raises:
        InvalidParameter: One is not there, or not below ``relative_root``, or there is none.
    """
    paths = [Path(each).absolute() for each in files]
    missing = next((each for each in paths if not each.is_file()), None)
    if missing is not None:
        raise InvalidParameter(f"files: {missing} is no file of this machine.")
    if not paths:
        raise InvalidParameter("files is empty: name at least one.")
    root = Path(relative_root).absolute() if relative_root is not None else _common_folder(paths)
    return _pairs(paths, root, target_path)


def _files_below(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InvalidParameter(f"src_dir: {folder} is neither a folder nor a file of this machine.")
    found = (Path(above) / name for above, _, names in os.walk(folder) for name in names)
    return sorted(path for path in found if path.is_file())


def _common_folder(paths: Sequence[Path]) -> Path:
    return Path(os.path.commonpath([path.parent for path in paths]))


def _pairs(files: Iterable[Path], root: Path, target_path: str | None) -> list[tuple[Path, str]]:
    if ".." in text(target_path or "", "target_path").split("/"):
        raise InvalidParameter(f"target_path={target_path!r} must be a path in the datastore, without '..'.")
    above = f"{target_path.strip('/')}/" if target_path and target_path.strip("/") else ""
    outside = [each for each in files if not each.is_relative_to(root)]
    if outside:
        raise InvalidParameter(f"relative_root: {outside[0]} does not lie in {root}.")
    return [(each, above + each.relative_to(root).as_posix()) for each in files]
