"""HTTP as the server speaks it on a socket: whole answers, kept or closed connections, pipelined requests."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import pytest
import uvicorn
from starlette.responses import StreamingResponse
from uvicorn.server import ServerState

from runyard.server import http_protocol
from runyard.server.answers import Answer
from runyard.server.bodies import SLOWEST_BYTES_PER_S
from runyard.server.http_protocol import MAX_HEAD_BYTES, StrictHttpProtocol

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
BODY = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
DRIPS_EVERY_S = 0.03


class Recorded(StrictHttpProtocol):
    """The protocol, with each piece that it writes to the socket noted."""

    written: list[bytes]

    def connection_made(self, transport: Any) -> None:
        super().connection_made(_Noting(transport, self.written))


class _Noting:
    def __init__(self, transport: asyncio.Transport, written: list[bytes]) -> None:
        self._transport = transport
        self._written = written

    def write(self, piece: bytes) -> None:
        self._written.append(piece)
        self._transport.write(piece)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def exchange(
    application: Callable[[int], Callable[[Any, Any, Any], Awaitable[None]]],
    sent: bytes,
    until: Callable[[bytes | bytearray], bool],
    keeps_s: float = 60.0,
    answers_after_s: float = 0.0,
    dripped: Iterable[bytes] = (),
    reads_after_s: float = 0.0,
) -> tuple[bytes, list[bytes]]:
    """Return what came back over a connection, read until it suffices or ends, and how it was written.

    What is ``dripped`` follows what is sent, a piece every ``DRIPS_EVERY_S``.
    """
    written: list[bytes] = []
    numbers = iter(range(1000))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(answers_after_s)
        await application(next(numbers))(scope, receive, send)

    async def main() -> bytes:
        async with connected(app, keeps_s, written) as (_, reader, writer):
            writer.write(sent)
            dripping = asyncio.create_task(drip(writer, dripped))
            await asyncio.sleep(reads_after_s)
            came = bytearray()
            while not until(came):
                try:
                    piece = await asyncio.wait_for(reader.read(65536), 60)
                except ConnectionError:  # cut off with something still on its way there
                    break
                if not piece:
                    break
                came += piece
            dripping.cancel()
            return bytes(came)

    return asyncio.run(main()), written


@contextlib.asynccontextmanager
async def connected(
    app: Callable[[Any, Any, Any], Awaitable[None]], keeps_s: float, written: list[bytes]
) -> AsyncIterator[tuple[Recorded, asyncio.StreamReader, asyncio.StreamWriter]]:
    """Yield both ends of a connection to a server of an application."""
    config = uvicorn.Config(app, lifespan="off", log_level="critical", server_header=False)
    config.timeout_keep_alive = keeps_s  # type: ignore[assignment]
    config.load()
    protocol = Recorded(config, ServerState(), {})
    protocol.written = written
    server = await asyncio.get_running_loop().create_server(lambda: protocol, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            yield protocol, reader, writer
        finally:
            writer.close()


async def drip(writer: asyncio.StreamWriter, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        await asyncio.sleep(DRIPS_EVERY_S)
        writer.write(piece)


def numbered(number: int) -> Answer:
    return Answer(b'{"number":%d}' % number)


def test_a_small_answer_is_written_in_one_piece():
    came, written = exchange(numbered, GET, lambda came: came.endswith(b"}"))
    assert written == [came]
    assert came.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\ncontent-length: 12\r\n" in came


def test_a_connection_is_kept_for_the_next_request_and_answers_keep_their_order():
    came, written = exchange(numbered, GET * 3, lambda came: came.count(b"}") == 3)
    assert len(written) == 3
    assert [came.index(b'{"number":%d}' % number) for number in range(3)] == sorted(
        came.index(b'{"number":%d}' % number) for number in range(3)
    )
    assert b"connection: close" not in came


@pytest.mark.parametrize("who", ["client", "application"])
def test_a_connection_that_one_side_ends_is_closed_after_the_answer(who):
    def closing(number: int) -> Answer:
        return Answer(b"{}", more_headers=((b"connection", b"close"),) if who == "application" else ())

    request = GET if who == "application" else GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    came, written = exchange(closing, request, lambda came: False)
    assert came.endswith(b"{}")
    assert came.count(b"connection: close\r\n") == 1
    assert len(written) == 1


def test_the_answer_to_a_head_request_has_no_body():
    came, _ = exchange(numbered, GET.replace(b"GET", b"HEAD"), lambda came: came.endswith(b"\r\n\r\n"))
    assert b"\r\ncontent-length: 12\r\n" in came
    assert came.endswith(b"\r\n\r\n")


def test_no_header_smuggles_another_one_in():
    def smuggling(number: int) -> Answer:
        return Answer(b"{}", more_headers=((b"x-name", b"a\r\nset-cookie: b"),))

    came, _ = exchange(smuggling, GET, lambda came: b"Internal Server Error" in came)
    assert b"set-cookie" not in came
    assert came.startswith(b"HTTP/1.1 500")


def test_the_first_line_has_words_of_the_answer_s_own_where_it_has_some():
    def worded(number: int) -> Answer:
        answer = Answer(b"{}", 501)
        answer.reason = b"Use another way."
        return answer

    came, _ = exchange(worded, GET, lambda came: came.endswith(b"{}"))
    assert came.startswith(b"HTTP/1.1 501 Use another way.\r\n")


def test_the_words_of_the_first_line_make_no_second_one():
    def smuggling(number: int) -> Answer:
        answer = Answer(b"{}", 501)
        answer.reason = b"no\r\nset-cookie: b"
        return answer

    came, _ = exchange(smuggling, GET, lambda came: b"Internal Server Error" in came)
    assert b"set-cookie" not in came
    assert came.startswith(b"HTTP/1.1 500")


def test_an_answer_goes_out_over_a_server_that_knows_nothing_of_whole_ones():
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("an answer reads nothing")

    answered: Awaitable[None] = numbered(1)({"type": "http"}, receive, send)
    asyncio.run(answered)  # type: ignore[arg-type]
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


def test_an_idle_connection_is_closed_by_the_server():
    came, _ = exchange(numbered, GET, lambda _: False, keeps_s=0.1)
    assert came.endswith(b'{"number":0}')


def test_a_connection_in_use_outlives_the_time_that_an_idle_one_is_kept():
    came, _ = exchange(
        numbered, GET * 3, lambda came: came.count(b"number") == 3, keeps_s=0.1, answers_after_s=0.3
    )
    assert came.endswith(b'{"number":2}')


def test_a_connection_that_was_used_again_is_closed_once_it_is_idle():
    came, _ = exchange(numbered, GET * 3, lambda _: False, keeps_s=0.1, answers_after_s=0.15)
    assert came.endswith(b'{"number":2}')


@pytest.mark.parametrize(
    ("sent", "dripped", "answers"),
    [
        (b"", b"", 0),
        (b"\r\n", b"\r\n", 0),
        (b"GET / HTTP/1.1\r\n", b"X: y\r\n", 0),
        (GET, b"\r\n", 1),
        (GET + b"GET / HTTP", b"", 1),
        (GET + b"GET / HTTP/1.1\r\n", b"X: y\r\n", 1),
        (BODY % 10_000_000, b"x", 1),
    ],
    ids=["nothing", "lines", "head", "lines later", "half a head later", "head later", "rest of a body"],
)
def test_s27_who_never_comes_to_the_end_of_a_request_is_not_waited_for(sent, dripped, answers):
    """However little and often they send."""
    drops = itertools.repeat(dripped) if dripped else ()
    came, _ = exchange(numbered, sent, lambda _: False, keeps_s=0.1, dripped=drops)
    assert came.count(b"number") == answers


def test_who_sends_a_body_in_vain_but_fast_enough_is_heard_out():
    piece = b"x" * int(DRIPS_EVERY_S * SLOWEST_BYTES_PER_S * 20)
    pieces = [piece] * 10
    came, _ = exchange(
        numbered,
        BODY % sum(map(len, pieces)),
        lambda came: came.count(b"number") == 2,
        keeps_s=0.1,
        dripped=[*pieces, GET],
    )
    assert came.endswith(b'{"number":1}')


def test_the_time_for_a_head_does_not_run_while_the_answer_before_it_is_made():
    half = len(GET) // 2
    came, _ = exchange(
        numbered,
        GET + GET[:half],
        lambda came: came.count(b"number") == 2,
        keeps_s=0.4,
        answers_after_s=0.5,
        dripped=[b""] * 16 + [GET[half:]],
    )
    assert came.endswith(b'{"number":1}')


@pytest.mark.parametrize("is_read", [True, False])
def test_s27_who_reads_nothing_of_an_answer_is_hung_up_on(is_read, monkeypatch):
    monkeypatch.setattr(http_protocol, "UNREAD_S", 60.0 if is_read else 0.1)
    size_bytes = 40 << 20
    file = StreamingResponse(iter([b"x" * (1 << 20)] * 40), headers={"content-length": str(size_bytes)})
    came, _ = exchange(
        lambda number: file,
        GET,
        lambda came: len(came) == came.find(b"\r\n\r\n") + 4 + size_bytes,
        reads_after_s=0.0 if is_read else 0.5,
    )
    assert (came.count(b"x") == size_bytes) is is_read


def test_a_large_answer_may_take_longer_to_read_than_an_idle_connection_is_kept():
    """Over TLS, a connection that is closed has 30 s more, whatever is still on its way."""
    answers = iter([Answer(b"x" * (8 << 20)), numbered(1)])
    written: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await next(answers)(scope, receive, send)

    async def main() -> bytes:
        async with connected(app, 0.2, written) as (_, reader, writer):
            writer.write(GET)
            await asyncio.sleep(0.5)
            await reader.readexactly(len(written[0]))
            writer.write(GET)
            return await reader.readuntil(b"}")

    assert asyncio.run(main()).endswith(b'{"number":1}')


def test_nobody_looks_after_who_hangs_up_in_the_middle_of_an_answer(monkeypatch):
    monkeypatch.setattr(http_protocol, "UNREAD_S", 0.1)
    looked = []
    monkeypatch.setattr(Recorded, "_end_unread", lambda self, left_bytes: looked.append(left_bytes))

    async def main() -> None:
        async with connected(Answer(b"x" * (8 << 20)), 60.0, []) as (protocol, reader, writer):
            writer.write(GET)
            await reader.read(1)
            assert protocol.flow.write_paused
            writer.transport.abort()
            await asyncio.sleep(0.2)

    asyncio.run(main())
    assert looked == []


async def shown(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the names of the request's headers, once its body has come to its end."""
    while (await receive()).get("more_body", False):
        pass
    names = b" ".join(name for name, _ in scope["headers"])
    await Answer(b"{%b}" % names)(scope, receive, send)


def test_what_follows_a_body_is_no_header():
    chunked = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    trailers = b"Authorization: Bearer b\r\nX-Forwarded-For: 1.2.3.4\r\nHost: c\r\n\r\n"
    sent = chunked + trailers + GET
    came, _ = exchange(lambda number: shown, sent, lambda came: came.count(b"}") == 2)
    first, second = (body[body.rindex(b"{") + 1 :] for body in came.split(b"}")[:2])
    assert first.split() == [b"host", b"transfer-encoding"]
    assert second.split() == [b"host"]


@pytest.mark.parametrize("piece", [b"X: a\r\n" * 1000, b"a" * 5000], ids=["many", "long"])
@pytest.mark.parametrize("before", [b"", GET], ids=["first", "later"])
def test_s27_a_head_without_end_is_cut_off(piece: bytes, before: bytes):
    reached: list[int] = []

    def counted(number: int) -> Answer:
        reached.append(number)
        return numbered(number)

    head = before + b"GET /x HTTP/1.1\r\nHost: a\r\nX: " + piece * (4 * MAX_HEAD_BYTES // len(piece))
    _, written = exchange(counted, head, lambda came: False)
    assert len(reached) <= before.count(b"GET")
    assert before or b"".join(written).startswith(b"HTTP/1.1 431 ")


def test_a_head_of_ordinary_size_gets_through():
    cookies = (
        b"Cookie: " + b"; ".join(b"c%d=%b" % (number, b"v" * 50) for number in range(1000)) + b"\r\n\r\n"
    )
    came, _ = exchange(
        numbered, GET.replace(b"\r\n\r\n", b"\r\n") + cookies, lambda came: came.endswith(b"}")
    )
    assert came.startswith(b"HTTP/1.1 200 ")
