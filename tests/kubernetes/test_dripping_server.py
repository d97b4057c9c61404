"""What sends a byte now and then, instead of an answer, holds no thread for ever."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest

from runyard.compute import kubernetes_cluster
from runyard.compute.base import Opening
from runyard.compute.kubernetes_cluster import Cluster
from runyard.compute.kubernetes_manifests import KubernetesSettings
from runyard.errors import Unavailable
from runyard.services.certificates import Authority
from runyard.settings import Settings

HANDSHAKE = b"\x16\x03\x03\x40\x00"
"""What a server's first record of TLS begins with."""
WHOLE = b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"items": []}'


class Dripping:
    """A server that answers some questions well, and of the next one a byte every 50 ms, without end.

    Args:
        folder: Where its certificate lies.
        first: What it sends before that.
        good: How many questions it answers before, on the same connection.
        is_tls: Whether it says who it is, or drips before.
    """

    def __init__(self, folder: Path, first: bytes, good: int = 0, *, is_tls: bool = True) -> None:
        own = Authority(Settings(home=folder)).certificates()
        self.ca = own.authority.read_text()
        self._first, self._good = first, good
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if is_tls else None
        if self._context is not None:
            self._context.load_cert_chain(own.chain, own.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.is_ending = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self.is_ending.set()
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with suppress(OSError), closing(self._secured(connection)) as opened:
            for _ in range(self._good):
                _read_question(opened)
                opened.sendall(WHOLE)
            if self._context is not None:
                _read_question(opened)
            opened.sendall(self._first)
            while not self.is_ending.wait(0.05):
                opened.sendall(b" ")

    def _secured(self, connection: socket.socket) -> socket.socket:
        return (
            connection if self._context is None else self._context.wrap_socket(connection, server_side=True)
        )


def _read_question(opened: socket.socket) -> None:
    read = b""
    while b"\r\n\r\n" not in read:
        piece = opened.recv(65_536)
        if not piece:
            raise OSError
        read += piece


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes_cluster, "ANSWERED_WITHIN_S", 1.0)


def cluster_at(server: Dripping) -> Cluster:
    settings = KubernetesSettings(server=f"https://127.0.0.1:{server.port}")
    return Cluster(Opening(Path("/nonexistent"), "c", settings, {"token": "t", "ca": server.ca}))


@pytest.mark.parametrize(
    ("first", "is_tls"),
    [
        (HANDSHAKE, False),
        (b"", True),
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", True),
        (b"HTTP/1.1 500 No\r\nContent-Length: 1000\r\n\r\n", True),
    ],
    ids=["handshake", "status", "headers", "body", "refusal"],
)
def test_a_server_that_drips_is_not_listened_to_for_ever(quick, tmp_path: Path, first: bytes, is_tls: bool):
    with closing(Dripping(tmp_path, first, is_tls=is_tls)) as server, closing(cluster_at(server)) as cluster:
        with pytest.raises(Unavailable, match="does not answer"):
            cluster.list_jobs("runyard/owner=x")
        assert not server.is_ending.is_set()


def test_nor_is_one_that_has_answered_on_the_same_connection(tmp_path: Path, request: pytest.FixtureRequest):
    with closing(Dripping(tmp_path, b"", good=2)) as server, closing(cluster_at(server)) as cluster:
        for _ in range(2):
            assert cluster.list_jobs("runyard/owner=x") == []
        request.getfixturevalue("quick")
        with pytest.raises(Unavailable, match="does not answer"):
            cluster.list_jobs("runyard/owner=x")
