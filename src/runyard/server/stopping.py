"""How a server listens and stops: it says so, goes on for a while, then ends what it has begun."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import uvicorn

from runyard.server.asked import BY_TUNNEL
from runyard.services.operation import Operation


class StoppingServer(uvicorn.Server):
    """Takes requests for ``drain_s`` more after it was told to stop, while ``/readyz`` answers 503.

    So a load balancer turns to another server before this one closes its port. A second Ctrl-C ends the wait.

    Args:
        config: What uvicorn is to do.
        operation: Is told that the server is stopping.
        drain_s: For how long to go on.
        tunnel: A UNIX socket that tunnels lead to; each request that comes by it is marked as such.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        operation: Operation,
        drain_s: float,
        tunnel: socket.socket | None = None,
    ) -> None:
        super().__init__(config)
        self._operation = operation
        self._drain_s = drain_s
        self._tunnel = tunnel
        self._drained_at_s = 0.0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections."""
        await super().startup(sockets)
        if self._tunnel is None:
            return

        def protocol() -> Any:
            speaks: Any = self.config.http_protocol_class
            return speaks(config=self.config, server_state=self.server_state, app_state={BY_TUNNEL: True})

        listening = await asyncio.get_running_loop().create_unix_server(
            protocol, sock=self._tunnel, ssl=self.config.ssl, backlog=self.config.backlog
        )
        self.servers.append(listening)

    async def on_tick(self, counter: int) -> bool:
        """Return whether to close the port now."""
        if not await super().on_tick(counter):
            return False
        if not self._operation.is_stopping:
            self._operation.is_stopping = True
            self._drained_at_s = time.monotonic() + self._drain_s
        return self.force_exit or time.monotonic() >= self._drained_at_s
