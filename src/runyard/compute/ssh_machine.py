"""A machine that is reached over SSH: one connection is kept, and opened again when it was lost."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import shlex
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from runyard.compute.base import resolve
from runyard.compute.machine import WITHIN_S, Machine, Ran
from runyard.compute.ssh_address import SshAddress
from runyard.errors import RunyardError, Unavailable

if TYPE_CHECKING:
    from runyard.compute.ssh_connection import SshConnection

T = TypeVar("T")


class SshMachine(Machine):
    """Runs commands on a host, and lets the host reach a socket here; connects when it is first used.

    Args:
        address: The host.
        credential: ``private_key`` with ``private_key_passphrase``, or ``password``.
        lookup: Returns the addresses of a host and port that may be connected to.
        with_own_keys: Whether, without a credential, the keys and the agent of this process' user are taken.
    """

    def __init__(
        self,
        address: SshAddress,
        credential: Mapping[str, str],
        lookup: Callable[[str, int], Sequence[str]] = resolve,
        *,
        with_own_keys: bool = False,
    ) -> None:
        self._address = address
        self._credential = credential
        self._lookup = lookup
        self._with_own_keys = with_own_keys
        self._connection: SshConnection | None = None
        self._connecting = asyncio.Lock()
        self._stack = contextlib.ExitStack()
        self._portal: BlockingPortal | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    @property
    def host(self) -> str:
        """What the host is called."""
        return self._address.host

    def run(self, words: Sequence[str], stdin: bytes = b"", within_s: float = WITHIN_S) -> Ran:
        async def ran() -> Ran:
            connection = await self._connected()
            try:
                # In place of the shell, so that how it ends is how the command ends.
                return await asyncio.wait_for(connection.run(f"exec {shlex.join(words)}", stdin), within_s)
            except asyncio.TimeoutError:
                raise Unavailable(f"{words[0]} did not end on {self.host} within {within_s:.0f} s.") from None

        return self._call(ran)

    def forward(self, port: int, path: str) -> int:
        """Have a port of the host's loopback lead to a socket here, while the connection lives.

        To ask again for what is there changes nothing; after a connection was lost, it is opened again.

        Args:
            port: Which; 0 for any.
            path: Of the socket here.

        Returns:
            The port.

        Raises:
            NotForwarded: The host answers, but the port is taken, or it does not allow that.
            Unavailable: The host does not answer, or does not let in.
        """

        async def forwarded() -> int:
            connection = await self._connected()
            return await connection.forward(port, path)

        return self._call(forwarded)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            portal, self._portal = self._portal, None
        if portal is not None:
            portal.call(self._let_go)
            portal.start_task_soon(portal.stop, True)
            self._stack.close()

    def _call(self, asked: Callable[[], Awaitable[T]]) -> T:
        with self._lock:
            if self._is_closed:
                raise Unavailable(f"The connection to {self.host} was closed.")
            if self._portal is None:
                self._portal = self._stack.enter_context(start_blocking_portal())
            portal = self._portal
        try:
            return portal.call(asked)
        except (CancelledError, RuntimeError):
            raise Unavailable(f"The connection to {self.host} was closed.") from None

    async def _let_go(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _connected(self) -> SshConnection:
        """Return the connection, opened if there is none; many who ask at once get the same."""
        async with self._connecting:
            if self._connection is None or self._connection.is_closed:
                self._connection = await self._connect()
            return self._connection

    async def _connect(self) -> SshConnection:
        try:
            # It takes a tenth of a second to load, which no server needs that has no such hosts.
            library = importlib.import_module("runyard.compute.ssh_connection")
        except ImportError:
            raise Unavailable(
                "This server has no asyncssh. Install it beside: pip install 'runyard[ssh]'"
            ) from None
        try:
            places = await asyncio.to_thread(self._lookup, self.host, self._address.port)
        except (RunyardError, OSError) as error:
            raise Unavailable(f"{self.host} can't be looked up: {error}") from None
        connection: SshConnection = await library.connect(
            self._address, places, self._credential, with_own_keys=self._with_own_keys
        )
        return connection
