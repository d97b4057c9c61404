"""A proxy between client and server that loses answers, tears them, or answers itself: by a seeded script."""

from __future__ import annotations

import http.client
import random
import threading
from collections import Counter
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

LOSSES = ("lost", "torn", "wrong length", "500", "502", "503", "429", "refused")
"""After the server has done its work: no answer, half of it, one that says it is longer, an error in its
place. Before the server has heard of it: an error with a time to try again at, or a closed connection."""


class LossyProxy:
    """Stands before a server; a part of all requests that change something meets a loss.

    Args:
        url: The server's address.
        part: Which part of them, between 0 and 1.
        seed: Of the script: the same requests meet the same losses.
        losses: What they may meet.
    """

    def __init__(self, url: str, part: float, seed: int, losses: Sequence[str] = LOSSES) -> None:
        address = urlsplit(url)
        self.met: Counter[str] = Counter()
        self._draw = random.Random(seed)
        self._part = part
        self._losses = losses
        self._lock = threading.Lock()
        self._server = _Server(self, address.hostname or "", address.port)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def next_loss(self) -> str | None:
        """What the next request meets."""
        with self._lock:
            if self._draw.random() >= self._part:
                return None
            loss = self._draw.choice(self._losses)
            self.met[loss] += 1
            return loss

    def close(self) -> None:
        """Take no more requests."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, proxy: LossyProxy, host: str, port: int | None) -> None:
        self.proxy, self.host, self.port = proxy, host, port
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: the test does."""

    def _answer(self) -> None:
        loss = self.server.proxy.next_loss() if self.command != "GET" else None
        self.close_connection = loss is not None
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if loss in ("503", "429"):
            self._send(int(loss), [("Retry-After", "0"), ("Content-Type", "application/json")], b"{}")
        elif loss != "refused":
            self._answer_late(loss, *self._pass_on(body))

    def _answer_late(
        self, loss: str | None, status: int, headers: list[tuple[str, str]], body: bytes
    ) -> None:
        if loss == "lost":
            return
        if loss in ("500", "502"):
            self._send(int(loss), [("Content-Type", "text/html")], b"<p>it went wrong</p>")
        elif loss == "torn":
            self._send(status, headers, body[: len(body) // 2])
        elif loss == "wrong length":
            self._send(status, headers, body, len(body) + 10)
        else:
            self._send(status, headers, body)

    def _pass_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        server = http.client.HTTPConnection(self.server.host, self.server.port, timeout=60)
        try:
            server.request(self.command, self.path, body, headers)
            answer = server.getresponse()
            kept = ("content-type", "retry-after")
            shown = [item for item in answer.getheaders() if item[0].lower() in kept]
            return answer.status, shown, answer.read()
        finally:
            server.close()

    def _send(
        self, status: int, headers: list[tuple[str, str]], body: bytes, length: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer
