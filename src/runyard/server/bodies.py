"""How much of a request's body is read, for how long, and whether its sender is heard out."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from runyard.errors import InvalidParameter, TooLarge

HEARD_OUT_BYTES = 512 * 1024 * 1024
HAS_COME = "body_has_come"
"""What a server sets in a request's state once all of its body lies in memory: nothing is waited for then."""

_MAX_DIGITS = 18


async def read_whole(receive: Receive) -> bytes:
    """Return the whole body of a request.

    Raises:
        ClientDisconnect: Its sender has gone.
    """
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


class RequestBody:
    """The body of one request, as it arrives.

    Args:
        scope: The request.
        headers: Its headers, which may declare the body's length.
        receive: Where the body comes from.
        max_bytes: The most that is read; ``None`` for an upload, which goes to the store as it comes.
        timeout_s: How long all of it may take to arrive; an upload takes as long as it needs.
        may_be_compressed: Whether who reads it bounds what comes out of it.
    """

    __slots__ = (
        "_declared_bytes",
        "_is_whole",
        "_max_bytes",
        "_may_be_compressed",
        "_read_bytes",
        "_receive",
        "_state",
        "_timeout_s",
        "_until",
    )

    def __init__(
        self,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        receive: Receive,
        max_bytes: int | None,
        timeout_s: float,
        *,
        may_be_compressed: bool = False,
    ) -> None:
        self._may_be_compressed = may_be_compressed
        self._state = scope["state"]
        self._receive = receive
        self._declared_bytes = _declared_bytes(headers)
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._read_bytes = 0
        self._until: float | None = None
        self._is_whole = self._declared_bytes == 0

    def check_head(self, headers: Mapping[bytes, bytes]) -> None:
        """Return if what the headers say of the body can be taken.

        Raises:
            TooLarge: It is declared to be over the limit.
            InvalidParameter: It is compressed: nobody can tell how much comes out of it.
        """
        if self._max_bytes is None:
            return
        encoding = None if self._may_be_compressed else headers.get(b"content-encoding")
        if encoding is not None and encoding.strip().lower() != b"identity":
            shown = encoding.decode("latin-1").strip().lower()[:40]
            raise InvalidParameter(f"Content-Encoding {shown!r} is not supported: send the body as it is.")
        self._check_size(self._declared_bytes or 0)

    @property
    def will_end(self) -> bool:
        """Whether what was not read of it is worth waiting for.

        A client reads the answer only once it has sent its request; if the connection is closed before,
        it sees a broken pipe and no reason. What may never end is not waited for.
        """
        return self._is_whole or (
            self._declared_bytes is not None and self._declared_bytes <= HEARD_OUT_BYTES
        )

    async def receive(self) -> Message:
        """Return the next part of it, or that the connection has ended.

        Raises:
            TooLarge: It is over the limit.
            InvalidParameter: It takes too long to arrive.
        """
        if self._is_whole or self._max_bytes is None:
            message = await self._receive()
        else:
            message = await (self._receive() if HAS_COME in self._state else self._receive_in_time())
            self._read_bytes += len(message.get("body", b""))
            self._check_size(self._read_bytes)
        self._is_whole = not message.get("more_body", False)
        return message

    async def _receive_in_time(self) -> Message:
        if self._until is None:
            self._until = anyio.current_time() + self._timeout_s
        with anyio.CancelScope(deadline=self._until):
            return await self._receive()
        raise InvalidParameter(f"The request's body did not arrive within {self._timeout_s:g} seconds.")

    def _check_size(self, size_bytes: int) -> None:
        if self._max_bytes is not None and size_bytes > self._max_bytes:
            raise TooLarge(
                f"The request's body is over the limit of {self._max_bytes} bytes (setting max_body_bytes)."
            )


def _declared_bytes(headers: Mapping[bytes, bytes]) -> int | None:
    """How long a body is said to be; ``None`` if nobody knows before its end."""
    declared = headers.get(b"content-length")
    if declared is None:
        return None if b"transfer-encoding" in headers else 0
    if not declared.isdigit():
        return None
    return int(declared) if len(declared) <= _MAX_DIGITS else 10**_MAX_DIGITS
