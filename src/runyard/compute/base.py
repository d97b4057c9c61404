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

import contextlib
import os
import secrets
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import msgspec

from runyard.agent.marks import write_whole
from runyard.errors import RunyardError, Unavailable

CACHE_ELSEWHERE = "~/.cache/runyard/environments"
SDK_ROUTE = "/api/v1/agent"
"""Where the server has its own wheel, below the workspace's address."""


class NoRoom(Unavailable):
    """The target has not now what one job needs; others may find what they need."""


class NotTried(Unavailable):
    """The target did not take a launch before this one, which was not tried."""


ServerUrl = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?)?\Z",
        max_length=500,
    ),
]
"""Where agents of a target reach the server; no credential, as all who read the target would see that."""


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name as the system knows them; ``OSError`` if it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError(f"{host[:100]!r} is no name of a host") from None
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


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
        reason: Why it did not end well; of one that is alive, what it waits for in a queue of the target's.
        has_run_nothing: Whether it is known of one that is gone that its script never began.
    """

    state: AgentState
    status: str = ""
    exit_code: int | None = None
    reason: str = ""
    has_run_nothing: bool = False


def report_from(seen: Mapping[str, Any]) -> AgentReport:
    """Return a report of what a station has seen of an agent."""
    return AgentReport(
        AgentState(seen["state"]),
        seen.get("status", ""),
        seen.get("exit_code"),
        seen.get("reason", ""),
        seen.get("has_run_nothing", False) is True,
    )


@dataclass(frozen=True, slots=True)
class Launch:
    """An attempt of a job, to be started.

    Args:
        run_id: The job.
        attempt: Which attempt, from 1.
        assignment: What an agent of the server's machine is told, as JSON has it; it holds the job's key.
        slots: How many slots it takes.
        settings: Those of its target.
    """

    run_id: str
    attempt: int
    assignment: Mapping[str, Any] = field(repr=False)
    slots: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def handle(self) -> str:
        """What tells it from all others: the run and the attempt."""
        return f"{self.run_id}/{self.attempt}"

    def elsewhere(self, server: str, *, use_containers: bool = True) -> Mapping[str, Any]:
        """Return what an agent of another machine is told.

        Args:
            server: Where the server is reached from there, as ``https://runyard.example``.
            use_containers: Whether the agent may run containers there.
        """
        url = str(self.assignment["url"])
        wheel = PurePosixPath(self.assignment.get("sdk_wheel", ""))
        return {
            **self.assignment,
            "url": f"{server.rstrip('/')}/workspaces/{url.rpartition('/workspaces/')[2]}",
            "cache": CACHE_ELSEWHERE,
            "sdk_wheel": f"{SDK_ROUTE}/{wheel.name}" if wheel.name else "",
            "has_containers": use_containers,
        }


@dataclass(frozen=True, slots=True)
class Opening:
    """What a launcher is opened with.

    Args:
        folder: A folder of the server for what this target needs here; it may not be there yet.
        name: What the target is called, for messages.
        settings: What its kind is told, as the kind's own struct.
        credential: What it is reached with, by names.
        server: Where agents elsewhere reach the server, as ``https://runyard.example``; empty if nobody said.
        lookup: Returns the addresses of a host and port that the server may connect to, or raises
            InvalidParameter or OSError.
        tunnel: A socket of the server that lets nobody in without a credential, for tunnels to lead to; empty
            while the server has none.
        is_of_one_person: Whether the server is one person's own: what that person may use on this machine
            without a word, as the keys in ``~/.ssh``, it may use for them.
    """

    folder: Path
    name: str
    settings: Any
    credential: Mapping[str, str] = field(default_factory=dict, repr=False)
    server: str = ""
    lookup: Callable[[str, int], Sequence[str]] = resolve
    tunnel: str = ""
    is_of_one_person: bool = False


def owner_of(opening: Opening) -> str:
    """Return what tells this server's target from all others that share a machine or a cluster with it.

    It is drawn once, and kept in the target's folder.

    Raises:
        Unavailable: The folder can't be used.
    """
    path = opening.folder / "owner"
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            drawn = path.with_name(f".owner-{secrets.token_hex(8)}")
            write_whole(drawn, secrets.token_hex(8).encode("ascii"))
            # Of several that draw one at a time the first counts.
            with contextlib.suppress(FileExistsError):
                os.link(drawn, path)
            drawn.unlink()
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise Unavailable(f"The target's folder can't be used: {error}.") from None


class Launcher(ABC):
    """Starts agents on one kind of compute target."""

    submits_at_once: int = 1
    """How many launches ``submit_many`` is given at a time: more than one where it takes them together."""

    def check(self) -> None:
        """Return if the target can be reached and takes jobs; blocks for some seconds at most.

        Raises:
            Unavailable: It can't, and the message says why and what to do.
        """
        return

    def close(self) -> None:
        """Let go of connections; agents go on."""
        return

    @abstractmethod
    def submit(self, launch: Launch) -> str:
        """Start an agent and return what finds it again: the handle of the launch, or what begins with it.

        Raises:
            Unavailable: The target does not answer, or takes no jobs just now; the same may be tried again.
            StorageFull: There is no room for the job's folder.
        """

    def submit_many(self, launches: Sequence[Launch]) -> Sequence[str | RunyardError]:
        """Start agents, and return for each what ``submit`` would return or raise; none is without an answer.

        One for which there is no room is passed over. After one that the target does not take otherwise the
        rest is not tried, and has a ``NotTried``: a target that does not answer is not to be waited for again
        for each. Those that were started before it are, and stay so.
        """
        outcomes: list[str | RunyardError] = []
        for launch in launches:
            refusal = refusal_among(outcomes)
            try:
                outcomes.append(self.submit(launch) if refusal is None else NotTried(str(refusal)))
            except RunyardError as error:
                outcomes.append(error)
        return outcomes

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


def refusal_among(outcomes: Sequence[str | RunyardError]) -> RunyardError | None:
    """Return why a target takes nothing more, if one of these says so."""
    refusals = (each for each in outcomes if isinstance(each, RunyardError) and not isinstance(each, NoRoom))
    return next(refusals, None)


@dataclass(frozen=True, slots=True)
class CredentialPart:
    """A part of what a target is reached with, which nobody is told again.

    Args:
        name: What it is called.
        hint: What it is, for the person who has it.
        has_lines: Whether it is a text of several lines, as a key is.
    """

    name: str
    hint: str
    has_lines: bool = False


@dataclass(frozen=True, slots=True)
class TargetKind:
    """One kind of compute target; forms are made of what it says of itself.

    Args:
        title: What people call it.
        summary: What such a target is, in a sentence.
        settings: A msgspec struct of what it is told; what can't be is refused when it is made of a mapping.
            What each is for is read from its docstring.
        credential: The parts that its credential may have.
        open: Returns the launcher of a target; it connects to nothing yet.
        runs_here: Whether, by its settings, the code of jobs runs as the server's own user.
        known_by: Settings that only say by what a machine is known to be that one, wherever they stand in the
            struct: they may change while agents are there, which are found by the others.
    """

    title: str
    summary: str
    settings: type[msgspec.Struct]
    credential: tuple[CredentialPart, ...]
    open: Callable[[Opening], Launcher]
    runs_here: Callable[[Any], bool] = lambda _: False
    known_by: Collection[str] = ()
