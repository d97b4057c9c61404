"""Brings the pieces of a console to the server, beside the script and as long as it takes."""

from __future__ import annotations

import logging
import threading
import time

from runyard.agent.console import Console, Piece
from runyard.agent.orders import Orders
from runyard.agent.server import FIRST_REST_S, LONGEST_REST_S, Away, Refused, Server, rest

LOOKS_EVERY_S = 0.25

_log = logging.getLogger("runyard.agent")


class Courier:
    """A thread that sends what of a console is due.

    Args:
        server: Where to.
        console: What of.
        path: Where the pieces go: the folder of this attempt's console among the artifacts; empty where the
            server does not keep them.
        orders: Tell when there is no need any more.
    """

    def __init__(self, server: Server, console: Console, path: str, orders: Orders) -> None:
        self._server = server
        self._console = console
        self._path = path
        self._orders = orders
        self._is_last = False
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def finish(self) -> None:
        """Return when all is sent, or when there is no need any more; it may take days."""
        self._is_last = True
        self._console.news.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        rest_s = FIRST_REST_S
        while not self._orders.is_over:
            is_last = self._is_last
            self._console.news.clear()
            due = self._console.due(is_last=is_last)
            if due is None and is_last:
                return
            if due is None:
                self._console.news.wait(LOOKS_EVERY_S)
                continue
            log, piece = due
            try:
                self._send(piece)
            except Away as away:
                _log.info("%s", away)
                rest(max(rest_s, away.rest_s), lambda: self._orders.is_over, self._orders.count_answers)
                rest_s = min(rest_s * 2, LONGEST_REST_S)
                continue
            except (Refused, OSError) as error:
                _log.warning("%s is not kept: %s", piece.path.name, error)
            rest_s = FIRST_REST_S
            log.sent(piece, time.monotonic())

    def _send(self, piece: Piece) -> None:
        if not self._path:
            return
        with piece.path.open("rb") as opened:
            content = opened.read(piece.size_bytes)
        self._server.put_artifact(f"{self._path}/{piece.path.name}", content, len(content))
