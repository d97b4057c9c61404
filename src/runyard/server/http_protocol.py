"""HTTP/1.1 as uvicorn speaks it, but for forms of requests, how far uploads run ahead, and small answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from runyard.server.answers import CUT_OFF, WHOLE
from runyard.server.asked import AGAIN
from runyard.server.bodies import HAS_COME, SLOWEST_BYTES_PER_S
from runyard.server.repeated import Repeated, Told

RUN_AHEAD_BYTES = 1024 * 1024
MAX_HEAD_BYTES = 256 * 1024
"""How much of a request's head may come after the first piece of it that was read."""
MAX_KNOWN_HEADS = 16
"""Of a connection: bodies of each length have a head of their own, as it says the length."""
MAX_KNOWN_HEAD_BYTES = 8192
UNREAD_S = 600.0
"""How long somebody may read nothing of an answer that was sent to them."""
_STEERING = frozenset({b"transfer-encoding", b"expect", b"upgrade", b"trailer"})
"""Headers that change how a request is read or what comes after it."""
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
    Nor is a sender waited for longer than for the next request on an idle connection, who connects and says
    nothing, sends a head in drops, or has been answered and does not come to the end of the request. Who
    asks for a file and then does not read it holds a piece of it in memory, and is hung up on as well.

    While the application writes a piece of an upload to the disk, up to ``RUN_AHEAD_BYTES`` of the next one
    may arrive. With uvicorn's 64 KiB it would be stopped and started again for each of them.

    A request in the words of one that was answered before is neither parsed nor routed again, see
    ``repeated.py``.

    A small answer is written at once, see :class:`WholeAnswers`. The timer that ends an idle connection runs
    on while it is in use: to stop it and set it anew for each request costs more than a look at the clock.
    """

    _idle_from_s: float | None = None
    """Since when a request, or the rest of one that was answered, is waited for; ``None`` if it is not."""
    _is_in_head = False
    _head_bytes = 0
    _is_between = True
    """Whether the next byte begins a request: those before it have come whole and been answered."""
    _has_ended = False
    """Whether all of the request that came last has come."""
    _head = b""
    """Of the request that came last, as it came, if nothing else came with it."""
    _body_bytes = 0
    _known: Mapping[bytes, tuple[int, Repeated]] = MappingProxyType({})
    """What answers a head again, and how long its body is."""
    _held = b""
    """A head that is known, while its body is on its way."""
    _is_repeating = False
    _came_meanwhile = b""
    _is_last = False
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._become_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what came."""
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        self._look_no_more()

    def pause_writing(self) -> None:
        """Have the application wait for who reads slower than it writes."""
        super().pause_writing()
        if self._unread is None:
            self._look_whether_read()

    def resume_writing(self) -> None:
        """Let the application go on."""
        super().resume_writing()
        self._look_no_more()
        if self._idle_from_s is not None:  # only now has what was answered been read
            self._become_idle()

    def data_received(self, data: bytes) -> None:
        """Read a piece of what the other side sends."""
        if self._is_repeating:
            self._keep_for_later(data)
            return
        if self._is_between:
            data, self._held = self._held + data, b""
            end = data.find(b"\r\n\r\n") + 4
            if self._is_answered_again(data, end):
                return
            self._is_between, self._body_bytes = False, len(data) - end
            self._head = data[:end] if 4 <= end <= MAX_KNOWN_HEAD_BYTES else b""
        else:
            self._body_bytes += len(data)
        was_in_head = self._is_in_head
        super().data_received(data)
        if was_in_head and self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self._refuse_head()

    def on_message_begin(self) -> None:
        """Begin with the head of a request."""
        self._is_in_head, self._head_bytes = True, 0
        self._has_ended = self._is_between = False
        if self._idle_from_s is not None:  # else another one is being answered
            self._become_idle()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Go on to the application once the request's head has been read."""
        if not self.url.startswith((b"/", b"*")):
            named = httptools.parse_url(self.url).host
            self.headers.append((b"host", named or b""))
        self._idle_from_s = None
        super().on_headers_complete()
        self._is_in_head = False
        self.headers = []  # for trailers; the application has the other list
        if self.cycle is not None:
            self.cycle.__class__ = WholeAnswers
            self.cycle.scope["extensions"] = _EXTENSIONS

    def on_message_complete(self) -> None:
        """Note that the application need not wait for the body."""
        self._has_ended = True
        if self.cycle is not None:
            self.cycle.scope["state"][HAS_COME] = True
            # Who was refused before the end of the body has an answer already.
            self._is_between = self.cycle.response_complete and not self.pipeline
            if self._is_between:
                self._become_idle()
        super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body for the application."""
        cycle = self.cycle
        if cycle.response_complete:
            if self._idle_from_s is not None:
                earned_s = len(body) / SLOWEST_BYTES_PER_S
                self._idle_from_s = min(self._idle_from_s + earned_s, self.loop.time())
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
        self._is_between = self._has_ended
        self._remember()
        self._become_idle()

    def shutdown(self) -> None:
        """End once what has begun is answered."""
        if self._held:
            self._is_between, held, self._held = False, self._held, b""
            super().data_received(held)
        self._is_last = True
        if not self._is_repeating:
            super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it has been idle for long enough."""
        self.timeout_keep_alive_task = None
        if self.transport.is_closing() or self._idle_from_s is None:
            return
        left_s = self._idle_from_s + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._look_again(left_s)
        elif self.flow.write_paused:
            # A large answer is on its way: to close gives it 30 s more over TLS. See `_end_unread`.
            self._look_again(self.timeout_keep_alive)
        else:
            self.transport.close()

    def _remember(self) -> None:
        """Keep the head of a request that has been answered, if it may come again."""
        cycle, head, self._head = self.cycle, self._head, b""
        again = cycle.scope["state"].get(AGAIN) if head and cycle is not None else None
        if again is None or not self._is_between or not cycle.keep_alive:
            return
        headers = cycle.scope["headers"]
        length = (b"content-length", b"%d" % self._body_bytes)
        if length in headers and not any(name in _STEERING for name, _ in headers):
            kept = self._known if len(self._known) < MAX_KNOWN_HEADS else {}
            self._known = {**kept, head: (self._body_bytes, again)}

    def _is_answered_again(self, data: bytes, end: int) -> bool:
        """Answer a request whose head is known, or wait for its body; return whether that is so."""
        known = self._known.get(data[:end])
        if known is None or self.flow.write_paused or self.transport.is_closing():
            return False
        missing_bytes = known[0] - (len(data) - end)
        if missing_bytes > 0 and len(data) == end:
            # Many clients send head and body apart. A body that never comes ends as an idle connection does.
            self._held, self._idle_from_s = data, self.loop.time()
            return True
        if missing_bytes:
            return False
        self._idle_from_s = None
        self._is_repeating = known[1].ask(data[end:], self._answer_again)
        return self._is_repeating

    def _answer_again(self, told: Told) -> None:
        """Write the answer to a request whose head was known, and go on with what came meanwhile."""
        self._is_repeating = False
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        status, headers, body = told
        last = [(b"connection", b"close")] if self._is_last else []
        lines = [*self.server_state.default_headers, *headers, *last]
        self.transport.write(written(STATUS_LINE[status], lines, body))
        if self._is_last:
            self.transport.close()
            return
        self._become_idle()
        came, self._came_meanwhile = self._came_meanwhile, b""
        if came:
            self.flow.resume_reading()
            self.data_received(came)

    def _keep_for_later(self, data: bytes) -> None:
        self._came_meanwhile += data
        if len(self._came_meanwhile) > RUN_AHEAD_BYTES:
            self.flow.pause_reading()

    def _become_idle(self) -> None:
        self._idle_from_s = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_again(self.timeout_keep_alive)

    def _refuse_head(self) -> None:
        """Say so and hang up; in the middle of another answer, only hang up."""
        if getattr(self.cycle, "response_complete", True):
            self.transport.write(_HEAD_TOO_LARGE)
        self.transport.close()

    def _look_again(self, after_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(after_s, self.timeout_keep_alive_handler)

    def _look_whether_read(self) -> None:
        left_bytes = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(UNREAD_S, self._end_unread, left_bytes)

    def _look_no_more(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _end_unread(self, left_bytes: int) -> None:
        """Hang up if nothing was read since so many bytes were left."""
        if self.transport.get_write_buffer_size() < left_bytes:
            self._look_whether_read()
        else:
            self.transport.abort()

    def _unset_keepalive_if_required(self) -> None:
        """Let the timer run on: it looks at the clock, and not every byte that comes is a request."""


class WholeAnswers(RequestResponseCycle):
    """Also writes head and body of an answer in one piece: two cost each side a wake-up and a system call."""

    async def send(self, message: Any) -> None:
        """Send a message of the application's; ``WHOLE`` has the fields of a start and of a body."""
        if message["type"] == CUT_OFF:
            self.disconnected = True
            self.transport.close()
            return
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
        return written(first, headers, b"" if self.scope["method"] == "HEAD" else message["body"])


def written(first: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bytes:
    """Return an answer as it goes over the wire.

    Raises:
        RuntimeError: A header would become two.
    """
    lines = b"".join([first, *[b"%b: %b\r\n" % header for header in headers]])
    if lines.count(b"\n") != len(headers) + 1:
        raise RuntimeError("A header of an answer has more than one line.")
    return b"".join((lines, b"\r\n", body))
