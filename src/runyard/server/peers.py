"""Which user of this machine is at the other end of a connection, as the kernel tells it."""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path

from starlette.types import Scope

from runyard.errors import Forbidden

ROOT = 0
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_ESTABLISHED = "01"
"""The only state in which a row says whose the connection is: of one that ends it says root's."""


def is_of_own_user(scope: Scope) -> bool:
    """Whether a request comes from a process of the user that the server runs as, or of root.

    Who has sent it and gone already is nobody. Where the kernel has no such table, everybody is taken for it.
    """
    if not sys.platform.startswith("linux"):
        return True
    client, server = scope.get("client"), scope.get("server")
    if client is None or server is None:
        return False
    text = "\n".join(Path(table).read_text() for table in _TABLES if Path(table).exists())
    return user_of(text, (client[0], client[1]), (server[0], server[1])) in (os.getuid(), ROOT)


def user_of(table: str, client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """Return the id of the user whose connection from one address to another a table of the kernel's has."""
    own, others = _spellings(*client), _spellings(*server)
    rows = (line.split() for line in table.splitlines())
    return next(
        (
            int(row[7])
            for row in rows
            if len(row) > 7 and row[3] == _ESTABLISHED and row[1] in own and row[2] in others
        ),
        None,
    )


def _spellings(host: str, port: int) -> tuple[str, str]:
    """Return how the kernel writes an address, as it is and as one of IPv4 within IPv6."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = (
        ipaddress.IPv6Address(b"\0" * 10 + b"\xff" * 2 + address.packed) if address.version == 4 else address
    )
    return _spelled(address.packed, port), _spelled(mapped.packed, port)


def _spelled(packed: bytes, port: int) -> str:
    words = (packed[start : start + 4] for start in range(0, len(packed), 4))
    own = (word[::-1] if sys.byteorder == "little" else word for word in words)
    return f"{b''.join(own).hex().upper()}:{port:04X}"


def check_own_user(scope: Scope) -> None:
    """Refuse who needs no credential and is another user of the machine than the server's own.

    A server without an address is no process that others can reach.

    Raises:
        Forbidden: They are.
    """
    if not is_of_own_user(scope):
        raise Forbidden(
            "On `runyard up` jobs are for the user of this machine who started the server. "
            "Start a server of your own, or have one with credentials: `runyard serve`."
        )
