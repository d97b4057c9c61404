"""A limit for all of an exchange over the network: a socket's own begins anew with each byte that comes."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Cut:
    """Cuts connections when it is told to, from any thread."""

    def __init__(self) -> None:
        self._watched: list[socket.socket] = []
        self._lock = threading.Lock()
        self._is_done = False

    @property
    def is_done(self) -> bool:
        """Whether it was told to: what comes to its end then may look whole."""
        return self._is_done

    def watch(self, opened: socket.socket) -> None:
        """Let a connection be cut too; at once, if the others were."""
        with self._lock:
            # TLS takes the socket itself over.
            self._watched.append(socket.socket(fileno=os.dup(opened.fileno())))
            if self._is_done:
                self._cut()

    def now(self) -> None:
        """Cut them all."""
        with self._lock:
            self._is_done = True
            self._cut()

    def close(self) -> None:
        """Let go of the connections as they are."""
        with self._lock:
            while self._watched:
                self._watched.pop().close()

    def _cut(self) -> None:
        for each in self._watched:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def cut_after(seconds: float, *opened: socket.socket) -> Iterator[Cut]:
    """Cut connections if what is done with them in the block takes longer; more may come to be watched."""
    cut = Cut()
    timer = threading.Timer(max(0.0, seconds), cut.now)
    timer.daemon = True
    try:
        for each in opened:
            cut.watch(each)
        timer.start()
        yield cut
    finally:
        timer.cancel()
        if timer.ident is not None:
            timer.join()
        cut.close()
