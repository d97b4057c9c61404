"""A host that lets in and then does not say whether it opens a tunnel: a server of SSH in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import asyncssh
import pytest

from runyard.compute import ssh_connection
from runyard.compute.ssh_connection import SshConnection
from runyard.errors import Unavailable


class Silent(asyncssh.SSHServer):
    """Opens the first tunnel it is asked for, and says nothing of others."""

    def __init__(self) -> None:
        self._count = 0

    def begin_auth(self, username: str) -> bool:
        return False

    def server_requested(self, listen_host: str, listen_port: int) -> bool | Awaitable[bool]:
        self._count += 1
        return True if self._count == 1 else asyncio.sleep(3600, False)


async def asked_for_two(monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(Silent, "127.0.0.1", 0, server_host_keys=[key])
    place = server.sockets[0].getsockname()
    opened = await asyncssh.connect(
        place[0], place[1], known_hosts=None, username="ada", client_keys=None, agent_path=None, config=[]
    )
    connection = SshConnection(opened, "vm.example")
    port = await connection.forward(0, "/tmp/one.sock")
    monkeypatch.setattr(ssh_connection, "FORWARDED_WITHIN_S", 0.5)
    with pytest.raises(Unavailable) as refused:
        await connection.forward(0, "/tmp/two.sock")
    await connection.close()
    server.close()
    return port, str(refused.value)


def test_a_host_that_says_nothing_of_a_tunnel_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch):
    port, said = asyncio.run(asked_for_two(monkeypatch))
    assert (port > 0, "vm.example does not say" in said) == (True, True)
