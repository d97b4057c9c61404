"""How often the kernel has killed for memory in a container, which is not to be seen in the end."""

from __future__ import annotations

import threading
from pathlib import Path

from runyard.agent.contained import Contained
from runyard.agent.process import count_of

READS_EVERY_S = 0.02
"""An engine needs longer to remove the control group of a container that has ended: it starts a program."""
ASKS_EVERY_S = 0.2


class ContainerMemory:
    """Reads the control group of a container while that runs; with the container the group goes.

    Args:
        container: One that is about to begin.
        root: Where control groups are.
        processes: Where the processes of this machine are.
    """

    def __init__(
        self, container: Contained, root: Path = Path("/sys/fs/cgroup"), processes: Path = Path("/proc")
    ) -> None:
        self._container = container
        self._root = root
        self._processes = processes
        self._kills: int | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="container memory", daemon=True)
        self._thread.start()

    def close(self) -> int | None:
        """Return how many processes in it the kernel was seen to kill, now that it has ended.

        None if it ended before its control group was found.
        """
        self._is_over.set()
        self._thread.join()
        return self._kills

    def _read(self) -> None:
        events = None
        while events is None and not self._is_over.wait(ASKS_EVERY_S):
            events = self._find()
        is_last = False
        while events is not None and not is_last:
            is_last = self._is_over.wait(READS_EVERY_S)
            self._kills = max(self._kills or 0, count_of(events))

    def _find(self) -> Path | None:
        """Return the file that counts, once the container runs and if it is on this machine."""
        container_id, _, pid = self._container.ask_what("{{.Id}} {{.State.Pid}}").partition(" ")
        try:
            lines = (self._processes / pid / "cgroup").read_text(encoding="ascii").splitlines()
        except (OSError, ValueError):
            return None
        for line in lines:
            number, controllers, path = (*line.split(":", 2), "", "")[:3]
            # The engine may be one of another machine, where another process has that number.
            if not container_id or container_id not in path:
                continue
            group = path.lstrip("/")
            if "memory" in controllers.split(","):
                return self._root / "memory" / group / "memory.oom_control"
            if number == "0" and (self._root / group / "memory.events").exists():
                return self._root / group / "memory.events"
        return None
