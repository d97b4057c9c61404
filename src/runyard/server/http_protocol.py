"""HTTP/1.1 as uvicorn reads it, but for two things: a form of request, and how far uploads run ahead."""

from __future__ import annotations

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from runyard.server.bodies import HAS_COME

RUN_AHEAD_BYTES = 1024 * 1024


class StrictHttpProtocol(HttpToolsProtocol):
    """Shows the wall a host that a request names in its first line, and when a body lies there whole.

    ``GET http://evil.example/ HTTP/1.1`` is meant for proxies. The host in it goes before the ``Host``
    header, and uvicorn drops it. Here it becomes a second ``Host`` header, which the wall refuses.

    While the application writes a piece of an upload to the disk, up to ``RUN_AHEAD_BYTES`` of the next one
    may arrive. With uvicorn's 64 KiB it would be stopped and started again for each of them.
    """

    def on_headers_complete(self) -> None:
        """Go on to the application once the request's head has been read."""
        if not self.url.startswith((b"/", b"*")):
            named = httptools.parse_url(self.url).host
            self.headers.append((b"host", named or b""))
        super().on_headers_complete()

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
