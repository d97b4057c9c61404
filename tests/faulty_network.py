"""A network between client and server that can be cut, slow, lossy or half open: a proxy for TCP."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from urllib.parse import urlsplit

READ_AT_ONCE_BYTES = 1 << 16


class FaultyNetwork:
    """Carries bytes between clients and one server, as well as it is told to.

    Args:
        url: The server's address.
        seed: Of the losses: the same order of bytes meets the same ones.
        host: The address of this machine that clients reach it at.
    """

    def __init__(self, url: str, seed: int = 6, host: str = "127.0.0.1") -> None:
        address = urlsplit(url)
        self._server = (address.hostname or "", address.port or 0)
        self._draw = random.Random(seed)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.latency_s = 0.0
        self.loss = 0.0
        self.is_cut = self.is_half_open = False
        self.connections = self.lost = 0
        self._listener = socket.create_server((host, 0))
        self.url = f"http://{host}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self) -> None:
        """Break all connections, and take no new ones."""
        self.is_cut = True
        self._break_all()

    def half_open(self) -> None:
        """Take bytes and connections, and never say anything."""
        self.is_half_open = True

    def heal(self) -> None:
        """Carry everything from now on. What was swallowed stays lost, so its connections break."""
        was_half_open = self.is_half_open
        self.is_cut = self.is_half_open = False
        self.latency_s = self.loss = 0.0
        if was_half_open:
            self._break_all()

    def close(self) -> None:
        """End."""
        self._listener.close()
        self._break_all()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._carry_both, args=(client,), daemon=True).start()

    def _carry_both(self, client: socket.socket) -> None:
        if self.is_cut:
            _break(client)
            return
        try:
            server = socket.create_connection(self._server)
        except OSError:
            _break(client)
            return
        with self._lock:
            self._open |= {client, server}
        for there, back in ((client, server), (server, client)):
            threading.Thread(target=self._carry, args=(there, back), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while content := source.recv(READ_AT_ONCE_BYTES):
                if self.is_half_open:
                    continue
                if self.latency_s:
                    time.sleep(self.latency_s)
                if self._is_lost():
                    break
                target.sendall(content)
        for end in (source, target):
            _break(end)

    def _is_lost(self) -> bool:
        with self._lock:
            is_lost = self._draw.random() < self.loss
            self.lost += is_lost
        return is_lost

    def _break_all(self) -> None:
        with self._lock:
            ended, self._open = self._open, set()
        for each in ended:
            _break(each)


def _break(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
