"""What goes on for long, as a large file up or down, ends with the right to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from anyio.to_thread import run_sync
from starlette.types import Message, Receive, Send

from runyard.errors import RunyardError

LOOKS_EVERY_S: Final = 0.25
"""With what remembers credentials and rights for a moment, that is within the second."""


class Lasting:
    """Looks again, while a request goes on, whether its sender may still have it.

    Args:
        check: Raises what is wrong, if it is; called in a worker thread.
    """

    __slots__ = ("_check", "_looked_s")

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._looked_s = time.monotonic()

    def receiving(self, receive: Receive) -> Receive:
        """Return ``receive`` such that no piece of a body is taken from whom it is refused by now."""

        async def received() -> Message:
            message = await receive()
            await self._look()
            return message

        return received

    def sending(self, send: Send) -> Send:
        """Return ``send`` such that no piece of an answer goes to whom it is refused by now."""

        async def sent(message: Message) -> None:
            await self._look()
            await send(message)

        return sent

    async def _look(self) -> None:
        if time.monotonic() - self._looked_s < LOOKS_EVERY_S:
            return
        try:
            await run_sync(self._check)
        except RunyardError as error:
            if error.http_status < 500:
                raise
            # Where the database is away nothing can be taken from anybody; it is asked again.
        self._looked_s = time.monotonic()
