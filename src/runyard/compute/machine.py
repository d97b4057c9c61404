"""Machines that launchers run commands on: this one, or one that is reached otherwise."""

from __future__ import annotations

import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runyard.agent.variables import passed_on
from runyard.errors import Unavailable

WITHIN_S = 30.0
_MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a command.

    Args:
        exit_code: Its exit code; negative for the signal that ended it.
        stdout: What it wrote.
        stderr: What it complained.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes

    @property
    def complaint(self) -> str:
        """The last lines of what it complained, or its exit code where it said nothing."""
        said = self.stderr.decode("utf-8", "replace").strip()[-_MOST_SHOWN:]
        return said or f"exit code {self.exit_code}"


class Machine(ABC):
    """Runs commands, in the home of its user, one after the other or many at once."""

    @abstractmethod
    def run(self, words: Sequence[str], stdin: bytes = b"", within_s: float = WITHIN_S) -> Ran:
        """Run a command and return what came of it; blocks until it has ended.

        Args:
            words: The command, which gets them as they are, whatever is in them.
            stdin: What it reads.
            within_s: How long it may take.

        Raises:
            Unavailable: The machine does not answer, lets nobody in, or the command takes too long.
        """

    def close(self) -> None:
        """Let go of connections."""
        return


class ThisMachine(Machine):
    """The server's own machine."""

    def run(self, words: Sequence[str], stdin: bytes = b"", within_s: float = WITHIN_S) -> Ran:
        try:
            done = subprocess.run(
                list(words),
                input=stdin,
                capture_output=True,
                timeout=within_s,
                check=False,
                cwd=Path.home(),
                env=passed_on(os.environ),
            )
        except FileNotFoundError:
            return Ran(127, b"", f"{words[0]}: there is no such program".encode())
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{words[0]} did not end within {within_s:.0f} s.") from None
        except OSError as error:
            raise Unavailable(f"{words[0]} could not be started: {error}.") from None
        return Ran(done.returncode, done.stdout, done.stderr)
