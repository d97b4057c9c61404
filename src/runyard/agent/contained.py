"""A container of an agent's as the engine knows it, written down so that whoever comes after can end it."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runyard.agent.marks import boot_id, write_whole
from runyard.agent.variables import engine_variables

FILE = "container.json"
"""Names the container in the agent's folder, of which no container sees this file: who reads it runs it."""
WITHIN_S = 60.0

_SILENT = -1_000
_log = logging.getLogger("runyard.agent")


def _drawn() -> str:
    return f"runyard-{uuid.uuid4().hex}"


@dataclass(frozen=True, slots=True)
class Contained:
    """A container, from before it is there until it is removed.

    Args:
        engine: How the engine is called.
        name: What the container is called, as no other one is.
    """

    engine: tuple[str, ...]
    name: str = field(default_factory=_drawn)

    def write_down(self, folder: Path) -> None:
        """Say that it is about to be.

        Raises:
            OSError: It can't be written.
        """
        content = {"engine": self.engine, "name": self.name, "boot": boot_id()}
        write_whole(folder / FILE, json.dumps(content).encode("ascii"))

    def remove(self, folder: Path) -> None:
        """End all that runs in it at once, and leave nothing of it."""
        # To remove one that runs, one of the engines would first wait for it to end by itself.
        self._ask("kill", self.name)
        removed = self._ask("rm", "--force", "--volumes", self.name)
        # A later look may do what could not be done now.
        if removed == 0 or self._ask("container", "inspect", self.name) not in (0, _SILENT):
            (folder / FILE).unlink(missing_ok=True)

    def ask_what(self, template: str) -> str:
        """Return what the engine says of it in a template of Go's; empty if it knows of none."""
        try:
            done = self._asked("container", "inspect", "--format", template, self.name)
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""

    def _ask(self, *words: str) -> int:
        """Return the engine's exit code; it may not know the container any more."""
        try:
            return self._asked(*words).returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            _log.warning("A container may be left: %s", error)
            return _SILENT

    def _asked(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*self.engine, *words],
            env=engine_variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=WITHIN_S,
            check=False,
        )


def end_left(folder: Path) -> None:
    """End the container that an agent which died in a folder has left, if it was on this machine."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return
    if content.get("boot") == boot_id():
        Contained(tuple(content["engine"]), content["name"]).remove(folder)


def as_of_process(code: int) -> int:
    """Return the exit code of an engine that ran a container as if it were the process in it.

    A signal that ended it is a negative number then.
    """
    number = code - 128
    return -number if number in set(signal.Signals) else code


def owner_words(engine: Sequence[str], *, is_rootless: bool) -> list[str]:
    """Return the option for whose the processes in a container are: the agent's own user outside of it."""
    is_own_root = is_rootless or os.geteuid() == 0 or "docker" not in Path(engine[0]).name
    return ["--user", "0:0" if is_own_root else f"{os.geteuid()}:{os.getegid()}"]
