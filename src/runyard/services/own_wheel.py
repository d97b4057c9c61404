"""Runyard's own wheel, made of the code that this server runs, for the environments of jobs.

So a job has the SDK of its server's version, with the same fixes, whatever an index has, or if there is none.
What pages are made of stays out: a job shows none.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import os
import secrets
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_MADE = (1980, 1, 1, 0, 0, 0)
"""No time of its own, so that the same code is the same wheel."""
_LEFT_OUT = frozenset({"__pycache__", "studio"})
_WHEEL = "Wheel-Version: 1.0\nGenerator: runyard\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def write_own_wheel(folder: Path) -> Path:
    """Write the wheel below a folder, named by what is in it, and return its path; it may be there."""
    name = f"runyard-{importlib.metadata.version('runyard')}-py3-none-any.whl"
    path = folder / _digest_of_code() / name
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_suffix(f".{secrets.token_hex(4)}.new")
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as wheel:
        for each, content in _files():
            wheel.writestr(zipfile.ZipInfo(each, _MADE), content, zipfile.ZIP_DEFLATED)
    os.replace(written, path)
    return path


@cache
def _digest_of_code() -> str:
    """Return what tells this code from all others; that of a process does not change."""
    return hashlib.sha256(b"".join(name.encode() + content for name, content in _files())).hexdigest()[:16]


def _files() -> Iterator[tuple[str, bytes]]:
    """Yield the files of the wheel by their names in it; the list of all of them comes last, as it must."""
    root = Path(__file__).parent.parent
    rows = []
    for path in sorted(root.rglob("*")):
        if path.is_file() and not _LEFT_OUT.intersection(path.relative_to(root).parts):
            name = f"runyard/{path.relative_to(root).as_posix()}"
            rows.append((name, path.read_bytes()))
    distribution = importlib.metadata.distribution("runyard")
    about = f"runyard-{distribution.version}.dist-info"
    rows += [
        (f"{about}/{name}", (distribution.read_text(name) or "").encode())
        for name in ("METADATA", "entry_points.txt")
    ]
    rows.append((f"{about}/WHEEL", _WHEEL.encode()))
    yield from rows
    lines = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in rows]
    yield f"{about}/RECORD", "\n".join([*lines, f"{about}/RECORD,,", ""]).encode()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
