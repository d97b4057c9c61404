"""Which Python a job runs on: one that is there, or one of the wanted version that can be found."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runyard.agent.packages import admits
from runyard.agent.steps import CannotPrepare, Steps

# Newest first: of several that are as good, the newest is taken.
_MINOR_VERSIONS = range(20, 6, -1)
_TELLS_VERSION = "import platform; print(platform.python_version())"
_ALLOWED = ("automatic", "true", "1")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python of this machine.

    Args:
        path: Its program.
        version: As ``3.11.7``.
    """

    path: Path
    version: str


def uv_words() -> tuple[str, ...]:
    """Return how uv is called here; nothing if it is not there."""
    found = shutil.which("uv")
    if found is not None:
        return (found,)
    return (sys.executable, "-m", "uv") if importlib.util.find_spec("uv") is not None else ()


def named_interpreter(name: str, code: Path) -> Path:
    """Return the interpreter that an environment names, as it is.

    ``python`` and ``python3`` are the Python of the environment that is activated where the agent was
    started; without one, the Python that the agent itself runs on. So what is installed beside the server is
    there for its jobs. A name with a slash in it is a path, below the code if it does not begin with one;
    other names are looked for as a shell does.

    Raises:
        CannotPrepare: There is no such program.
    """
    if name in ("python", "python3"):
        activated = os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX")
        if activated and (found := shutil.which(name, path=str(Path(activated, "bin")))):
            return Path(found)
        return Path(sys.executable)
    path = os.path.expanduser(name)
    if "/" in path:
        path = str(code / path)
    found = shutil.which(path)
    if found is None:
        raise CannotPrepare(
            f"There is no interpreter {name!r} on the machine of the job. Name one that is there, or let the "
            "environment be made: list its packages, and leave user_managed_dependencies off."
        )
    return Path(found)


def wanted_interpreter(wanted: str, uv: Sequence[str], steps: Steps) -> Interpreter | None:
    """Return a Python of a version that a specifier names, or None: the agent's own first, then the newest.

    None is downloaded, unless ``UV_PYTHON_DOWNLOADS=automatic`` lets uv do that.

    Raises:
        Stopped: The agent was told to stop.
    """
    own = ".".join(str(each) for each in sys.version_info[:3])
    if admits(wanted, own):
        return Interpreter(Path(sys.executable), own)
    for minor in _MINOR_VERSIONS:
        path = shutil.which(f"python3.{minor}")
        found = None if path is None else _of(Path(path), steps)
        if found is not None and admits(wanted, found.version):
            return found
    return _of_uv(wanted, uv, steps) if uv else None


def _of_uv(wanted: str, uv: Sequence[str], steps: Steps) -> Interpreter | None:
    find = (*uv, "python", "find", "--no-project", "--system", "--no-python-downloads", wanted)
    path = steps.answer(find)
    if path is None and os.environ.get("UV_PYTHON_DOWNLOADS", "").lower() in _ALLOWED:
        steps.run(f"Python {wanted} could not be installed", (*uv, "python", "install", wanted))
        path = steps.answer(find)
    return None if path is None else _of(Path(path), steps)


def _of(path: Path, steps: Steps) -> Interpreter | None:
    version = steps.answer([str(path), "-I", "-c", _TELLS_VERSION])
    return Interpreter(path, version) if version and re.fullmatch(r"\d+\.\d+\.\d+\S*", version) else None
