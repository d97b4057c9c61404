"""The environments of a machine, shared by its jobs: each is made once, however many jobs ask for it."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from runyard.agent.assignment import Environment
from runyard.agent.building import Recipe, build, python_in, recipe_for
from runyard.agent.image_python import ImagePrograms, environment_in
from runyard.agent.inside import Inside
from runyard.agent.interpreters import named_interpreter
from runyard.agent.steps import CannotPrepare, Steps
from runyard.agent.turns import in_turn

READY = "ready"

_PLACE = re.compile(r"env-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Python:
    """What a script runs on.

    Args:
        path: The interpreter.
        activated: Variables that tell programs of its environment.
        inside: The image that it is in; None for the machine itself.
        place: What of the machine it is made of besides; None for nothing.
    """

    path: Path
    activated: Mapping[str, str] = field(default_factory=dict)
    inside: Inside | None = None
    place: Path | None = None


class Making(Protocol):
    """How an environment is made."""

    @property
    def key(self) -> str:
        """A name that no other environment has."""

    def make(self, place: Path) -> None:
        """Make it in a folder that is not there yet."""

    def is_whole(self, place: Path) -> bool:
        """Whether what was made is there, and what it was made of."""

    def python_of(self, place: Path) -> Path:
        """Return its interpreter."""


@dataclass(frozen=True, slots=True)
class OnMachine:
    """Makes an environment on the machine itself.

    Args:
        recipe: What makes it what it is.
        steps: Runs what makes it.
    """

    recipe: Recipe
    steps: Steps

    @property
    def key(self) -> str:
        """A name that no other environment has."""
        return self.recipe.key

    def make(self, place: Path) -> None:
        """Make it in a folder that is not there yet."""
        build(self.recipe, place, self.steps)

    def is_whole(self, place: Path) -> bool:
        """Whether what was made is there, and what it was made of."""
        return python_in(place) is not None

    def python_of(self, place: Path) -> Path:
        """Return its interpreter."""
        return place / "bin" / "python"


class Environments:
    """A folder of environments. Below it each has a folder named by its recipe's key, with a lock in it, the
    environment itself by a name of its own, and, once that is whole, a file that says which it is.

    An environment knows its own path, so it can't be made elsewhere and moved; what a killed agent's programs
    still write can't get into the next one's either.

    Args:
        folder: Where they lie; it is made.
        steps: Runs what makes them.
    """

    def __init__(self, folder: Path, steps: Steps) -> None:
        self._folder = folder
        self._steps = steps

    def python_for(
        self, environment: Environment, code: Path, wheel: Path | None, *, is_azureml: bool
    ) -> Python:
        """Return the Python of an environment of the machine's, made if it is not there.

        An environment that asks for nothing is the agent's own Python as it is.

        Args:
            environment: What is asked for.
            code: The folder of the script.
            wheel: Runyard's own wheel to install too.
            is_azureml: Whether the script's ``azureml`` is Runyard's SDK.

        Raises:
            CannotPrepare: It can't be made, and why.
            Stopped: The agent was told to stop.
            OSError: The folder can't be written.
        """
        if environment.is_user_managed or (environment.is_empty and wheel is None):
            path = named_interpreter(environment.interpreter or "python", code)
            self._steps.say(f"The environment is {path}, as it is.")
            return Python(path)
        making = OnMachine(recipe_for(environment, wheel, self._steps, is_azureml=is_azureml), self._steps)
        place = self.place_of(making)
        return Python(making.python_of(place), {told_by(making.recipe): str(place)})

    def python_inside(
        self, inside: Inside, environment: Environment, wheel: Path | None, *, is_azureml: bool
    ) -> Python:
        """Return the Python of an environment that is in an image, made of the image's if it asks for more.

        Where it asks for nothing and the image has no Python, that is no mistake yet: it may be a command's.

        Raises:
            CannotPrepare: It can't be made, and why.
            Stopped: The agent was told to stop.
            OSError: The folder can't be written.
        """
        programs = ImagePrograms.of(inside)
        if environment.is_user_managed or environment.is_empty:
            name = environment.interpreter or "python"
            found = programs.python(name)
            if found is None and name != "python":
                raise CannotPrepare(f"There is no interpreter {name!r} in the image {inside.image.named}.")
            self._steps.say(f"The environment is the image {inside.image.named}, as it is.")
            return Python(Path(name) if found is None else found.path, inside=inside)
        making = environment_in(programs, environment, wheel, is_azureml=is_azureml)
        place = self.place_of(making)
        told = {told_by(making.recipe): str(making.python_of(place).parents[1])}
        return Python(making.python_of(place), told, inside, place)

    def place_of(self, making: Making) -> Path:
        """Return the folder of an environment, made if it is not there."""
        home = self._folder / making.key
        with in_turn(home, self._steps, "Another job makes this environment; it is waited for."):
            found = _ready_in(home, making)
            if found is not None:
                self._steps.say(f"Environment {making.key} is there already.")
                # So that who clears the folder sees which are in use.
                os.utime(home / READY)
                return found
            self._steps.say(f"Environment {making.key} is made.")
            return self._made(making, home)

    def _made(self, making: Making, home: Path) -> Path:
        _clear(home)
        place = home / f"env-{uuid.uuid4().hex[:8]}"
        try:
            making.make(place)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        if not making.is_whole(place):
            raise CannotPrepare(f"The environment could not be made: it has no {making.python_of(place)}.")
        unfinished = home / f".{READY}"
        unfinished.write_text(place.name, encoding="ascii")
        unfinished.replace(home / READY)
        return place


def _ready_in(home: Path, making: Making) -> Path | None:
    try:
        name = (home / READY).read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    place = home / name
    return place if _PLACE.fullmatch(name) and making.is_whole(place) else None


def _clear(home: Path) -> None:
    """Remove what is not whole, as far as that goes: nobody looks at what stays."""
    (home / READY).unlink(missing_ok=True)
    for place in home.glob("env-*"):
        shutil.rmtree(place, ignore_errors=True)


def told_by(recipe: Recipe) -> str:
    """Return the variable that tells programs where their environment is."""
    return "CONDA_PREFIX" if recipe.conda else "VIRTUAL_ENV"
