"""Connections over SSH, as asyncssh makes them; loaded only where there is a host to connect to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import asyncssh

from runyard.compute.machine import Ran
from runyard.compute.ssh_address import NotForwarded, SshAddress
from runyard.errors import Unavailable

CONNECTED_WITHIN_S = 10.0
LOGGED_IN_WITHIN_S = 20.0
FORWARDED_WITHIN_S = 30.0
CLOSED_WITHIN_S = 2.0
ASKED_EVERY_S = 15.0
UNANSWERED = 3
"""So many questions whether it is still there may a host leave unanswered before it counts as lost."""
MAX_ANSWER_BYTES = 32 * 1024 * 1024
LOOPBACK = "127.0.0.1"
_PIECE_BYTES = 64 * 1024


class SshConnection:
    """One connection to a host that has shown the right key.

    Args:
        connection: As asyncssh has it.
        host: What the host is called, for messages.
    """

    def __init__(self, connection: asyncssh.SSHClientConnection, host: str) -> None:
        self._connection = connection
        self._host = host
        self._forwarded: dict[tuple[int, str], int] = {}

    @property
    def is_closed(self) -> bool:
        """Whether it was lost."""
        return self._connection.is_closed()

    async def run(self, command: str, stdin: bytes) -> Ran:
        """Run a line of the remote shell and return what came of it.

        Raises:
            Unavailable: The connection is lost, or the command says too much.
        """
        try:
            process = await self._connection.create_process(command, encoding=None)
            try:
                with contextlib.suppress(OSError):  # what has ended already reads nothing
                    process.stdin.write(stdin)
                    process.stdin.write_eof()
                stdout, stderr = await self._read_both(process)
                await process.wait_closed()
                exit_code = process.returncode
            finally:
                process.close()
        except (OSError, asyncssh.Error) as error:
            raise Unavailable(f"The connection to {self._host} was lost: {_said(error)}.") from None
        if exit_code is None:
            raise Unavailable(f"The connection to {self._host} was lost.")
        return Ran(exit_code, stdout, stderr)

    async def forward(self, port: int, path: str) -> int:
        """Have a port of the host's loopback lead to a socket here, while the connection lives.

        Args:
            port: Which; 0 for any.
            path: Of the socket here.

        Returns:
            The port.

        Raises:
            NotForwarded: The port is taken there, or the host does not allow that.
            Unavailable: The connection is lost.
        """
        if (port, path) in self._forwarded:
            return self._forwarded[port, path]
        try:
            asked = self._connection.forward_remote_port_to_path(LOOPBACK, port, path)
            listener = await asyncio.wait_for(asked, FORWARDED_WITHIN_S)
        except asyncssh.ChannelListenError:
            raise NotForwarded(
                f"{self._host} opens no tunnel on {f'port {port}' if port else 'any port'} of its loopback: "
                "the port is taken, or its sshd does not allow it (AllowTcpForwarding)."
            ) from None
        except asyncio.TimeoutError:
            raise Unavailable(f"{self._host} does not say whether it opens a tunnel.") from None
        except (OSError, asyncssh.Error) as error:
            raise Unavailable(f"The connection to {self._host} was lost: {_said(error)}.") from None
        opened = int(listener.get_port())
        self._forwarded[port, path] = self._forwarded[opened, path] = opened
        return opened

    async def close(self) -> None:
        """End it; what runs there without it goes on."""
        self._connection.close()
        try:
            await asyncio.wait_for(self._connection.wait_closed(), CLOSED_WITHIN_S)
        except asyncio.TimeoutError:
            self._connection.abort()

    async def _read_both(self, process: asyncssh.SSHClientProcess[bytes]) -> tuple[bytes, bytes]:
        try:
            return await asyncio.gather(self._read(process.stdout), self._read(process.stderr))
        except BaseException:
            process.kill()
            raise

    async def _read(self, reader: asyncssh.SSHReader[bytes]) -> bytes:
        read = bytearray()
        while piece := await reader.read(_PIECE_BYTES):
            read += piece
            if len(read) > MAX_ANSWER_BYTES:
                raise Unavailable(f"{self._host} says more than {MAX_ANSWER_BYTES // 1024**2} MiB.")
        return bytes(read)


async def connect(
    address: SshAddress, places: Sequence[str], credential: Mapping[str, str], *, with_own_keys: bool
) -> SshConnection:
    """Connect to the first of a host's addresses that answers.

    Args:
        address: The host, as it is named.
        places: The numbers that it has.
        credential: What lets in.
        with_own_keys: Whether the keys and the agent of this process' user do, where nothing else was given.

    Raises:
        Unavailable: It does not answer, shows another key, or does not let in.
    """
    options = _options(address, credential, with_own_keys=with_own_keys)
    try:
        opened = await _first_that_answers(address, places, options)
    except asyncssh.HostKeyNotVerifiable as error:
        raise Unavailable(f"{address.host} is not believed: {error.reason}. {_OTHER_KEY}") from None
    except asyncssh.PermissionDenied:
        raise Unavailable(
            f"{address.host} does not let {address.username} in with this credential."
        ) from None
    except asyncssh.Error as error:
        raise Unavailable(f"{address.host} can't be talked to: {error.reason}.") from None
    except (OSError, asyncio.TimeoutError) as error:
        raise Unavailable(f"{address.host}, port {address.port}, does not answer: {_said(error)}.") from None
    return SshConnection(opened, address.host)


async def _first_that_answers(
    address: SshAddress, places: Sequence[str], options: Mapping[str, Any]
) -> asyncssh.SSHClientConnection:
    fault: Exception = OSError("it has no address")
    for place in places:
        try:
            opened, _ = await asyncssh.create_connection(
                lambda: _Client(address), place, address.port, **options
            )
        except (OSError, asyncio.TimeoutError) as error:  # noqa: PERF203 - a few places at most
            fault = error
        else:
            return opened
    raise fault


class _Client(asyncssh.SSHClient):
    """Believes the host whose key has the fingerprint that was named."""

    def __init__(self, address: SshAddress) -> None:
        self._named = address.host_key_fingerprint

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        return bool(self._named) and key.get_fingerprint("sha256") == self._named


def _options(address: SshAddress, credential: Mapping[str, str], *, with_own_keys: bool) -> dict[str, Any]:
    try:
        known_hosts = asyncssh.import_known_hosts("\n".join(address.known_hosts))
    except ValueError as error:
        raise Unavailable(f"'known_hosts' can't be read: {error}.") from None
    return {
        "username": address.username,
        "known_hosts": known_hosts,
        "host_key_alias": address.host,
        # What somebody has written into ~/.ssh/config is for their own connections.
        "config": [],
        "connect_timeout": CONNECTED_WITHIN_S,
        "login_timeout": LOGGED_IN_WITHIN_S,
        "keepalive_interval": ASKED_EVERY_S,
        "keepalive_count_max": UNANSWERED,
        **_proofs(credential, with_own_keys=with_own_keys),
    }


def _proofs(credential: Mapping[str, str], *, with_own_keys: bool) -> dict[str, Any]:
    key, password = credential.get("private_key", ""), credential.get("password", "")
    if not key and not password:
        if with_own_keys:
            return {}
        raise Unavailable("There is no credential: give private_key, or password.")
    keys = []
    if key:
        try:
            keys = [asyncssh.import_private_key(key, credential.get("private_key_passphrase") or None)]
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
            raise Unavailable(f"'private_key' can't be read: {error}.") from None
    return {"client_keys": keys or None, "password": password or None, "agent_path": None}


def _said(error: Exception) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__


_OTHER_KEY = (
    "If it is right that its key is another one now, give the new one: known_hosts (what `ssh-keyscan` "
    "prints) or host_key_fingerprint."
)
