"""The steps of a preparation: programs that the agent runs, with all that they print in the log."""

from __future__ import annotations

import shlex
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from runyard.agent.console import StreamLog
from runyard.agent.failures import LastPrinted
from runyard.agent.orders import Orders
from runyard.agent.process import Command, Process, Take, explained
from runyard.agent.variables import inherited

MAX_REASON_LENGTH = 1_000


class CannotPrepare(Exception):
    """The job can't be run as it was asked for; the text says why, and what to do."""


class Stopped(Exception):
    """The agent was told to stop meanwhile."""


class Steps:
    """Runs programs until the agent is told to stop.

    Args:
        log: Takes what they print.
        orders: Tell when to stop.
        folder: Where they run.
    """

    def __init__(self, log: StreamLog, orders: Orders, folder: Path) -> None:
        self._log = log
        self._orders = orders
        self._folder = folder

    def say(self, line: str) -> None:
        """Put a line of the agent's own into the log."""
        self._log.say(line)

    def go_on(self) -> None:
        """Return if there is no reason to stop.

        Raises:
            Stopped: There is one.
        """
        if self._orders.is_to_stop:
            raise Stopped

    def pause(self, rest_s: float) -> None:
        """Wait a little.

        Raises:
            Stopped: There is one.
        """
        time.sleep(rest_s)
        self.go_on()

    def run(self, what: str, words: Sequence[str], variables: Mapping[str, str] | None = None) -> None:
        """Run a program to its end.

        Args:
            what: What it is for, to say where it failed: ``the environment could not be made``.
            words: The program.
            variables: Its variables, by default what processes have of the agent's own.

        Raises:
            CannotPrepare: It failed.
            Stopped: The agent was told to stop.
        """
        self.say(f"$ {shlex.join(words)}")
        printed = LastPrinted()

        def take(content: bytes) -> None:
            self._log.take(content)
            printed.take(content)

        code = self._run(words, inherited() if variables is None else variables, take, take)
        if code != 0:
            reason = f"{what}: {explained(code, ran_out=False).reason}: {printed.reason}"
            raise CannotPrepare(reason[:MAX_REASON_LENGTH])

    def answer(self, words: Sequence[str], variables: Mapping[str, str] | None = None) -> str | None:
        """Return what a program prints, without the space around it, or None if it fails.

        Raises:
            Stopped: The agent was told to stop.
        """
        printed: list[bytes] = []
        code = self._run(words, inherited() if variables is None else variables, printed.append, _forget)
        return b"".join(printed).decode("utf-8", "replace").strip() if code == 0 else None

    def _run(self, words: Sequence[str], variables: Mapping[str, str], stdout: Take, stderr: Take) -> int:
        self.go_on()
        with _ended(Process(Command(words, variables, self._folder))) as process:

            def look() -> None:
                if self._orders.is_to_stop:
                    process.signal(signal.SIGKILL)

            process.begin()
            code = process.read(stdout, stderr, look)
        self.go_on()
        return code


@contextmanager
def _ended(process: Process) -> Iterator[Process]:
    try:
        yield process
    finally:
        process.kill()


def _forget(_: bytes) -> None:
    pass
