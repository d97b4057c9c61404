"""Files that name the packages of an environment: requirements of pip, and locks as Python has them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import msgspec

from runyard.decoding import learnt
from runyard.errors import InvalidParameter
from runyard.sdk.yaml_text import read_small_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LOCK = re.compile(r"pylock(\.[^.]+)?\.toml")
_OTHERS = {
    "uv.lock": "uv export -o requirements.txt",
    "poetry.lock": "poetry export -o requirements.txt",
    "pdm.lock": "pdm export -o requirements.txt",
    "Pipfile.lock": "pipenv requirements > requirements.txt",
}
_OF_A_PROJECT = re.compile(r"\b(extras|dependency_groups)\b")


class _File(msgspec.Struct):
    """A file of a package, known by its hashes."""

    hashes: dict[str, str] = {}
    url: str = ""


class _Repository(msgspec.Struct, rename="kebab"):
    type: str
    commit_id: str
    url: str = ""
    subdirectory: str = ""


class _Package(msgspec.Struct):
    name: str
    version: str = ""
    marker: str = ""
    vcs: _Repository | None = None
    directory: dict[str, Any] | None = None
    archive: _File | None = None
    sdist: _File | None = None
    wheels: list[_File] = []


class _Lock(msgspec.Struct, rename="kebab"):
    lock_version: str
    packages: list[_Package] = []


def read_requirements(path: str | os.PathLike[str]) -> list[str]:
    """Return the lines of a file of requirements, or what a `pylock.toml` locks, as such lines with hashes.

    Raises:
        NotFound: The file is not there.
        InvalidParameter: It is a lock that can't be read; the message says what makes a file of it that can.
    """
    name = Path(path).name
    if name in _OTHERS:
        raise InvalidParameter(
            f"{name} is a lock of its tool's own. Write it as one of pip's: {_OTHERS[name]}"
        )
    text = read_small_file(path)
    if _LOCK.fullmatch(name) is None:
        return text.replace("\\\n", " ").splitlines()
    try:
        lock = msgspec.convert(tomllib.loads(text), learnt(_Lock))
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InvalidParameter(f"{name} is no lock of packages: {error}") from None
    if not lock.lock_version.startswith("1."):
        raise InvalidParameter(f"{name} is a lock of version {lock.lock_version}; only 1.0 is known.")
    return [_requirement(each) for each in lock.packages]


def _requirement(package: _Package) -> str:
    if package.directory is not None:
        raise InvalidParameter(
            f"The lock has {package.name!r} from a folder of this machine, which no job has."
        )
    if _OF_A_PROJECT.search(package.marker):
        raise InvalidParameter(
            f"The lock has {package.name!r} only with extras or groups of a project; lock what the job needs."
        )
    marker = f" ; {package.marker}" if package.marker else ""
    return f"{package.name}{_place(package)}{marker}{_hashes(package)}"


def _place(package: _Package) -> str:
    if package.vcs is not None:
        vcs = package.vcs
        below = f"#subdirectory={vcs.subdirectory}" if vcs.subdirectory else ""
        return f" @ {vcs.type}+{vcs.url}@{vcs.commit_id}{below}"
    if package.archive is not None:
        return f" @ {package.archive.url}"
    if not package.version:
        raise InvalidParameter(f"The lock has {package.name!r} without a version.")
    return f"=={package.version}"


def _hashes(package: _Package) -> str:
    files = [*package.wheels, *filter(None, (package.sdist, package.archive))]
    found = sorted({f"{kind}:{digest}" for file in files for kind, digest in file.hashes.items()})
    return "".join(f" --hash={each}" for each in found)
