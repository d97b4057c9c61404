"""Whose a connection is, out of the kernel's tables."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from runyard.server.peers import is_of_own_user, user_of

# The lines of one kernel: a client of user 1000, one that has closed, and one by IPv6.
TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:C350 0100007F:1388 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0 20 4 30 10 -1
   2: 0100007F:1388 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
   3: 0100007F:C351 0100007F:1388 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0
   4: 00000000000000000000000001000000:C352 00000000000000000000000001000000:1388 01 0:0 0:0 0  1001  0 4
   5: 0000000000000000FFFF00000100007F:C353 0000000000000000FFFF00000100007F:1388 01 0:0 0:0 0  1002  0 5
"""
HERE = ("127.0.0.1", 5000)


@pytest.mark.parametrize(
    ("client", "server", "user"),
    [
        (("127.0.0.1", 50000), HERE, 1000),
        (("127.0.0.1", 50001), HERE, None),  # it has closed, and the kernel says root's
        (("127.0.0.1", 50009), HERE, None),
        (("127.0.0.1", 50000), ("127.0.0.1", 5001), None),
        (("::1", 50002), ("::1", 5000), 1001),
        (("127.0.0.1", 50003), HERE, 1002),
    ],
)
def test_the_user_of_a_connection_is_read_from_the_clients_own_row(client, server, user):
    assert user_of(TABLE, client, server) == user


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="the kernel has no such table")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_connection_of_ones_own_is_found_while_it_is_open(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen(1)
        with socket.create_connection(listener.getsockname()[:2]) as client:
            served, _ = listener.accept()
            scope = {"client": client.getsockname()[:2], "server": served.getsockname()[:2]}
            assert is_of_own_user(scope)
            assert user_of(
                Path("/proc/net/tcp6" if ":" in host else "/proc/net/tcp").read_text(), **scope
            ) == (os.getuid())
            served.close()
        assert not is_of_own_user(scope)
    assert not is_of_own_user({})
