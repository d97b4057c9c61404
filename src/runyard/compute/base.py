"""The contract of launchers: what starts the agent of a job on a compute target, watches it and ends it.

What every launcher promises:

- One attempt of a job is one agent. To submit an attempt again ends what was started for it before, if it is
  still there, and starts another agent; the server tells the two apart and lets only one run the script.
- What ``submit`` returns is all that a launcher needs to find the agent again, in another process too:
  servers are restarted while jobs go on.
- An agent that is gone leaves nothing behind that runs: to see it as gone, or to cancel it, ends its script.
- No method waits for an agent to do anything; each may be called again at any time.
- Words of callers reach the machine as words, never through a shell.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class AgentState(str, Enum):
    """What a launcher sees of an agent."""

    ALIVE = "alive"
    ENDED = "ended"
    """It has written down how the script ended."""
    GONE = "gone"
    """It is not there, and has not said how the script ended."""
    UNKNOWN = "unknown"
    """The machine does not answer just now."""


@dataclass(frozen=True, slots=True)
class AgentReport:
    """What a launcher sees of an agent, and how its script ended if it has said so.

    Args:
        state: What is seen.
        status: ``completed``, ``failed`` or ``canceled``.
        exit_code: The script's.
        reason: Why it did not end well.
    """

    state: AgentState
    status: str = ""
    exit_code: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Launch:
    """An attempt of a job, to be started.

    Args:
        run_id: The job.
        attempt: Which attempt, from 1.
        assignment: What the agent is told, as JSON has it; it holds the job's key.
    """

    run_id: str
    attempt: int
    assignment: Mapping[str, Any]


class Launcher(ABC):
    """Starts agents on one kind of compute target."""

    @abstractmethod
    def submit(self, launch: Launch) -> str:
        """Start an agent and return what finds it again.

        Raises:
            Unavailable: The target does not answer, or takes no jobs just now; the same may be tried again.
            StorageFull: There is no room for the job's folder.
        """

    @abstractmethod
    def reports_of(self, launched: Collection[str]) -> Mapping[str, AgentReport]:
        """Return what is seen of each of these agents, in one look however many there are."""

    @abstractmethod
    def cancel(self, launched: str) -> None:
        """Have an agent end its script, first gently; nothing happens if it is gone."""

    @abstractmethod
    def find(self, run_id: str, attempt: int) -> str | None:
        """Return what ``submit`` returned for an attempt, or was about to when the server died."""

    @abstractmethod
    def list_launched(self) -> Collection[str]:
        """Return what this machine has started and not forgotten, as far as that is known here."""

    @abstractmethod
    def forget(self, launched: str) -> None:
        """End an agent and its script at once, if they are there, and remove what they left there."""
