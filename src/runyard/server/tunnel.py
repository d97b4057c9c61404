"""The socket of a server that tunnels lead to: no request by it is answered without a credential."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

MAX_PATH_BYTES = 100
"""The kernel takes 107 bytes for the path of a socket, other systems a few less."""


@contextlib.contextmanager
def tunnel_listener(home: Path, port: int) -> Iterator[socket.socket]:
    """Listen on a UNIX socket that this user alone can connect to, for as long as the block runs.

    Args:
        home: The server's home, where it lies unless the path gets too long.
        port: The server's own, by which it is told from those of others on this home.
    """
    with contextlib.ExitStack() as stack:
        path = home.absolute() / f"tunnel-{port}.sock"
        if len(os.fsencode(path)) > MAX_PATH_BYTES:
            made = stack.enter_context(tempfile.TemporaryDirectory(prefix="runyard-"))
            path = Path(made) / path.name
        path.unlink(missing_ok=True)  # of a server that was killed
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        stack.callback(path.unlink, missing_ok=True)
        path.chmod(0o600)
        listener.listen(2048)
        yield listener
