"""A request's body as a file: written while it arrives, and gone if it doesn't arrive whole."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Sequence

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request

from runyard.protocol.limits import check_file_size
from runyard.server.digests import declared_sha256
from runyard.services.artifacts import ArtifactUpload, Declared

BATCH_BYTES = 1024 * 1024
SMALL_BYTES = 64 * 1024
_MAX_DIGITS = 18

Begin = Callable[[Declared], ArtifactUpload]


async def receive_file(http: Request, begin: Begin, max_bytes: int, *, is_at_hand: bool = False) -> int:
    """Write the request's body to the upload that ``begin`` returns, commit it, and return its size.

    Nothing is left of it if the client goes away, the server stops, the store fails, or it is not what a
    header declared it to be.

    Args:
        http: The request; of its body no more than about a megabyte is held at a time.
        begin: Opens the upload for what the headers declare; runs in a worker thread.
        max_bytes: Largest body that is taken; 0 for no limit.
        is_at_hand: Whether a small file takes less time here than in a worker thread.

    Raises:
        InvalidParameter: The body's SHA-256 is not the one that a header declares.
        TooLarge: The body is larger.
        ClientDisconnect: The client went away.
    """
    declared = _declared(http)
    check_file_size(declared.size_bytes or 0, max_bytes)
    if is_at_hand and declared.size_bytes is not None and declared.size_bytes <= SMALL_BYTES:
        body = await http.body()
        _store_small(body, begin, declared)
        return len(body)
    file = _File(lambda: begin(declared))
    size_bytes = 0
    try:
        async for batch, is_last in _batches(http, max_bytes):
            await run_sync(file.take, batch, is_last)
            size_bytes += sum(map(len, batch))
    except BaseException:
        # To take back what a store has, or a large file from a disk, takes a while: not in the event loop.
        with anyio.CancelScope(shield=True):
            await run_sync(file.drop)
        raise
    file.drop()
    return size_bytes


class _File:
    """An upload that is worked on in threads and may be dropped from outside at any moment.

    A server that stops cancels its requests without waiting for their threads.
    """

    def __init__(self, begin: Callable[[], ArtifactUpload]) -> None:
        self._begin = begin
        self._upload: ArtifactUpload | None = None
        self._is_over = False
        self._working = threading.Lock()

    def take(self, batch: Sequence[bytes], is_last: bool) -> None:
        """Write ``batch``, and make the file appear if it is the last."""
        with self._working:
            if self._is_over:
                return
            if self._upload is None:
                self._upload = self._begin()
            for piece in batch:
                self._upload.write(piece)
            if is_last:
                self._upload.commit()

    def drop(self) -> None:
        """End the upload; unless it was committed it is gone."""
        with self._working:
            self._is_over = True
            if self._upload is not None:
                self._upload.close()


async def _batches(http: Request, max_bytes: int) -> AsyncIterator[tuple[Sequence[bytes], bool]]:
    """Yield batches that are worth a hop to another thread, and with each whether it is the last."""
    batch: list[bytes] = []
    batch_bytes = received_bytes = 0
    async for piece in http.stream():
        batch.append(piece)
        batch_bytes += len(piece)
        received_bytes += len(piece)
        check_file_size(received_bytes, max_bytes)
        if batch_bytes >= BATCH_BYTES:
            yield batch, False
            batch, batch_bytes = [], 0
    yield batch, True


def _declared(http: Request) -> Declared:
    length = http.headers.get("content-length", "")
    size_bytes = int(length) if length.isdecimal() and len(length) <= _MAX_DIGITS else None
    return Declared(size_bytes, declared_sha256(http.headers))


def _store_small(body: bytes, begin: Begin, declared: Declared) -> None:
    with begin(declared) as upload:
        upload.write(body)
        upload.commit()
