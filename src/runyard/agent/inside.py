"""Programs in the image of a job: of the machine they see what the agent names, and no caller does."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runyard.agent.contained import Contained, owner_words
from runyard.agent.engines import Engine
from runyard.agent.images import Image
from runyard.agent.process import Command
from runyard.agent.shares import Share
from runyard.agent.steps import CannotPrepare, Steps
from runyard.agent.variables import engine_variables

VARIABLES, BEGINNING = "variables.env", "begin.sh"
"""Files of the agent's folder: what of a container's variables is a line each, and what sets the others."""

# Engines read a line as it is, but for these; what is in it is never on a command line, where all can see it.
_LINE = re.compile(r"(?![\s\"'`])[^\x00-\x1f\x7f]*(?<!\s)")


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder of the machine that a container sees.

    Args:
        path: Where it is.
        is_writable: Whether it may be changed from there.
        seen_at: Where it is seen; left out, at the same place.
    """

    path: Path
    is_writable: bool = False
    seen_at: Path | None = None

    def words(self) -> list[str]:
        """Return the option for it.

        Raises:
            CannotPrepare: Its path can't be told to an engine.
        """
        place = self.seen_at or self.path
        if any(mark in f"{self.path}{place}" for mark in ',"\n'):
            raise CannotPrepare(f"{str(self.path)!r} has a comma in it or a quote: no container can see it.")
        access = "" if self.is_writable else ",readonly"
        return ["--mount", f"type=bind,src={self.path},dst={place}{access}"]


@dataclass(frozen=True, slots=True)
class Around:
    """What a program in a container has around it.

    Args:
        variables: All its variables.
        mounts: What it sees of the machine.
        folder: Where it runs, as it sees it.
        share: What of the machine it has to itself.
        shm_size: How much shared memory it gets; empty for what is usual.
    """

    variables: Mapping[str, str]
    mounts: Sequence[Mount] = ()
    folder: Path = Path("/")
    share: Share = field(default_factory=Share)
    shm_size: str = ""


@dataclass(frozen=True, slots=True)
class Inside:
    """Runs programs in an image.

    Args:
        engine: Runs its containers.
        image: The image.
        folder: The agent's folder.
        steps: Runs what is to be run before the script.
    """

    engine: Engine
    image: Image
    folder: Path
    steps: Steps

    def run(self, what: str, words: Sequence[str], around: Around) -> None:
        """Run a program to its end, with all that it prints in the log.

        Args:
            what: What it is for, to say where it failed.
            words: The program.
            around: What it has around it.

        Raises:
            CannotPrepare: It failed.
            Stopped: The agent was told to stop.
        """
        container = self._begun()
        try:
            self.steps.run(what, self._words(container, words, around), engine_variables())
        finally:
            container.remove(self.folder)

    def answer(self, words: Sequence[str], around: Around) -> str | None:
        """Return what a program prints, without the space around it, or None if it fails.

        Raises:
            Stopped: The agent was told to stop.
        """
        container = self._begun()
        try:
            return self.steps.answer(self._words(container, words, around), engine_variables())
        finally:
            container.remove(self.folder)

    def command(self, words: Sequence[str], around: Around, umask: int) -> Command:
        """Return what runs a program in a container that is to be written down before it begins."""
        container = Contained(self.engine.words)
        outside = self._words(container, words, around)
        return Command(outside, engine_variables(), self.folder, umask, around.share.cpus, container)

    def _begun(self) -> Contained:
        container = Contained(self.engine.words)
        container.write_down(self.folder)
        return container

    def _words(self, container: Contained, words: Sequence[str], around: Around) -> list[str]:
        lines, others = _told(around.variables)
        _write_private(self.folder / VARIABLES, lines)
        mounts = list(around.mounts)
        if others:
            beginning = self.folder / BEGINNING
            _write_private(beginning, others)
            mounts.append(Mount(beginning))
            words = ["/bin/sh", str(beginning), *words]
        options = [
            *(
                "--name",
                container.name,
                "--pull=never",
                "--network=host",
                "--entrypoint=",
                "--log-driver=none",
            ),
            *("--cap-drop=all", "--security-opt=no-new-privileges", "--workdir", str(around.folder)),
            *owner_words(self.engine.words, is_rootless=self.engine.is_rootless),
            *("--env-file", str(self.folder / VARIABLES)),
            *(word for mount in mounts for word in mount.words()),
            *self.engine.init_words(),
            *self.engine.share_words(around.share),
            *(("--shm-size", around.shm_size) if around.shm_size else ()),
        ]
        run = [*self.engine.words, "run", *options, *self.engine.options]
        return [*run, "--", self.image.image_id, *words]


def _told(variables: Mapping[str, str]) -> tuple[str, str]:
    """Return the variables as lines for an engine, and those that are no such line as words for a shell."""
    lines = {name: value for name, value in variables.items() if _LINE.fullmatch(value)}
    others = {name: value for name, value in variables.items() if name not in lines}
    file = "".join(f"{name}={value}\n" for name, value in lines.items())
    if not others:
        return file, ""
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in others.items())
    return file, f'{exports}exec "$@"\n'


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as opened:
        opened.write(text)
