"""A request's body as a file: written while it arrives, and gone if it doesn't arrive whole."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from anyio.to_thread import run_sync
from starlette.requests import Request

from runyard.errors import TooLarge
from runyard.services.artifacts import ArtifactUpload

BATCH_BYTES = 1024 * 1024


async def receive_file(http: Request, begin: Callable[[], ArtifactUpload], max_bytes: int) -> None:
    """Write the request's body to the upload that ``begin`` returns, and commit it.

    Nothing is left of it if the client goes away, the server stops, or the store fails.

    Args:
        http: The request; of its body no more than about a megabyte is held at a time.
        begin: Opens the upload; runs in a worker thread.
        max_bytes: Largest body that is taken; 0 for no limit.

    Raises:
        TooLarge: The body is larger.
        ClientDisconnect: The client went away.
    """
    declared = http.headers.get("content-length", "")
    if declared.isdecimal():
        _check_size(int(declared), max_bytes)
    with contextlib.ExitStack() as open_upload:
        # Entered in the thread: should the request be cancelled meanwhile, the upload is closed all the same.
        upload = await run_sync(lambda: open_upload.enter_context(begin()))
        async for batch in _batches(http, max_bytes):
            await run_sync(_write_all, upload, batch)
        await run_sync(upload.commit)


async def _batches(http: Request, max_bytes: int) -> AsyncIterator[Sequence[bytes]]:
    """Yield the body in batches that are worth a hop to another thread."""
    batch: list[bytes] = []
    batch_bytes = received_bytes = 0
    async for piece in http.stream():
        batch.append(piece)
        batch_bytes += len(piece)
        received_bytes += len(piece)
        _check_size(received_bytes, max_bytes)
        if batch_bytes >= BATCH_BYTES:
            yield batch
            batch, batch_bytes = [], 0
    yield batch


def _write_all(upload: ArtifactUpload, batch: Sequence[bytes]) -> None:
    for piece in batch:
        upload.write(piece)


def _check_size(size_bytes: int, max_bytes: int) -> None:
    if max_bytes and size_bytes > max_bytes:
        raise TooLarge(f"The file is over the limit of {max_bytes} bytes (setting max_upload_bytes).")
