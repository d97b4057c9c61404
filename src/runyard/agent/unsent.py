"""What a script logged while the server was away: sent before the end of the job, which ends its key too."""

from __future__ import annotations

import json
import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path

from runyard.agent.assignment import Assignment
from runyard.agent.contained import Contained
from runyard.agent.marks import write_whole
from runyard.agent.orders import Orders
from runyard.agent.process import Command, Process, explained
from runyard.agent.server import FIRST_REST_S, LONGEST_REST_S, rest
from runyard.agent.variables import engine_variables, script_variables

FOLDER = "spool"
"""Where the script's client of MLflow keeps what it could not send, in the agent's folder."""
PYTHON = "python.txt"
"""Names the interpreter that has Runyard's SDK if the script had it."""
COMMAND = "sync.json"
"""How the SDK is called where the script's interpreter is in a container."""
SENT_WITHIN_S = 600.0
REFUSALS = 3

_log = logging.getLogger("runyard.agent")


class Unsent:
    """The spool of a job.

    Args:
        folder: The agent's folder.
        assignment: The job.
        orders: Tell when there is no need any more, and whether the server answers.
        say: Takes a line for the log of the job.
    """

    def __init__(
        self, folder: Path, assignment: Assignment, orders: Orders, say: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._job = assignment
        self._orders = orders
        self._say = say

    def send(self) -> str:
        """Send what waits, for days if need be; return what is to be said about it, if it can't be sent."""
        rest_s, refusals = FIRST_REST_S, 0
        while not self._orders.is_over and self._waits():
            answers = self._orders.count_answers()
            said = self._sent()
            if said is None:  # what the server has refused for good stays, and is no reason to try again
                return ""
            # A server that answers the beats meanwhile is not away: it is the sending that fails.
            refusals += self._orders.count_answers() > answers
            if refusals >= REFUSALS:
                self._say(f"Not all that was logged could be sent: {said}")
                return f"not all that was logged could be sent: {said}"
            rest(rest_s, lambda: self._orders.is_over, self._orders.count_answers)
            rest_s = min(2 * rest_s, LONGEST_REST_S)
        return ""

    def _waits(self) -> bool:
        place = self._folder / FOLDER
        if not (self._folder / PYTHON).is_file() or not place.is_dir():
            return False
        return any(each.is_dir() for each in place.iterdir())  # beside spools, what is known of the server

    def _sent(self) -> str | None:
        """Have the SDK send it; return None if it has, else what it said last."""
        said = bytearray()
        command = self._command()
        give_up_s = time.monotonic() + SENT_WITHIN_S
        if command.container is not None:
            command.container.write_down(self._folder)
        process = Process(command)

        def look() -> None:
            if self._orders.is_over or time.monotonic() > give_up_s:
                process.signal(signal.SIGKILL)

        try:
            process.begin()
            code = process.read(said.extend, said.extend, look)
        finally:
            process.kill()
            if command.container is not None:
                command.container.remove(self._folder)
        lines = said.decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        if code == 0:
            return None
        _log.info("sync: %s: %s", explained(code, ran_out=False).reason, last)
        return last or explained(code, ran_out=False).reason

    def _command(self) -> Command:
        written = self._folder / COMMAND
        if written.is_file():
            content = json.loads(written.read_text(encoding="utf-8"))
            container = Contained(tuple(content["engine"]), content["name"])
            return Command(content["words"], engine_variables(), self._folder, container=container)
        python = Path((self._folder / PYTHON).read_text(encoding="utf-8"))
        ca_file = self._folder / "ca.pem"
        variables = script_variables(self._job, python, ca_file if ca_file.exists() else None, {})
        return Command([str(python), *sync_words(self._folder)], variables, self._folder)


def sync_words(folder: Path) -> list[str]:
    """Return what an interpreter with the SDK is given to send what waits in an agent's folder."""
    return ["-m", "runyard", "sync", str(folder / FOLDER)]


def write_command(folder: Path, command: Command) -> None:
    """Keep how the SDK is called in a container, for this agent or one after it.

    Raises:
        OSError: It can't be written.
    """
    if command.container is not None:
        content = {
            "words": command.words,
            "engine": command.container.engine,
            "name": command.container.name,
        }
        write_whole(folder / COMMAND, json.dumps(content).encode("ascii"))
