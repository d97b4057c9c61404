"""Making an environment: by uv, by Python's own venv and pip, or by a conda."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

from runyard.agent.assignment import Environment
from runyard.agent.interpreters import uv_words, wanted_interpreter
from runyard.agent.packages import Packages, read_packages, translated
from runyard.agent.snapshot import sha256_of
from runyard.agent.steps import CannotPrepare, Steps

FAILED = "The environment could not be made"
CONDAS = ("micromamba", "mamba", "conda")
NAMED_PACKAGES = 5

# What uv takes of the options that a file of requirements may have.
_OPTIONS_OF_UV = frozenset(
    {
        *("-i", "--index-url", "--extra-index-url", "-f", "--find-links"),
        *("--no-index", "--no-binary", "--only-binary", "--require-hashes"),
    }
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that makes an environment what it is. The same recipe is the same environment.

    Args:
        python: The interpreter that it is made of; empty where conda brings one.
        version: Of that interpreter.
        uv: How uv is called; nothing where pip does it.
        conda: The program that makes it; empty where none does.
        channels: Where that looks.
        packages: What that installs.
        pip: Lines as in a file of requirements.
        wheel: Runyard's own wheel; empty for none.
        wheel_sha256: What is in it.
        image: The image that all of this is in; empty for the machine itself.
        for_conda: Which lines of ``pip`` stand for what a conda would install, where there is none.
    """

    python: str
    version: str
    uv: tuple[str, ...]
    conda: str
    channels: tuple[str, ...]
    packages: tuple[str, ...]
    pip: tuple[str, ...]
    wheel: str
    wheel_sha256: str
    image: str = ""
    for_conda: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """A name that no other environment has; where the wheel lies is no part of it."""
        content = asdict(self) | {"wheel": Path(self.wheel).name}
        del content["for_conda"]  # it is in `pip`
        if not self.image:
            del content["image"]  # the environments that a machine has keep their names
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:24]


def recipe_for(environment: Environment, wheel: Path | None, steps: Steps, *, is_azureml: bool) -> Recipe:
    """Return how an environment is made on this machine, and say what of it is done otherwise than asked for.

    Raises:
        CannotPrepare: It can't be made here.
        Stopped: The agent was told to stop.
    """
    packages = read_packages(environment, is_azureml=is_azureml)
    for note in packages.notes:
        steps.say(note)
    uv = uv_words() if is_for_uv(packages.pip) else ()
    conda = _conda()
    found = wanted_interpreter(packages.python, uv, steps)
    if conda and (packages.conda or found is None):
        return _recipe(environment, packages, wheel, uv, conda=conda)
    if found is None:
        raise CannotPrepare(
            f"There is no Python {packages.python} on the machine of the job. Ask for another version, "
            "install it there, or let one get it: micromamba on the path of the agent, or uv with "
            "UV_PYTHON_DOWNLOADS=automatic among the agent's variables."
        )
    lines, notes = translated(packages.conda)
    for note in notes:
        steps.say(note)
    whole = Packages(packages.python, (), (*lines, *packages.pip), ())
    recipe = _recipe(environment, whole, wheel, uv, python=(str(found.path), found.version))
    return replace(recipe, for_conda=tuple(lines))


def _conda() -> str:
    # In a shell `conda` is a function, and the program is not on the path.
    names = (*CONDAS, os.environ.get("CONDA_EXE", ""))
    return next((path for name in names if name and (path := shutil.which(name))), "")


def _recipe(
    environment: Environment,
    packages: Packages,
    wheel: Path | None,
    uv: tuple[str, ...],
    *,
    conda: str = "",
    python: tuple[str, str] = ("", ""),
) -> Recipe:
    interpreter = f"python{packages.python}" if conda else ""
    beside = ("pip",) if conda and not uv else ()
    return Recipe(
        python=python[0],
        version=python[1],
        uv=uv,
        conda=conda,
        channels=environment.channels if conda else (),
        packages=(interpreter, *packages.conda, *beside) if conda else (),
        pip=packages.pip,
        wheel="" if wheel is None else str(wheel),
        wheel_sha256="" if wheel is None else sha256_of(wheel),
    )


class Runner(Protocol):
    """Runs what makes an environment, on the machine or in an image."""

    def say(self, line: str) -> None:
        """Put a line into the log."""

    def run(self, what: str, words: Sequence[str]) -> None:
        """Run a program to its end; ``CannotPrepare`` says that it failed."""


def build(recipe: Recipe, folder: Path, steps: Runner) -> None:
    """Make an environment in a folder that is not there yet; what is printed goes into the log.

    Raises:
        CannotPrepare: A step failed.
        Stopped: The agent was told to stop.
    """
    if recipe.conda:
        channels = [word for channel in recipe.channels for word in ("-c", channel)]
        only = ["--override-channels"] if recipe.channels else []
        made = [recipe.conda, "create", "-y", "-p", str(folder), *only, *channels, *recipe.packages]
    elif recipe.uv:
        made = [*recipe.uv, "venv", "--no-project", "--python", recipe.python, str(folder)]
    else:
        if not uv_words():
            steps.say("pip makes the environment; with uv on the machine of the job it would take seconds.")
        made = [recipe.python, "-m", "venv", str(folder)]
    steps.run(FAILED, made)
    wanted = _wanted(recipe, folder)
    if wanted:
        _install(recipe, [*_installer(recipe, folder), *wanted], steps)


def _install(recipe: Recipe, words: Sequence[str], steps: Runner) -> None:
    try:
        steps.run(FAILED, words)
    except CannotPrepare as failed:
        # The installer knows nothing of a conda.
        named = [line for line in recipe.for_conda if re.split(r"[^\w.-]", line)[0] in str(failed)]
        if not named:
            raise
        asked = ", ".join(named[:NAMED_PACKAGES])
        raise CannotPrepare(f"{failed} There is no conda here, so {asked} was asked of pip.") from failed


def _installer(recipe: Recipe, folder: Path) -> list[str]:
    python = str(folder / "bin" / "python")
    if recipe.uv:
        return [*recipe.uv, "pip", "install", "--python", python]
    return [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]


def _wanted(recipe: Recipe, folder: Path) -> list[str]:
    words: list[str] = []
    if recipe.pip:
        requirements = folder / "requirements.txt"
        requirements.write_text("".join(f"{line}\n" for line in recipe.pip), encoding="utf-8")
        words += ["-r", str(requirements)]
    return [*words, recipe.wheel] if recipe.wheel else words


def is_for_uv(lines: Sequence[str]) -> bool:
    """Whether uv takes these lines: it knows fewer options than pip."""
    options = {re.split(r"[=\s]", line.strip())[0] for line in lines if line.lstrip().startswith("-")}
    return options <= _OPTIONS_OF_UV


def python_in(folder: Path) -> Path | None:
    """Return the interpreter of an environment, or None if it is gone, or what it was made of is."""
    python = folder / "bin" / "python"
    return python if os.access(python, os.X_OK) else None
