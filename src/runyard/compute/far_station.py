"""The folders of agents on another machine: the agent's own file is put there, and asked."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from runyard.agent.archive import write_archive
from runyard.compute.base import AgentReport, Launch, report_from
from runyard.compute.machine import Machine
from runyard.errors import StorageFull, Unavailable

FOLDER = ".runyard"
"""Below the home of the user there."""

_PUT = 'umask 077 && mkdir -p "$1" && cat > "$1/.$2.$$" && mv "$1/.$2.$$" "$1/$2"'
_NO_SUCH_FILE = 2
_CANNOT = 3


class FarStation:
    """Asks a station on a machine.

    Args:
        machine: Where.
        python: The interpreter there, 3.10 or newer.
        folder: Where the agent's file lies; a relative one below the user's home.
        jobs: Where below it the folders of agents lie: those of another name are another's.
    """

    def __init__(
        self, machine: Machine, python: str = "python3", folder: str = FOLDER, jobs: str = "jobs"
    ) -> None:
        self._machine = machine
        self._python = python
        self._folder = folder.rstrip("/")
        self._jobs = f"{self._folder}/{jobs}"
        self._archive, self._digest = archive_of_agent()

    @property
    def archive(self) -> str:
        """Where the agent's file lies there."""
        return f"{self._folder}/agent-{self._digest}.pyz"

    def put_archive(self) -> None:
        """Put the agent's file there; it has a name of its own for each version.

        Raises:
            Unavailable: It can't be put there.
        """
        name = self.archive.rpartition("/")[2]
        put = self._machine.run(["sh", "-c", _PUT, "sh", self._folder, name], self._archive)
        if put.exit_code:
            raise Unavailable(f"The agent could not be put into {self._folder}: {put.complaint}.")

    def start(self, launch: Launch, assignment: Mapping[str, Any]) -> str:
        """Start an agent there and return its folder.

        Raises:
            Unavailable: The machine does not answer.
            StorageFull: There is no room for the folder.
        """
        return str(self.ask("start", handle=launch.handle, assignment=assignment))

    def prepare(self, launch: Launch, assignment: Mapping[str, Any]) -> str:
        """Make an agent's folder there, for others to start it, and return its path.

        Raises:
            Unavailable: The machine does not answer.
            StorageFull: There is no room for the folder.
        """
        return str(self.ask("prepare", handle=launch.handle, assignment=assignment))

    def prepare_array(self, token: str, launches: Mapping[str, Mapping[str, Any]]) -> str:
        """Make the folders of agents there that a queue will start as one array, and return the array's own.

        Args:
            token: What tells the array from others, in 16 hexadecimal digits.
            launches: What each agent is told, by its handle, in the order of the array.

        Raises:
            Unavailable: The machine does not answer.
            StorageFull: There is no room for them, or that file system has no links.
        """
        return str(self.ask("prepare_array", array=token, launches=launches))

    def empty_array(self, token: str) -> None:
        """Remove the folders of an array's agents; which they were stays known."""
        self.ask("empty_array", array=token)

    def read_arrays(self) -> Mapping[str, Mapping[str, str]]:
        """Return the handles of all elements, by their numbers as text, by the tokens of their arrays."""
        found: dict[str, dict[str, str]] = self.ask("read_arrays")
        return found

    def look(self, handles: Collection[str]) -> Mapping[str, AgentReport]:
        """Return what is seen of agents that run on that machine itself."""
        return self._reports("look", handles)

    def read_ends(self, handles: Collection[str]) -> Mapping[str, AgentReport]:
        """Return how agents ended, wherever they ran: ``ENDED``, or ``GONE`` if they have not said so."""
        return self._reports("read_end", handles)

    def cancel(self, handle: str) -> None:
        """Have an agent that runs on that machine itself end its script."""
        self.ask("cancel", handle=handle)

    def has(self, handle: str) -> bool:
        """Whether there is a folder for such an agent."""
        return bool(self.ask("has", handle=handle))

    def list_handles(self) -> list[str]:
        """Return the handles of all folders there."""
        return list(self.ask("list"))

    def forget(self, handle: str) -> None:
        """End an agent that runs there, and remove its folder."""
        self.ask("forget", handle=handle)

    def _reports(self, wanted: str, handles: Collection[str]) -> Mapping[str, AgentReport]:
        found = self.ask(wanted, handles=list(handles)) if handles else {}
        return {handle: report_from(seen) for handle, seen in found.items()}

    def ask(self, wanted: str, **more: Any) -> Any:
        """Return what the station there answers.

        Raises:
            Unavailable: The machine does not answer, or has no Python that can run an agent.
            StorageFull: It can't do that: no room, or no right to.
        """
        words = [self._python, self.archive, "--station", self._jobs]
        question = json.dumps({"do": wanted, **more}).encode()
        ran = self._machine.run(words, question)
        if ran.exit_code == _NO_SUCH_FILE:
            self.put_archive()
            ran = self._machine.run(words, question)
        if ran.exit_code == _CANNOT:
            raise StorageFull(f"The folder of the agent could not be made or changed: {ran.complaint}.")
        if ran.exit_code:
            raise Unavailable(f"{self._python} can't run the agent there: {ran.complaint}.")
        try:
            return json.loads(ran.stdout)
        except ValueError:
            raise Unavailable("The agent's answer is none; does a login there print something?") from None


@cache
def archive_of_agent() -> tuple[bytes, str]:
    """Return the agent's file, and a digest of it."""
    with tempfile.TemporaryDirectory() as folder:
        content = write_archive(Path(folder) / "agent.pyz").read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:12]
