"""The Python of a job in a container: the image's own, or an environment that is made of it beside it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runyard.agent.assignment import Environment
from runyard.agent.building import CONDAS, FAILED, Recipe, build, is_for_uv
from runyard.agent.inside import Around, Inside, Mount
from runyard.agent.packages import Packages, admits, read_packages, translated
from runyard.agent.snapshot import sha256_of
from runyard.agent.steps import CannotPrepare
from runyard.agent.variables import contained, inherited

UV_SEEN_AT = Path("/run/runyard/uv")

_NAMES = ("python", "python3", *CONDAS, "uv")
_FINDS = 'for each; do command -v -- "$each" > /dev/null && echo "$each=$(command -v -- "$each")"; done; true'
_TELLS = "import platform, sys; print(sys.executable); print(platform.python_version())"
_OF_INSTALLERS = re.compile(r"(UV|PIP)_\w+|SSL_CERT_FILE|REQUESTS_CA_BUNDLE")


@dataclass(frozen=True, slots=True)
class ImagePython:
    """A Python in an image.

    Args:
        path: Where it is there; a bare name where the image has no shell to ask.
        version: As ``3.11.7``.
    """

    path: Path
    version: str


@dataclass(frozen=True, slots=True)
class ImagePrograms:
    """What an image has of the programs that environments are made with.

    Args:
        inside: Runs them.
        found: Their paths by their names.
    """

    inside: Inside
    found: Mapping[str, str]

    @classmethod
    def of(cls, inside: Inside) -> ImagePrograms:
        """Look which of them an image has.

        Raises:
            Stopped: The agent was told to stop.
        """
        said = inside.answer(["sh", "-c", _FINDS, "sh", *_NAMES], _plain(inside)) or ""
        pairs = [line.partition("=") for line in said.splitlines()]
        return cls(inside, {name: path for name, _, path in pairs if name in _NAMES and path[:1] == "/"})

    def python(self, name: str) -> ImagePython | None:
        """Return a Python of the image, or None if it is not there: ``python`` may be its ``python3`` too."""
        names = ("python", "python3") if name == "python" else (name,)
        for each in names:
            said = self.inside.answer([self.found.get(each, each), "-I", "-c", _TELLS], _plain(self.inside))
            lines = (said or "").splitlines()
            if len(lines) == 2:
                return ImagePython(Path(lines[0] or each), lines[1])
        return None

    def conda(self) -> str:
        """Return a conda of the image; nothing if it has none."""
        return next((self.found[name] for name in CONDAS if name in self.found), "")


@dataclass(frozen=True, slots=True)
class InImage:
    """Makes an environment in an image, in a folder of the machine that only its containers can use.

    Args:
        inside: Runs what makes it.
        recipe: What makes it what it is.
        uv: The machine's uv; None where the image has one, or pip does it.
    """

    inside: Inside
    recipe: Recipe
    uv: Path | None

    @property
    def key(self) -> str:
        """A name that no other environment has."""
        return self.recipe.key

    def make(self, place: Path) -> None:
        """Make it below a folder that is not there yet.

        Raises:
            CannotPrepare: A step failed.
            Stopped: The agent was told to stop.
        """
        place.mkdir(mode=0o700)
        build(self.recipe, place / "python", _Steps(self.inside, place, self._mounts()))

    def python_of(self, place: Path) -> Path:
        """Return the interpreter of what was made."""
        return place / "python" / "bin" / "python"

    def is_whole(self, place: Path) -> bool:
        """Whether it is there; what its interpreter is a link to is in the image."""
        return os.path.lexists(self.python_of(place))

    def _mounts(self) -> list[Mount]:
        wheel = [Mount(Path(self.recipe.wheel))] if self.recipe.wheel else []
        return [*wheel, *([Mount(self.uv, seen_at=UV_SEEN_AT)] if self.uv else [])]


class _Steps:
    """Runs what makes an environment in the image, where others run it on the machine."""

    def __init__(self, inside: Inside, place: Path, mounts: Sequence[Mount]) -> None:
        variables, files = _for_installers()
        self._inside = inside
        own = {**_plain(inside).variables, **variables}
        self._around = Around(own, [Mount(place, is_writable=True), *mounts, *files])

    def say(self, line: str) -> None:
        self._inside.steps.say(line)

    def run(self, what: str, words: Sequence[str]) -> None:
        self._inside.run(what, words, self._around)


def environment_in(
    programs: ImagePrograms, environment: Environment, wheel: Path | None, *, is_azureml: bool
) -> InImage:
    """Return how an environment is made in an image, and say what of it is done otherwise than asked for.

    Raises:
        CannotPrepare: It can't be made there.
        Stopped: The agent was told to stop.
    """
    inside = programs.inside
    packages = read_packages(environment, is_azureml=is_azureml)
    notes, conda = list(packages.notes), programs.conda() if packages.conda else ""
    lines: list[str] = []
    python = None if conda else programs.python("python")
    if not conda:
        _check(python, packages, inside)
        lines, more = translated(packages.conda)
        notes += more
        packages = replace(packages, conda=(), pip=(*lines, *packages.pip))
    for note in notes:
        inside.steps.say(note)
    uv, mounted = _uv(programs) if is_for_uv(packages.pip) else ((), None)
    beside = ("pip",) if conda and not uv else ()
    recipe = Recipe(
        python="" if python is None else str(python.path),
        version="" if python is None else python.version,
        uv=uv,
        conda=conda,
        channels=environment.channels if conda else (),
        packages=(f"python{packages.python}", *packages.conda, *beside) if conda else (),
        pip=packages.pip,
        wheel="" if wheel is None else str(wheel),
        wheel_sha256="" if wheel is None else sha256_of(wheel),
        image=inside.image.image_id,
        for_conda=tuple(lines),
    )
    return InImage(inside, recipe, mounted)


def _check(python: ImagePython | None, packages: Packages, inside: Inside) -> None:
    if python is None:
        raise CannotPrepare(
            f"{FAILED}: there is no Python in the image {inside.image.named}. Take one that has it, as "
            "`python:3.11-slim`."
        )
    if not admits(packages.python, python.version):
        raise CannotPrepare(
            f"{FAILED}: the image {inside.image.named} has Python {python.version}, and {packages.python} is "
            "asked for. Take another image, or leave the version out."
        )


def _uv(programs: ImagePrograms) -> tuple[tuple[str, ...], Path | None]:
    """Return how uv is called in an image, and the machine's own if that is what is called there."""
    if "uv" in programs.found:
        return (programs.found["uv"],), None
    beside = str(Path(sys.executable).parent)
    found = shutil.which("uv") or shutil.which("uv", path=beside)
    if found is None:
        return (), None
    mounts = [Mount(Path(found).resolve(), seen_at=UV_SEEN_AT)]
    around = replace(_plain(programs.inside), mounts=mounts)
    # It may be for another C library than the image's.
    if programs.inside.answer([str(UV_SEEN_AT), "--version"], around) is None:
        return (), None
    return (str(UV_SEEN_AT),), mounts[0].path


def _plain(inside: Inside) -> Around:
    return Around(contained(inside.image.variables, Path("/tmp")))


def _for_installers() -> tuple[dict[str, str], list[Mount]]:
    """Return what pip and uv are told on this machine, and the files that this names.

    Folders that it names stay out of it, as caches do: what is in them is not this image's.
    """
    variables, files = {"UV_LINK_MODE": "copy", "UV_PYTHON_DOWNLOADS": "never"}, {}
    for name, value in inherited().items():
        if not _OF_INSTALLERS.fullmatch(name):
            continue
        if value.startswith("/"):
            if not Path(value).is_file():
                continue
            files[value] = Mount(Path(value).resolve(), seen_at=Path(value))
        variables[name] = value
    return variables, list(files.values())
