"""Jobs on the server's own machine: an agent is a process of its own, which outlives the server."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from runyard.compute.base import AgentReport, AgentState, Launch, Launcher
from runyard.errors import StorageFull

ASSIGNMENT, AGENT, SCRIPT, END = "assignment.json", "agent.json", "script.json", "end.json"
OUTCOME = "outcome.json"
"""What came of the script, while console and outputs of it are still being sent."""
CHILD = "child.json"
"""The agent's process as its parent knows it, until it has said itself who it is."""

_LAST_BYTES = 4_096
_STARTED_AGAIN = 3
_PASSED_ON = frozenset(
    {
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "TZ",
        "TMPDIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "LD_LIBRARY_PATH",
        "VIRTUAL_ENV",
        "CONDA_EXE",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
    }
)
_PASSED_ON_PREFIXES = ("LC_", "UV_", "PIP_", "CUDA_", "NVIDIA_", "XDG_CACHE_")
"""The server's other variables may hold its secrets."""


class LocalLauncher(Launcher):
    """Starts agents beside the server, each with a folder of its own.

    Args:
        folder: Where the folders lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # A child that has ended stays in the table of processes until its parent asks for it.
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._started_again: dict[str, int] = {}

    def submit(self, launch: Launch) -> str:
        launched = f"{launch.run_id}/{launch.attempt}"
        self._end_at_once(launched)
        place = self._folder / launched
        try:
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(mode=0o700, parents=True)
            _write_private(place / ASSIGNMENT, launch.assignment)
            self._start(launched)
        except OSError as error:
            raise StorageFull(f"The agent of job {launch.run_id} could not be started: {error}") from None
        return launched

    def reports_of(self, launched: Collection[str]) -> Mapping[str, AgentReport]:
        return {each: self._report_of(each) for each in launched}

    def cancel(self, launched: str) -> None:
        self._signal(launched, signal.SIGTERM)

    def find(self, run_id: str, attempt: int) -> str | None:
        launched = f"{run_id}/{attempt}"
        return launched if (self._folder / launched).is_dir() else None

    def list_launched(self) -> Collection[str]:
        return [f"{each.parent.name}/{each.name}" for each in sorted(self._folder.glob("*/*"))]

    def forget(self, launched: str) -> None:
        self._end_at_once(launched)
        shutil.rmtree(self._folder / launched, ignore_errors=True)
        with contextlib.suppress(OSError):
            (self._folder / launched).parent.rmdir()

    def _report_of(self, launched: str) -> AgentReport:
        place = self._folder / launched
        end = _read(place / END)
        if end:
            return _ended(end)
        if self._child_lives(launched) or self._agent_of(launched):
            return AgentReport(AgentState.ALIVE)
        # It may have written down the end and gone since the first look.
        end = _read(place / END)
        if not end and (place / OUTCOME).exists():
            if self._start_again(launched):
                return AgentReport(AgentState.ALIVE)
            end = _read(place / OUTCOME)
        if end:
            return _ended(end)
        _kill_group(place / SCRIPT)
        return AgentReport(AgentState.GONE, reason=_last_line(place / "agent.log"))

    def _start(self, launched: str) -> None:
        place = self._folder / launched
        with (place / "agent.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "runyard.agent", str(place)],
                cwd=place,
                env=passed_on(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        with self._lock:
            self._children[launched] = child
        stat = _stat(child.pid)
        if stat is not None:
            (place / CHILD).unlink(missing_ok=True)
            _write_private(place / CHILD, {"pid": child.pid, "started": int(stat[19])})

    def _start_again(self, launched: str) -> bool:
        """Start an agent that sends what one that was killed had still to send; it runs no script again."""
        count = self._started_again.get(launched, 0)
        if count == _STARTED_AGAIN:
            return False
        self._started_again[launched] = count + 1
        try:
            self._start(launched)
        except OSError:
            return False
        return True

    def _agent_of(self, launched: str) -> Mapping[str, Any] | None:
        """Return the agent's process if it is there."""
        place = self._folder / launched
        return next((each for name in (AGENT, CHILD) if is_alive(each := _read(place / name))), None)

    def _signal(self, launched: str, number: int) -> None:
        agent = self._agent_of(launched)
        if agent is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(agent["pid"], number)

    def _child_lives(self, launched: str) -> bool:
        with self._lock:
            child = self._children.get(launched)
            if child is None:
                return False
            if child.poll() is None:
                return True
            del self._children[launched]
            return False

    def _end_at_once(self, launched: str) -> None:
        self._signal(launched, signal.SIGKILL)
        with self._lock:
            child = self._children.pop(launched, None)
        if child is not None:
            child.kill()
            child.wait()
        _kill_group(self._folder / launched / SCRIPT)
        self._started_again.pop(launched, None)


def _ended(end: Mapping[str, Any]) -> AgentReport:
    return AgentReport(AgentState.ENDED, end["status"], end.get("exit_code"), end.get("reason", ""))


def passed_on(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a server that its jobs may have."""
    return {
        name: value
        for name, value in variables.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }


def is_alive(process: Mapping[str, Any]) -> bool:
    """Whether a process that was written down is still there, and no other one of its number."""
    fields = _stat(process["pid"]) if process else None
    return fields is not None and fields[0] not in ("Z", "X") and int(fields[19]) == process["started"]


def _kill_group(path: Path) -> None:
    """End the processes of a script that was written down, those too whose parent has ended already.

    The kernel gives nobody a number that is a group's name still. So what goes by that name is the script's
    as long as its leader is, or is gone; unless the machine was started anew meanwhile.
    """
    script = _read(path)
    if not script or path.stat().st_mtime < _boot_s():
        return
    leader = _stat(script["pid"])
    if leader is None or int(leader[19]) == script["started"]:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(script["group"], signal.SIGKILL)


def _stat(pid: int) -> list[str] | None:
    """Return what the kernel says of a process, from its state on."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name of the program stands in brackets and may hold anything.
    return words.rpartition(")")[2].split()


def _boot_s() -> float:
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def _read(path: Path) -> dict[str, Any]:
    """Return what an agent has written down; nothing if it has not."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _last_line(path: Path) -> str:
    try:
        lines = path.read_bytes()[-_LAST_BYTES:].decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _write_private(path: Path, content: Mapping[str, Any]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        json.dump(content, opened)
        opened.flush()
        os.fsync(descriptor)
