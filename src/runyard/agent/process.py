"""A process of the agent's: a group of its own that can't outlive the agent, begun when that is on record."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runyard.agent.contained import Contained
from runyard.agent.marks import kill_group

READ_AT_ONCE_BYTES = 1 << 16
LOOKS_EVERY_S = 0.1
READ_AFTER_END_S = 5.0

# The first thing in the process: it waits for what to become, and ends if the agent dies before it has said
# so. Python ignores two signals that programs expect to be ended by, and whoever has started the agent in the
# background others; what it is told is UTF-8 in any locale.
_BEGINNING = """
import json, os, signal, sys
try:
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
except (ImportError, OSError, AttributeError):
    pass
try:
    told = json.loads(sys.stdin.buffer.read())
except ValueError:
    sys.exit(125)
try:
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("500")
except OSError:
    pass
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
for number in signal.valid_signals():
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
os.umask(told["umask"])
if told["cpus"]:
    try:
        os.sched_setaffinity(0, told["cpus"])
    except OSError as error:
        sys.stderr.write("The processors %s can't be used alone: %s\\n" % (told["cpus"], error.strerror))
try:
    os.chdir(told["folder"])
    os.execvpe(told["command"][0], told["command"], told["variables"])
except (OSError, ValueError) as error:
    reason = getattr(error, "strerror", None) or error
    sys.stderr.write("%r can't be started: %s\\n" % (told["command"][0], reason))
    sys.exit(127 if isinstance(error, FileNotFoundError) else 126)
"""

Take = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Command:
    """What to run.

    Args:
        words: The program and what it is given, never read by a shell.
        variables: All variables of the process.
        folder: Where it runs.
        umask: Which permissions it does not give to files that it makes.
        cpus: Indices of the processors that it runs on; empty for all.
        container: What it runs is in there, and must be ended there too; None for none.
    """

    words: Sequence[str]
    variables: Mapping[str, str]
    folder: Path
    umask: int = 0o077
    cpus: Sequence[int] = ()
    container: Contained | None = None


class Process:
    """A command that has not begun yet: :meth:`begin` lets it.

    It must be made in a thread that lives as long as the agent: with its thread the process would end.

    Args:
        command: What it is to run.

    Raises:
        OSError: There can't be another process.
    """

    def __init__(self, command: Command) -> None:
        self._command = command
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-S", "-X", "utf8", "-c", _BEGINNING],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._exit_code: int | None = None

    @property
    def pid(self) -> int:
        """Its id, and that of its group."""
        return self._popen.pid

    def begin(self) -> None:
        """Let it run the command."""
        told = {
            "command": list(self._command.words),
            "variables": dict(self._command.variables),
            "folder": str(self._command.folder),
            "umask": self._command.umask,
            "cpus": list(self._command.cpus),
        }
        stdin = _there(self._popen.stdin)
        try:
            stdin.write(json.dumps(told).encode("ascii"))
            stdin.close()
        except BrokenPipeError:
            # Something killed it already, which its exit code tells.
            pass

    def signal(self, number: int) -> None:
        """Send a signal to it and to what it has started."""
        if self._exit_code is None:
            kill_group(self.pid, number)

    def read(self, stdout: Take, stderr: Take, look: Callable[[], None]) -> int:
        """Read what it prints until it has ended, end what it left behind, and return its code.

        Args:
            stdout: Takes what it prints.
            stderr: Takes what it complains about.
            look: Called ten times a second or so.

        Returns:
            The exit code, or the negative number of the signal that ended it.
        """
        takers = {_there(self._popen.stdout): stdout, _there(self._popen.stderr): stderr}
        with selectors.DefaultSelector() as selector:
            for stream, take in takers.items():
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ, take)
            while not self._has_ended():
                if not selector.get_map():
                    time.sleep(LOOKS_EVERY_S)
                _read_ready(selector, LOOKS_EVERY_S)
                look()
            _read_ready(selector, 0)
            # The id can't be another group's: the process was not waited for yet.
            kill_group(self.pid)
            self._exit_code = self._popen.wait()
            _read_rest(selector)
        self._close()
        return self._exit_code

    def kill(self) -> None:
        """End it and what it has started at once, if it has not ended."""
        if self._exit_code is None:
            kill_group(self.pid)
            self._exit_code = self._popen.wait()
        self._close()

    def _has_ended(self) -> bool:
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, flags) is not None

    def _close(self) -> None:
        for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if stream is not None and not stream.closed:
                stream.close()


def _there(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None, "made with three pipes"
    return stream


def _read_ready(selector: selectors.BaseSelector, wait_s: float) -> bool:
    """Hand on what there is; return whether there was anything."""
    ready = selector.select(wait_s) if selector.get_map() else []
    for key, _ in ready:
        try:
            content = os.read(key.fd, READ_AT_ONCE_BYTES)
        except BlockingIOError:
            continue
        if content:
            key.data(content)
        else:
            selector.unregister(key.fileobj)
    return bool(ready)


def _read_rest(selector: selectors.BaseSelector) -> None:
    """Read to the ends, but not for ever from what somebody who left the group holds open."""
    until_s = time.monotonic() + READ_AFTER_END_S
    while selector.get_map() and time.monotonic() < until_s:
        if not _read_ready(selector, LOOKS_EVERY_S):
            break


@dataclass(frozen=True, slots=True)
class ProcessEnd:
    """How a process ended.

    Args:
        exit_code: The code that a shell would show.
        reason: Why, where it did not end well.
    """

    exit_code: int
    reason: str


def explained(code: int, *, ran_out: bool) -> ProcessEnd:
    """Return how a process ended, in the words of ``runyard run``.

    Args:
        code: What :meth:`Process.read` returned.
        ran_out: Whether the kernel killed something to get memory back meanwhile.
    """
    if code == 0:
        return ProcessEnd(0, "")
    if code > 0:
        # A worker of its that was killed for that is why many a script fails.
        beside = ", and the machine ran out of memory meanwhile" if ran_out else ""
        return ProcessEnd(code, f"exit code {code}{beside}")
    number = -code
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    if number == signal.SIGKILL and ran_out:
        return ProcessEnd(128 + number, "the machine ran out of memory (SIGKILL)")
    return ProcessEnd(128 + number, f"ended by {name}")


def all_oom_kills(counts: Path = Path("/proc/vmstat")) -> int:
    """Return how many processes of the whole machine the kernel has killed to get memory back."""
    return count_of(counts)


def oom_kills(root: Path = Path("/sys/fs/cgroup"), groups: Path = Path("/proc/self/cgroup")) -> int:
    """Return how many processes of this one's control group the kernel has killed to get memory back."""
    try:
        lines = groups.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return 0
    found = 0
    for line in lines:
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if number == "0":
            found += count_of(root / path.lstrip("/") / "memory.events")
        elif "memory" in controllers.split(","):
            # A container sees its own group as the root.
            own = root / "memory" / path.lstrip("/") / "memory.oom_control"
            found += count_of(own if own.exists() else root / "memory" / "memory.oom_control")
    return found


def count_of(events: Path) -> int:
    """Return how many processes were killed for memory, by a file that counts them; 0 if it is not there."""
    try:
        words = events.read_text(encoding="ascii").split()
        return int(words[words.index("oom_kill") + 1])
    except (OSError, ValueError, IndexError):
        return 0
