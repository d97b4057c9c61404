"""Images of jobs: one that is on the machine is taken as it is, others are brought, once for all jobs."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runyard.agent.assignment import Environment
from runyard.agent.engines import Engine
from runyard.agent.orphans import end_orphans
from runyard.agent.steps import CannotPrepare, Steps, Stopped
from runyard.agent.turns import in_turn
from runyard.agent.variables import engine_variables

BUILT = "localhost/runyard/dockerfile"
"""What images are called that were built of Dockerfiles; the tag is the Dockerfile's hash."""
_WAITS = "Another job brings this image; it is waited for."

_WORD = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?"
_REFERENCE = re.compile(
    rf"(?:{_HOST}/)?{_WORD}(?:/{_WORD})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is on the machine.

    Args:
        image_id: Its id, which is that of nothing else.
        named: What it was asked for by, for messages.
        variables: What its processes have in their environment.
    """

    image_id: str
    named: str
    variables: Mapping[str, str] = field(default_factory=dict)


class Images:
    """The images of a machine.

    Args:
        engine: Has them.
        folder: Where jobs wait for each other; it is made.
        steps: Runs what brings them.
    """

    def __init__(self, engine: Engine, folder: Path, steps: Steps) -> None:
        self._engine = engine
        self._folder = folder
        self._steps = steps

    def bring(self, environment: Environment) -> Image:
        """Return the image of an environment, pulled or built if it is not there.

        Raises:
            CannotPrepare: It can't be had, and why.
            Stopped: The agent was told to stop.
            OSError: The folder can't be written.
        """
        if environment.dockerfile:
            return self._built(environment.dockerfile)
        name = environment.image
        if _REFERENCE.fullmatch(name) is None:
            raise CannotPrepare(
                f"{name[:200]!r} is no name of an image, as `python:3.11` or `registry.example/team/it:1` is."
            )
        return self._found(name) or self._pulled(name)

    def _pulled(self, name: str) -> Image:
        whole = name if self._engine.is_docker else _whole(name)
        source = whole if self._engine.is_docker else f"docker://{whole}"
        with in_turn(self._folder / _hash(whole), self._steps, _WAITS):
            found = self._found(whole)
            if found is None:
                self._steps.say(f"The image {name} is pulled.")
                words = [*self._engine.words, "pull", "--", source]
                self._steps.run(f"The image {name} could not be pulled", words, engine_variables())
                found = self._found(whole)
        return self._there(found, name)

    def _built(self, dockerfile: str) -> Image:
        tag = f"{BUILT}:{_hash(dockerfile)}"
        with in_turn(self._folder / _hash(dockerfile), self._steps, _WAITS):
            found = self._found(tag)
            if found is None:
                self._steps.say(f"The image of the Dockerfile is built, as {tag}.")
                self._build(dockerfile, tag)
                found = self._found(tag)
        return self._there(found, tag)

    def _build(self, dockerfile: str, tag: str) -> None:
        # What a Dockerfile copies would come from here: an environment has no files.
        with tempfile.TemporaryDirectory(prefix="runyard-build-") as folder:
            file, context = Path(folder, "Dockerfile"), Path(folder, "context")
            file.write_text(dockerfile, encoding="utf-8")
            context.mkdir()
            options = ["--network", "host", "--tag", tag, "--file", str(file)]
            words = [*self._engine.words, "build", *options, *self._engine.options, "--", str(context)]
            try:
                self._steps.run("The Dockerfile could not be built", words, engine_variables())
            except Stopped:
                # What it ran for a line of the Dockerfile goes on without it.
                end_orphans()
                raise

    def _found(self, name: str) -> Image | None:
        words = [*self._engine.words, "image", "inspect", "--", name]
        said = self._steps.answer(words, engine_variables())
        if said is None:
            return None
        try:
            return _read(name, json.loads(said)[0])
        except (ValueError, LookupError, TypeError, AttributeError):
            raise CannotPrepare(f"What `{self._engine.words[0]}` says of {name} can't be read.") from None

    def _there(self, found: Image | None, name: str) -> Image:
        if found is None:
            raise CannotPrepare(f"The image {name} is not there although it was brought just now.")
        return found


def _read(name: str, content: Mapping[str, Any]) -> Image:
    pairs = [str(each).partition("=") for each in content["Config"].get("Env") or ()]
    return Image(str(content["Id"]), name, {key: value for key, _, value in pairs})


def _whole(name: str) -> str:
    """Return a name with its registry, as docker understands it: podman would ask the machine's own list."""
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
