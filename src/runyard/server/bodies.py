"""How much of a request's body is read, for how long, and whether its sender is heard out."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from runyard.errors import InvalidParameter, TooLarge, TooSlow

HEARD_OUT_BYTES = 512 * 1024 * 1024
SMALL_BYTES = 64 * 1024
UPLOAD_SILENCE_S = 600.0
"""How long nothing may come of an upload; a sender who is gone without a word may never be heard of again."""
SLOWEST_BYTES_PER_S = 16 * 1024
"""At this rate a body may come for as long as it takes, as over a slow line."""
HAS_COME = "body_has_come"
"""What a server sets in a request's state once all of its body lies in memory: nothing is waited for then."""

_MAX_DIGITS = 18


async def read_whole(receive: Receive, max_bytes: int | None = None) -> bytes:
    """Return the whole body of a request.

    Args:
        receive: Where it comes from.
        max_bytes: How much it may have, where that is less than the server takes of anybody.

    Raises:
        ClientDisconnect: Its sender has gone.
        TooLarge: It has more.
    """
    parts, size_bytes = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size_bytes += len(parts[-1])
        if max_bytes is not None and size_bytes > max_bytes:
            raise TooLarge(f"The request's body is over the limit of {max_bytes} bytes.")
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def is_large(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the headers say that the body is more than a piece, or do not say how long it is."""
    size_bytes = _declared_bytes(headers)
    return size_bytes is None or size_bytes > SMALL_BYTES


class RequestBody:
    """The body of one request, as it arrives.

    Args:
        scope: The request.
        headers: Its headers, which may declare the body's length.
        receive: Where the body comes from.
        max_bytes: The most that is read; ``None`` for an upload, which goes to the store as it comes.
        timeout_s: How long it may take to arrive if it comes slower than :data:`SLOWEST_BYTES_PER_S`; an
            upload takes as long as it needs, if it goes on.
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
        self._until = 0.0
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
            TooSlow: It takes too long to arrive.
        """
        if self._is_whole or HAS_COME in self._state:
            message = await self._receive()
        else:
            message = await self._receive_in_time()
            earned_s = len(message.get("body", b"")) / SLOWEST_BYTES_PER_S
            self._until = min(self._until + earned_s, anyio.current_time() + self._timeout_s)
        if not self._is_whole and self._max_bytes is not None:
            self._read_bytes += len(message.get("body", b""))
            self._check_size(self._read_bytes)
        self._is_whole = not message.get("more_body", False)
        return message

    async def _receive_in_time(self) -> Message:
        is_upload = self._max_bytes is None
        if is_upload or not self._until:
            allowed_s = UPLOAD_SILENCE_S if is_upload else self._timeout_s
            self._until = anyio.current_time() + allowed_s
        with anyio.CancelScope(deadline=self._until):
            return await self._receive()
        if is_upload:
            raise TooSlow(f"Nothing came of the upload for {UPLOAD_SILENCE_S:g} seconds.")
        raise TooSlow(f"The request's body did not arrive within {self._timeout_s:g} seconds.")

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
