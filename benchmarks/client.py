"""A keep-alive HTTP/1.1 client that costs little beside the servers that it measures."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Any, NamedTuple

import httptools
import msgspec

API = "/api/2.0/mlflow/"
JSON = "application/json"
OK = 200
CONNECT_S = 10.0
PIECE = 1 << 20


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the body's content.

        Raises:
            RequestFailed: The server answered with anything but success.
        """
        if self.status != OK:
            raise RequestFailed(f"{self.status} {self.body[:200].decode(errors='replace')}")
        return msgspec.json.decode(self.body) if self.body.strip() else {}


class RequestFailed(Exception):
    """A request that a workload can't go on without was refused."""


@dataclass(frozen=True)
class Address:
    """Where a server listens; writes requests as the bytes that go over the wire."""

    host: str
    port: int

    def get(self, path: str) -> bytes:
        """Return a GET."""
        return f"GET {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAccept: */*\r\n\r\n".encode()

    def send(self, path: str, body: bytes, method: str = "POST", content_type: str = JSON) -> bytes:
        """Return a request with a body."""
        return self.head(path, len(body), method, content_type) + body

    def head(self, path: str, length: int, method: str, content_type: str) -> bytes:
        """Return the head alone of a request with a body."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAccept: */*\r\n"
        return f"{head}Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n".encode()

    def call(self, endpoint: str, message: Any) -> bytes:
        """Return a POST to an endpoint of MLflow's API."""
        return self.send(API + endpoint, msgspec.json.encode(message))


class Connection(asyncio.Protocol):
    """One connection, one request at a time; opened on first use, and again when the server closed it."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._transport: asyncio.Transport | None = None
        self._is_fresh = True
        self._waiter: asyncio.Future[Answer] | None = None
        self._begin()

    async def request(self, request: bytes) -> Answer:
        """Send and wait for the whole answer.

        Raises:
            ConnectionError: The server hung up.
        """
        try:
            return await self._request_once(request)
        except ConnectionError:
            # A server may close an idle connection just as the next request leaves.
            if self._is_fresh or self._status:
                raise
            return await self._request_once(request)

    async def call(self, endpoint: str, message: Any) -> Any:
        """Call an endpoint of MLflow's API and return what it answers."""
        return (await self.request(self._address.call(endpoint, message))).json()

    async def get(self, path: str) -> Any:
        """Read a path and return what it answers."""
        return (await self.request(self._address.get(path))).json()

    def close(self) -> None:
        """Close the connection; the next request opens another one."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    async def _request_once(self, request: bytes) -> Answer:
        self._is_fresh = self._transport is None or self._transport.is_closing()
        if self._is_fresh:
            await self._connect()
        self._begin()
        if self._transport is None:
            raise ConnectionError("the server hung up")
        waiter: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiter = waiter
        self._transport.write(request)
        return await waiter

    async def _connect(self) -> None:
        opening = asyncio.get_running_loop().create_connection(
            lambda: self, self._address.host, self._address.port
        )
        transport, _ = await asyncio.wait_for(opening, CONNECT_S)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = transport

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._status = 0

    def data_received(self, data: bytes) -> None:
        """Take what the server sent."""
        self._parser.feed_data(data)

    def on_headers_complete(self) -> None:
        """Keep the status, which the parser knows from here on."""
        self._status = self._parser.get_status_code()

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body."""
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """Hand the whole answer to who waits for it."""
        waiter, self._waiter = self._waiter, None
        if not self._parser.should_keep_alive():
            self.close()
        if waiter is not None and not waiter.done():
            waiter.set_result(Answer(self._status, b"".join(self._pieces)))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits that there will be no answer."""
        self._transport = None
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(ConnectionError("the server hung up"))


def upload(address: Address, path: str, piece: bytes, count: int) -> int:
    """Send a large file, a piece again and again, from a plain socket; return the status."""
    with socket.create_connection((address.host, address.port), timeout=120) as sender:
        sender.sendall(address.head(path, len(piece) * count, "PUT", "application/octet-stream"))
        for _ in range(count):
            sender.sendall(piece)
        return _read_body(sender)[0]


def download(address: Address, path: str) -> tuple[int, int]:
    """Read a large file and throw it away; return the status and how many bytes came."""
    with socket.create_connection((address.host, address.port), timeout=120) as reader:
        reader.sendall(address.get(path))
        return _read_body(reader)


class _Counting:
    """Counts a body's bytes instead of keeping them."""

    def __init__(self) -> None:
        self.length = 0
        self.is_complete = False

    def on_body(self, piece: bytes) -> None:
        self.length += len(piece)

    def on_message_complete(self) -> None:
        self.is_complete = True


def _read_body(reader: socket.socket) -> tuple[int, int]:
    counting = _Counting()
    parser = httptools.HttpResponseParser(counting)
    buffer = bytearray(PIECE)
    while not counting.is_complete:
        count = reader.recv_into(buffer)
        if not count:
            raise ConnectionError(f"the server hung up after {counting.length:,} bytes")
        parser.feed_data(memoryview(buffer)[:count])
    return parser.get_status_code(), counting.length
