"""The environments of a machine, shared by its jobs: each is made once, however many jobs ask for it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runyard.agent.assignment import Environment
from runyard.agent.building import Recipe, build, python_in, recipe_for
from runyard.agent.interpreters import named_interpreter
from runyard.agent.steps import CannotPrepare, Steps

READY = "ready"
LOOKS_EVERY_S = 0.2

_PLACE = re.compile(r"env-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Python:
    """What a script runs on.

    Args:
        path: The interpreter.
        activated: Variables that tell programs of its environment.
    """

    path: Path
    activated: Mapping[str, str] = field(default_factory=dict)


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
        """Return the Python of an environment, made if it is not there.

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
        if environment.container:
            raise CannotPrepare(
                f"The environment names {environment.container}, and this version of Runyard runs jobs "
                "without containers. Take docker out of it, and list its packages instead."
            )
        if environment.is_user_managed or (environment.is_empty and wheel is None):
            path = named_interpreter(environment.interpreter or "python", code)
            self._steps.say(f"The environment is {path}, as it is.")
            return Python(path)
        recipe = recipe_for(environment, wheel, self._steps, is_azureml=is_azureml)
        place = self._place_of(recipe)
        return Python(place / "bin" / "python", {_told_by(recipe): str(place)})

    def _place_of(self, recipe: Recipe) -> Path:
        home = self._folder / recipe.key
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked(home):
            found = _ready_in(home)
            if found is not None:
                self._steps.say(f"Environment {recipe.key} is there already.")
                # So that who clears the folder sees which are in use.
                os.utime(home / READY)
                return found
            self._steps.say(f"Environment {recipe.key} is made.")
            return self._made(recipe, home)

    def _made(self, recipe: Recipe, home: Path) -> Path:
        _clear(home)
        place = home / f"env-{uuid.uuid4().hex[:8]}"
        try:
            build(recipe, place, self._steps)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        if python_in(place) is None:
            raise CannotPrepare(f"The environment could not be made: it has no {place / 'bin' / 'python'}.")
        unfinished = home / f".{READY}"
        unfinished.write_text(place.name, encoding="ascii")
        unfinished.replace(home / READY)
        return place

    @contextlib.contextmanager
    def _locked(self, home: Path) -> Iterator[None]:
        with (home / "lock").open("w", encoding="ascii") as lock:
            is_said = False
            while not _is_taken(lock.fileno()):
                if not is_said:
                    self._steps.say("Another job makes this environment; it is waited for.")
                is_said = True
                self._steps.pause(LOOKS_EVERY_S)
            yield


def _is_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ready_in(home: Path) -> Path | None:
    try:
        name = (home / READY).read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    place = home / name
    return place if _PLACE.fullmatch(name) and python_in(place) is not None else None


def _clear(home: Path) -> None:
    """Remove what is not whole, as far as that goes: nobody looks at what stays."""
    (home / READY).unlink(missing_ok=True)
    for place in home.glob("env-*"):
        shutil.rmtree(place, ignore_errors=True)


def _told_by(recipe: Recipe) -> str:
    return "CONDA_PREFIX" if recipe.conda else "VIRTUAL_ENV"
