"""What an agent leaves in its folder, so that launcher and later agents know how far it came."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
import uuid
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

COMPLETED, FAILED, CANCELED = "completed", "failed", "canceled"
PREPARING = "preparing"
"""In place of an end, in the file for one: the script has not begun."""
GONE_WITHIN_S = 5.0
# Of the file that Kubernetes reads an end from 4096 bytes are kept; a letter in JSON takes six at most.
_BRIEF_REASON_LENGTH = 600


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How an attempt of a job ended.

    Args:
        status: ``completed``, ``failed`` or ``canceled``.
        exit_code: The script's, as a shell would show it; None where none ran to its end.
        reason: Why it did not end well.
    """

    status: str
    exit_code: int | None = None
    reason: str = ""


class Marks:
    """The marks of one folder. Each is written whole or not at all, and is on disk when the call returns.

    Args:
        folder: The agent's folder.
        end_file: Another file that the end is written into; empty for none.
    """

    def __init__(self, folder: Path, end_file: str = "") -> None:
        self._folder = folder
        self._end_file = end_file
        self._says_preparing = False

    def take_folder(self) -> bool:
        """Take the folder for as long as this process lives; return whether no other agent has it."""
        lock = os.open(self._folder / "agent.lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        return True

    def write_agent(self) -> str:
        """Say which process this agent is; return its id, which is that of one that died in the folder."""
        agent_id = str(self._read("agent.json").get("agent_id") or uuid.uuid4().hex)
        self._write("agent.json", _written_down(os.getpid()) | {"agent_id": agent_id})
        if self._end_file and not self.has_script:
            # Who can't write it is only not started anew.
            with contextlib.suppress(OSError):
                Path(self._end_file).write_text(json.dumps({"status": PREPARING}), encoding="ascii")
                self._says_preparing = True
        return agent_id

    def write_script(self, pid: int) -> None:
        """Say that the script is about to run, as the leader of a group of processes.

        Raises:
            OSError: It can't be written.
        """
        if self._says_preparing:
            Path(self._end_file).write_bytes(b"")
            self._says_preparing = False
        self._write("script.json", _written_down(pid) | {"group": pid})

    def write_outcome(self, end: JobEnd) -> None:
        """Say what came of the script, for the next agent if this one dies before all is sent.

        Raises:
            OSError: It can't be written.
        """
        self._write("outcome.json", asdict(end))
        self._write_elsewhere(end)

    def read_outcome(self) -> JobEnd | None:
        """Return what came of the script, if it is over."""
        content = self._read("outcome.json")
        if not content:
            return None
        return JobEnd(str(content["status"]), content.get("exit_code"), str(content.get("reason", "")))

    def write_end(self, end: JobEnd) -> None:
        """Say how the job ended, when all else is with the server: a launcher tells it if the agent can't.

        Raises:
            OSError: It can't be written.
        """
        self._write("end.json", asdict(end))
        self._write_elsewhere(end)

    @property
    def has_script(self) -> bool:
        """Whether a script was begun here."""
        return bool(self._read("script.json"))

    def kill_script(self) -> None:
        """End what is left of the script of an agent that died, unless its id is another process's by now."""
        content = self._read("script.json")
        pid, started = int(content.get("pid", 0)), content.get("started")
        if content.get("boot") != boot_id():
            return
        deadline = time.monotonic() + GONE_WITHIN_S
        while pid and started_ticks(pid) in (started, None) and kill_group(pid):
            if time.monotonic() > deadline:
                return
            time.sleep(0.05)

    def _write_elsewhere(self, end: JobEnd) -> None:
        """Write the end into the other file as it lies there: a file that is mounted can't be replaced."""
        if self._end_file:
            brief = replace(end, reason=end.reason[:_BRIEF_REASON_LENGTH])
            content = json.dumps(asdict(brief), ensure_ascii=False)
            Path(self._end_file).write_bytes(content.encode("utf-8", "replace"))

    def _read(self, name: str) -> dict[str, Any]:
        try:
            content = json.loads((self._folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _write(self, name: str, content: dict[str, Any]) -> None:
        write_whole(self._folder / name, json.dumps(content).encode("ascii"))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there with all of its content or not at all, even if the power goes.

    Raises:
        OSError: It can't be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@cache
def boot_id() -> str:
    """Return what this machine is called since it was started, as no other one is, nor it before that."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _written_down(pid: int) -> dict[str, Any]:
    """Return what tells a process from all others, on this machine and on those that see the same folder."""
    return {"pid": pid, "started": started_ticks(pid), "boot": boot_id()}


def started_ticks(pid: int) -> int | None:
    """Return when a process was started, in ticks since the machine was; None if there is none."""
    fields = process_fields(pid)
    return None if fields is None else int(fields[19])


def process_fields(pid: int) -> list[str] | None:
    """Return what the kernel says of a process, from its state on; None if there is none."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name of its program, in parentheses, may hold anything.
    return words.rpartition(")")[2].split()


def kill_group(group: int, number: int = signal.SIGKILL) -> bool:
    """Send a signal to a group of processes; return whether there was any of them."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
