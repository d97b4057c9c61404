"""Wheels of the tests' own, so that environments are made for real and without a network."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path


def write_wheel(
    folder: Path, name: str, version: str, requires: Sequence[str] = (), python: str = ""
) -> Path:
    """Write a wheel with one module of that name, which knows its version; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    about = f"{name}-{version}.dist-info"
    wanted = "".join(f"Requires-Dist: {each}\n" for each in requires)
    wanted += f"Requires-Python: {python}\n" if python else ""
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{wanted}",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_hash(text)},{len(text.encode())}\n" for path, text in files.items())
    files[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name_in_it, text in files.items():
            wheel.writestr(name_in_it, text)
    return path


def _hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def only_these(folder: Path) -> dict[str, str]:
    """Return variables by which uv and pip install from a folder of wheels and from nowhere else."""
    return {
        "UV_FIND_LINKS": str(folder),
        "UV_DEFAULT_INDEX": (folder / "no-index").as_uri(),
        "UV_OFFLINE": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "PIP_FIND_LINKS": str(folder),
        "PIP_NO_INDEX": "1",
    }
