"""What a script logged while the server was away: sent before the end of the job, which ends its key too."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path

from runyard.agent.assignment import Assignment
from runyard.agent.orders import Orders
from runyard.agent.process import Command, Process, explained
from runyard.agent.server import FIRST_REST_S, LONGEST_REST_S, rest
from runyard.agent.variables import script_variables

FOLDER = "spool"
"""Where the script's client of MLflow keeps what it could not send, in the agent's folder."""
PYTHON = "python.txt"
"""Names the interpreter that has Runyard's SDK if the script had it."""
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
        python = Path((self._folder / PYTHON).read_text(encoding="utf-8"))
        ca_file = self._folder / "ca.pem"
        variables = script_variables(self._job, python, ca_file if ca_file.exists() else None, {})
        words = [str(python), "-m", "runyard", "sync", str(self._folder / FOLDER)]
        said = bytearray()
        process = Process(Command(words, variables, self._folder))
        give_up_s = time.monotonic() + SENT_WITHIN_S

        def look() -> None:
            if self._orders.is_over or time.monotonic() > give_up_s:
                process.signal(signal.SIGKILL)

        try:
            process.begin()
            code = process.read(said.extend, said.extend, look)
        finally:
            process.kill()
        lines = said.decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        if code == 0:
            return None
        _log.info("sync: %s: %s", explained(code, ran_out=False).reason, last)
        return last or explained(code, ran_out=False).reason
