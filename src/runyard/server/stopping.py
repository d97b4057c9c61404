"""How a server stops: it says so, goes on for a while, then ends what it has begun."""

from __future__ import annotations

import time

import uvicorn

from runyard.services.operation import Operation


class StoppingServer(uvicorn.Server):
    """Takes requests for ``drain_s`` more after it was told to stop, while ``/readyz`` answers 503.

    So a load balancer turns to another server before this one closes its port. A second Ctrl-C ends the wait.

    Args:
        config: What uvicorn is to do.
        operation: Is told that the server is stopping.
        drain_s: For how long to go on.
    """

    def __init__(self, config: uvicorn.Config, operation: Operation, drain_s: float) -> None:
        super().__init__(config)
        self._operation = operation
        self._drain_s = drain_s
        self._drained_at_s = 0.0

    async def on_tick(self, counter: int) -> bool:
        """Return whether to close the port now."""
        if not await super().on_tick(counter):
            return False
        if not self._operation.is_stopping:
            self._operation.is_stopping = True
            self._drained_at_s = time.monotonic() + self._drain_s
        return self.force_exit or time.monotonic() >= self._drained_at_s
