"""The agents of one machine, each in a folder of its own: started, looked at, ended.

A launcher has one beside the server, or calls one on a far machine: ``python agent.pyz --station FOLDER``
takes a question as JSON from standard input and writes the answer, as JSON too.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from runyard.agent.arrays import Arrays
from runyard.agent.assignment import FILE_NAME
from runyard.agent.contained import end_left
from runyard.agent.marks import boot_id, process_fields, started_ticks, write_whole
from runyard.agent.variables import passed_on

AGENT, SCRIPT, OUTCOME, END = "agent.json", "script.json", "outcome.json", "end.json"
CHILD = "child.json"
"""The agent's process as its parent knows it, until it has said itself who it is."""
LOG = "agent.log"
ALIVE, ENDED, GONE = "alive", "ended", "gone"

_HANDLE = re.compile(r"[0-9a-f]{32}/[0-9]{1,6}")
_LAST_BYTES = 4_096
_STARTED_AGAIN = 3


class Station:
    """Keeps the folders of agents. A handle is a job's run and the number of the attempt: ``<run id>/1``.

    Args:
        folder: Where the folders lie.
        command: What an agent is started with, before its folder.
    """

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        self._folder = folder
        self._command = command
        self.arrays = Arrays(folder / "arrays")
        # A child that has ended stays in the table of processes until its parent asks for it.
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def prepare(self, handle: str, assignment: Mapping[str, Any]) -> Path:
        """Make an agent's folder with what it is told, and return it; what was in its place is ended first.

        Raises:
            OSError: It can't be made.
        """
        self.forget(handle)
        return self._make(handle, assignment)

    def prepare_array(self, token: str, launches: Mapping[str, Mapping[str, Any]]) -> Path:
        """Make the folders of agents that a queue will start as one array, and return the array's own.

        Args:
            token: What tells the array from others.
            launches: What each agent is told, by its handle, in the order of the array.

        Raises:
            OSError: They can't be made.
        """
        self.arrays.release(launches.keys())
        try:
            for handle, assignment in launches.items():
                self._remove(handle)
                self._make(handle, assignment)
            return self.arrays.add(token, list(launches))
        except OSError:
            self.arrays.release(launches.keys())
            for handle in launches:
                self._remove(handle)
            raise

    def empty_array(self, token: str) -> None:
        """Remove the folders of an array's agents; which they were stays known."""
        for handle in self.arrays.read().get(token, {}).values():
            self._remove(handle)

    def start(self, handle: str) -> None:
        """Start an agent in its folder, in a session of its own.

        Raises:
            OSError: It can't be started.
        """
        place = self.place_of(handle)
        with (place / LOG).open("ab") as log:
            child = subprocess.Popen(
                [*self._command, str(place)],
                cwd=place,
                env=passed_on(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        with self._lock:
            self._children[handle] = child
        started = started_ticks(child.pid)
        if started is not None:
            # Whoever looks meanwhile, or after a crash, finds one agent or the other.
            known = {"pid": child.pid, "started": started, "boot": boot_id()}
            write_whole(place / CHILD, json.dumps(known).encode("ascii"))

    def look(self, handles: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return what is seen of agents that were started on this machine.

        The ``state`` of each is ``alive``, ``ended`` or ``gone``; then ``status``, ``exit_code``, ``reason``;
        ``has_run_nothing`` says of one that is gone that its script never began. Of one that is gone the
        script is ended. If it had only things to send, another is started for that.
        """
        return {each: self._look_at(each) for each in handles}

    def read_end(self, handle: str) -> dict[str, Any]:
        """Return how the script of an agent ended, wherever it ran: ``ended`` or ``gone``, as in ``look``."""
        place = self.place_of(handle)
        end = _read(place / END) or _read(place / OUTCOME)
        if end:
            return {"state": ENDED, **end}
        # What an agent was told lies there for as long as its folder does: without that nothing is known.
        has_run_nothing = (place / FILE_NAME).exists() and not (place / SCRIPT).exists()
        return {"state": GONE, "reason": _last_line(place / LOG), "has_run_nothing": has_run_nothing}

    def cancel(self, handle: str) -> None:
        """Have an agent end its script, first gently; nothing happens if it is gone."""
        self._signal(handle, signal.SIGTERM)

    def read_assignment(self, handle: str) -> dict[str, Any]:
        """Return what an agent was told; nothing if there is no such folder."""
        return _read(self.place_of(handle) / FILE_NAME)

    def has(self, handle: str) -> bool:
        """Whether there is such a folder."""
        return self.place_of(handle).is_dir()

    def list_handles(self) -> list[str]:
        """Return the handles of all folders, and of all elements of arrays."""
        found = {f"{each.parent.name}/{each.name}" for each in self._folder.glob("*/*")}
        for elements in self.arrays.read().values():
            found.update(elements.values())
        return sorted(each for each in found if _HANDLE.fullmatch(each))

    def forget(self, handle: str) -> None:
        """End an agent of this machine and its script at once, and remove its folder."""
        self._remove(handle)
        self.arrays.release([handle])

    def place_of(self, handle: str) -> Path:
        """Return the folder of an agent.

        Raises:
            ValueError: No agent has such a handle.
        """
        if not _HANDLE.fullmatch(handle):
            raise ValueError(f"{handle!r} is no handle of an agent")
        return self._folder / handle

    def _make(self, handle: str, assignment: Mapping[str, Any]) -> Path:
        place = self.place_of(handle)
        place.mkdir(mode=0o700, parents=True)
        _write_private(place / FILE_NAME, assignment)
        return place

    def _remove(self, handle: str) -> None:
        self._signal(handle, signal.SIGKILL)
        with self._lock:
            child = self._children.pop(handle, None)
        if child is not None:
            child.kill()
            child.wait()
        place = self.place_of(handle)
        _end_script(place)
        shutil.rmtree(place, ignore_errors=True)
        with contextlib.suppress(OSError):
            place.parent.rmdir()

    def _look_at(self, handle: str) -> dict[str, Any]:
        place = self.place_of(handle)
        end = _read(place / END)
        if end:
            return {"state": ENDED, **end}
        if self._child_lives(handle) or self._agent_of(handle):
            return {"state": ALIVE}
        # It may have written down the end and gone since the first look.
        if not (place / END).exists() and (place / OUTCOME).exists() and self._start_again(handle):
            return {"state": ALIVE}
        found = self.read_end(handle)
        if found["state"] == GONE:
            _end_script(place)
        return found

    def _start_again(self, handle: str) -> bool:
        """Start an agent that sends what one that was killed had still to send; it runs no script again."""
        counted = self.place_of(handle) / "again.json"
        count = int(_read(counted).get("count", 0))
        if count == _STARTED_AGAIN:
            return False
        try:
            counted.write_text(json.dumps({"count": count + 1}), encoding="utf-8")
            self.start(handle)
        except OSError:
            return False
        return True

    def _agent_of(self, handle: str) -> Mapping[str, Any] | None:
        """Return the agent's process if it is there."""
        place = self.place_of(handle)
        return next((each for name in (AGENT, CHILD) if is_alive(each := _read(place / name))), None)

    def _signal(self, handle: str, number: int) -> None:
        agent = self._agent_of(handle)
        if agent is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(agent["pid"], number)

    def _child_lives(self, handle: str) -> bool:
        with self._lock:
            child = self._children.get(handle)
            if child is None:
                return False
            if child.poll() is None:
                return True
            del self._children[handle]
            return False


def answer(station: Station, question: Mapping[str, Any]) -> Any:
    """Return what a station says to a question of a far launcher.

    Args:
        station: Whom it is for.
        question: ``do`` is the name of a method, ``start`` means ``prepare`` too; then ``handle``,
            ``handles``, ``assignment`` or ``launches``.

    Raises:
        ValueError: It is no such question.
        OSError: It can't be done.
    """
    wanted = question.get("do")
    if wanted == "look":
        return station.look(question["handles"])
    if wanted == "read_end":
        return {each: station.read_end(each) for each in question["handles"]}
    if wanted == "list":
        return station.list_handles()
    if wanted == "read_arrays":
        return station.arrays.read()
    if wanted == "prepare_array":
        return str(station.prepare_array(question["array"], question["launches"]))
    if wanted == "empty_array":
        return station.empty_array(question["array"])
    handle = str(question.get("handle"))
    if wanted in ("prepare", "start"):
        place = station.prepare(handle, question["assignment"])
        if wanted == "start":
            station.start(handle)
        return str(place)
    done = {"cancel": station.cancel, "forget": station.forget, "has": station.has}.get(str(wanted))
    if done is None:
        raise ValueError(f"there is nothing that is called {wanted!r}")
    return done(handle)


def is_alive(process: Mapping[str, Any]) -> bool:
    """Whether a process that was written down is still there, and no other one of its number."""
    fields = process_fields(process["pid"]) if process and process.get("boot") == boot_id() else None
    return fields is not None and fields[0] not in ("Z", "X") and int(fields[19]) == process["started"]


def _end_script(place: Path) -> None:
    """End what an agent that is gone has left running: processes, and a container that they are not in."""
    _kill_group(_read(place / SCRIPT))
    end_left(place)


def _kill_group(script: Mapping[str, Any]) -> None:
    """End the processes of a script that was written down, those too whose parent has ended already.

    The kernel gives nobody a number that is a group's name still. So what goes by that name is the script's
    as long as its leader is, or is gone; unless that was another machine, or this one before its last start.
    """
    if not script or script.get("boot") != boot_id():
        return
    if started_ticks(script["pid"]) in (None, script["started"]):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(script["group"], signal.SIGKILL)


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
