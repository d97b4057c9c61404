"""The process of a script: its output is read, signals are passed on to it, its end is explained."""

from __future__ import annotations

import fcntl
import os
import pty
import selectors
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

READ_AT_ONCE_BYTES = 1 << 16
LOOKS_EVERY_S = 1.0
READ_AFTER_END_S = 5.0

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STOPPING = frozenset({*_PASSED_ON, signal.SIGQUIT, signal.SIGKILL})

Take = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class ScriptEnd:
    """How a script ended.

    Args:
        status: ``FINISHED``, ``FAILED`` or ``KILLED``.
        reason: Why, where it did not finish.
        exit_code: The code that a shell would show.
    """

    status: str
    reason: str
    exit_code: int


def run_child(
    command: Sequence[str],
    environment: Mapping[str, str],
    takers: Mapping[int, Take],
    look: Callable[[], None],
) -> ScriptEnd:
    """Run a command to its end and return how it ended.

    Signals that ask this process to stop go to the child, whose end is then waited for.

    Args:
        command: The command.
        environment: Its variables.
        takers: What to do with what it prints, by descriptor: 1 and 2.
        look: Called every second or so.

    Raises:
        OSError: It can't be started.
    """
    kills = oom_kills()
    with _Signals() as signals:
        ends = {descriptor: _pipe(descriptor) for descriptor in takers}
        try:
            process = subprocess.Popen(
                list(command), env=dict(environment), stdout=ends[1][1], stderr=ends[2][1]
            )
        finally:
            for _, written in ends.values():
                os.close(written)
        signals.process = process
        _read({ends[descriptor][0]: take for descriptor, take in takers.items()}, process, look)
        code = process.wait()
        return _explained(code, is_stopped=signals.received, ran_out=oom_kills() > kills)


class _Signals:
    """Passes on to a child what asks this process to stop, as long as it is entered."""

    def __init__(self) -> None:
        self.received = False
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] = []
        self._before: dict[int, Any] = {}

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The child; what came before there was one is passed on when it is set."""
        return self._process

    @process.setter
    def process(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        for number in self._waiting:
            process.send_signal(number)

    def __enter__(self) -> _Signals:
        for number in _PASSED_ON:
            # What `nohup` made us ignore, the child ignores too.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._pass_on)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        self.received = True
        if self._process is None:
            self._waiting.append(number)
        elif number != signal.SIGINT or not _is_at_terminal():
            self._process.send_signal(number)


def _is_at_terminal() -> bool:
    """Tell whether Ctrl-C reaches the child by itself: a terminal sends it to its whole foreground group."""
    try:
        return os.tcgetpgrp(sys.__stdin__.fileno() if sys.__stdin__ else -1) == os.getpgrp()
    except (OSError, ValueError):
        return False


def _pipe(live: int) -> tuple[int, int]:
    """Return a pair to read from and write to: a terminal where the person's own stream is one."""
    if not os.isatty(live):
        return os.pipe()
    read, written = pty.openpty()
    attributes = termios.tcgetattr(written)
    # The person's own terminal turns line ends into what it needs; twice would be kept in the log.
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(written, termios.TCSANOW, attributes)
    fcntl.ioctl(written, termios.TIOCSWINSZ, fcntl.ioctl(live, termios.TIOCGWINSZ, bytes(8)))
    return read, written


def _read(takers: Mapping[int, Take], process: subprocess.Popen[bytes], look: Callable[[], None]) -> None:
    """Read to the ends, but not for ever from what a process left in the background holds open."""
    with selectors.DefaultSelector() as selector:
        for descriptor, take in takers.items():
            selector.register(descriptor, selectors.EVENT_READ, take)
        ended_s: float | None = None
        while selector.get_map():
            ready = selector.select(LOOKS_EVERY_S)
            for key, _ in ready:
                content = _content(key.fd)
                if content:
                    key.data(content)
                else:
                    selector.unregister(key.fd)
            look()
            if ended_s is None and process.poll() is not None:
                ended_s = time.monotonic()
            if ended_s is not None and (not ready or time.monotonic() - ended_s > READ_AFTER_END_S):
                break
    for descriptor in takers:
        os.close(descriptor)


def _content(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, READ_AT_ONCE_BYTES)
    except OSError:
        # What a terminal answers when nobody holds its other end any more.
        return b""


def _explained(code: int, *, is_stopped: bool, ran_out: bool) -> ScriptEnd:
    if code == 0:
        return ScriptEnd("FINISHED", "", 0)
    if code > 0:
        beside = ", and the machine ran out of memory meanwhile" if ran_out else ""
        return ScriptEnd("KILLED" if is_stopped else "FAILED", f"exit code {code}{beside}", code)
    number = -code
    exit_code = 128 + number
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    if number == signal.SIGKILL and ran_out:
        return ScriptEnd("FAILED", "the machine ran out of memory (SIGKILL)", exit_code)
    return ScriptEnd("KILLED" if number in _STOPPING else "FAILED", f"ended by {name}", exit_code)


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
            found += _count(root / path.lstrip("/") / "memory.events")
        elif "memory" in controllers.split(","):
            # A container sees its own group as the root.
            own = root / "memory" / path.lstrip("/") / "memory.oom_control"
            found += _count(own if own.exists() else root / "memory" / "memory.oom_control")
    return found


def _count(events: Path) -> int:
    try:
        words = events.read_text(encoding="ascii").split()
        return int(words[words.index("oom_kill") + 1])
    except (OSError, ValueError, IndexError):
        return 0
