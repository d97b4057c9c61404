"""Which files are the code of a script: sources, not data, and not what holds secrets."""

from __future__ import annotations

import fnmatch
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runyard.sdk.script.git_state import listed_files, make_git_folder

MAX_FILE_BYTES = 1_000_000
MAX_ALL_BYTES = 10_000_000
MAX_FILES = 500
MAX_SEEN = 20_000

_SOURCES = (
    *(
        ".bash",
        ".cfg",
        ".go",
        ".ini",
        ".ipynb",
        ".java",
        ".jl",
        ".js",
        ".md",
        ".proto",
        ".py",
        ".pyi",
        ".pyx",
    ),
    *(".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp", ".r", ".rs", ".scala", ".sh", ".sql", ".toml", ".ts"),
    *(".yaml", ".yml"),
)
_ALSO = ("Dockerfile*", "Makefile", "MLproject", "requirements*.txt", "constraints*.txt")
_SECRET = ("*secret*", "*credential*", "*password*", "*.pem", "*.key", ".env*", ".netrc")
_SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "node_modules", "site-packages", "mlruns", "artifacts", "build", "dist"}
)


@dataclass(slots=True)
class CodeFiles:
    """The files that are kept, and why others are not.

    Args:
        folder: What their names are relative to.
        names: The files.
        left_out: Sources that are too large or too many, each with the reason.
    """

    folder: Path
    names: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def find_code(folder: Path, first: str = "") -> CodeFiles:
    """Return the sources below a folder: those that git would track, or all that are not hidden.

    Args:
        folder: Where to look.
        first: The script itself, which is kept before all others, whatever it is called.
    """
    found = CodeFiles(folder)
    room = MAX_ALL_BYTES
    for name in _in_order(_candidates(folder), first):
        size = _size(folder / name)
        if size is None:
            continue
        if size > MAX_FILE_BYTES:
            found.left_out.append(f"{name}: {size} bytes, and the limit is {MAX_FILE_BYTES}")
        elif len(found.names) >= MAX_FILES or size > room:
            found.left_out.append(
                f"{name}: the limit is {MAX_FILES} files with {MAX_ALL_BYTES} bytes together"
            )
        else:
            found.names.append(name)
            room -= size
    return found


def is_source(name: str) -> bool:
    """Tell whether a file is code by its name, and not one that looks like it holds secrets."""
    base = os.path.basename(name)
    if any(fnmatch.fnmatch(base.lower(), pattern) for pattern in _SECRET):
        return False
    return os.path.splitext(base)[1].lower() in _SOURCES or any(
        fnmatch.fnmatch(base, pattern) for pattern in _ALSO
    )


def _in_order(names: Iterable[str], first: str) -> Iterator[str]:
    if first:
        yield first
    # What lies near the script is what it most likely needs.
    near = sorted((name for name in names if name != first and is_source(name)), key=_depth)
    yield from near


def _depth(name: str) -> tuple[int, str]:
    return name.count("/"), name


def _candidates(folder: Path) -> list[str]:
    listed = listed_files(folder)
    if listed is not None:
        return listed
    with tempfile.TemporaryDirectory() as temporary:
        git_folder = Path(temporary) / "asking"
        # Git would walk a whole home folder, and say nothing before its end.
        if (folder / ".gitignore").is_file() and make_git_folder(git_folder):
            listed = listed_files(folder, git_folder=git_folder / ".git")
    return _walked(folder) if listed is None else listed


def _walked(folder: Path) -> list[str]:
    names: list[str] = []
    for below, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_entered(Path(below) / name))
        names += [(Path(below) / name).relative_to(folder).as_posix() for name in files if name[0] != "."]
        if len(names) > MAX_SEEN:
            break
    return names


def _is_entered(folder: Path) -> bool:
    return not (
        folder.name.startswith(".") or folder.name in _SKIPPED_FOLDERS or (folder / "pyvenv.cfg").exists()
    )


def _size(path: Path) -> int | None:
    """Return the size of a plain file; what a link leads to may be no code of this folder."""
    try:
        return path.stat().st_size if path.is_file() and not path.is_symlink() else None
    except OSError:
        return None
