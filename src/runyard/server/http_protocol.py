"""HTTP/1.1 as uvicorn speaks it, but for forms of requests, how far uploads run ahead, and small answers."""

from __future__ import annotations

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from runyard.server.answers import WHOLE
from runyard.server.bodies import HAS_COME

RUN_AHEAD_BYTES = 1024 * 1024
MAX_HEAD_BYTES = 256 * 1024
"""How much of a request's head may come after the first piece of it that was read."""
_HEAD_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)
_EXTENSIONS: dict[str, dict[object, object]] = {WHOLE: {}}


class StrictHttpProtocol(HttpToolsProtocol):
    """Shows the wall a host that a request names in its first line, and when a body lies there whole.

    ``GET http://evil.example/ HTTP/1.1`` is meant for proxies. The host in it goes before the ``Host``
    header, and uvicorn drops it. Here it becomes a second ``Host`` header, which the wall refuses.

    What comes after a body in chunks, its trailers, is dropped: uvicorn adds it to the headers, and a proxy
    that set or took away a header in front of the body, as ``X-Forwarded-For``, has not looked behind it.

    A head that does not end is cut off: all of it lies in memory, and nobody has said yet who sends it.

    While the application writes a piece of an upload to the disk, up to ``RUN_AHEAD_BYTES`` of the next one
    may arrive. With uvicorn's 64 KiB it would be stopped and started again for each of them.

    A small answer is written at once, see :class:`WholeAnswers`. The timer that ends an idle connection runs
    on while it is in use: to stop it and set it anew for each request costs more than a look at the clock.
    """

    _idle_from_s: float | None = None
    _is_in_head = False
    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Read a piece of what the other side sends."""
        was_in_head = self._is_in_head
        super().data_received(data)
        if was_in_head and self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self._refuse_head()

    def on_message_begin(self) -> None:
        """Begin with the head of a request."""
        self._is_in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Go on to the application once the request's head has been read."""
        if not self.url.startswith((b"/", b"*")):
            named = httptools.parse_url(self.url).host
            self.headers.append((b"host", named or b""))
        super().on_headers_complete()
        self._is_in_head = False
        self.headers = []  # for trailers; the application has the other list
        if self.cycle is not None:
            self.cycle.__class__ = WholeAnswers
            self.cycle.scope["extensions"] = _EXTENSIONS

    def on_message_complete(self) -> None:
        """Note that the application need not wait for the body."""
        if self.cycle is not None:
            self.cycle.scope["state"][HAS_COME] = True
        super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body for the application."""
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > RUN_AHEAD_BYTES:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_response_complete(self) -> None:
        """Go on with the request that came meanwhile, or note that the connection is idle."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_from_s = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_again(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it has been idle for long enough."""
        self.timeout_keep_alive_task = None
        if self.transport.is_closing() or self._idle_from_s is None:
            return
        left_s = self._idle_from_s + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._look_again(left_s)
        else:
            self.transport.close()

    def _refuse_head(self) -> None:
        """Say so and hang up; in the middle of another answer, only hang up."""
        if getattr(self.cycle, "response_complete", True):
            self.transport.write(_HEAD_TOO_LARGE)
        self.transport.close()

    def _look_again(self, after_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(after_s, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_from_s = None


class WholeAnswers(RequestResponseCycle):
    """Also writes head and body of an answer in one piece: two cost each side a wake-up and a system call."""

    async def send(self, message: Any) -> None:
        """Send a message of the application's; ``WHOLE`` has the fields of a start and of a body."""
        if message["type"] != WHOLE:
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        written = self._written(message)
        self.response_started = self.response_complete = True
        self.transport.write(written)
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def _written(self, message: Any) -> bytes:
        headers = [*self.default_headers, *message["headers"]]
        if (b"connection", b"close") in headers:
            self.keep_alive = False
        elif not self.keep_alive:
            headers.append((b"connection", b"close"))
        first = STATUS_LINE[message["status"]]
        if "reason" in message:
            first = b"HTTP/1.1 %d %b\r\n" % (message["status"], message["reason"])
        lines = b"".join([first, *[b"%b: %b\r\n" % header for header in headers]])
        if lines.count(b"\n") != len(headers) + 1:
            raise RuntimeError("A header of an answer has more than one line.")
        body = b"" if self.scope["method"] == "HEAD" else message["body"]
        return b"".join((lines, b"\r\n", body))
