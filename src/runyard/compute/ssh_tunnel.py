"""The way back: a port of a host's loopback that leads to the server, always the same one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from runyard.compute.ssh_address import NotForwarded
from runyard.compute.ssh_machine import SshMachine

FILE_NAME = "tunnel-port"

_log = logging.getLogger("runyard.jobs")


class SshTunnel:
    """Lets the agents of a host reach the server; what was told to them holds after any restart.

    Args:
        machine: The host.
        path: The socket of the server that the port leads to.
        folder: Where the port is written down.
        port: Which port it has to be; 0 for the one that was free the first time.
    """

    def __init__(self, machine: SshMachine, path: str, folder: Path, port: int = 0) -> None:
        self._machine = machine
        self._path = path
        self._file = folder / FILE_NAME
        self._port = port
        self._is_complained_of = False

    def check(self) -> None:
        """Return if the host allows it.

        Raises:
            Unavailable: It does not, or does not answer.
        """
        self._machine.forward(self._port, self._path)

    def open_for(self, url: str, is_needed: Callable[[], bool]) -> str:
        """Return where a new agent on the host reaches the server.

        Args:
            url: Where the server is reached here.
            is_needed: Whether agents on the host may look for the server by the port that it had.

        Raises:
            Unavailable: The host does not answer; or that port is taken, and agents look for it there.
        """
        try:
            port = self._machine.forward(self._wanted, self._path)
        except NotForwarded:
            if self._port or not self._wanted or is_needed():
                raise
            port = self._machine.forward(0, self._path)
        self._write_down(port)
        return f"{urlsplit(url).scheme}://127.0.0.1:{port}"

    def hold(self) -> None:
        """Open it again if it was lost, for the agents that are there; says once in the log if it can't.

        Raises:
            Unavailable: The host does not answer.
        """
        port = self._wanted
        try:
            if port:
                self._machine.forward(port, self._path)
            self._is_complained_of = False
        except NotForwarded as error:
            # Whoever has it now may let go of it; agents look there for days.
            if not self._is_complained_of:
                _log.warning("jobs on %s can't reach the server: %s", self._machine.host, error)
            self._is_complained_of = True

    @property
    def _wanted(self) -> int:
        if self._port:
            return self._port
        try:
            return int(self._file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0

    def _write_down(self, port: int) -> None:
        if port == self._wanted:
            return
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = self._file.with_suffix(".new")
        written.write_text(str(port), encoding="ascii")
        written.replace(self._file)
