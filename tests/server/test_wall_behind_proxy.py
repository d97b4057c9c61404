"""The wall behind a real nginx and HAProxy: what the two might read differently opens nothing.

A proxy hands on what is below `/runyard` and nothing else. So a request for another path that the server
sees at all was hidden in one that the proxy took for something else.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from runyard.app import administration, open_stores
from runyard.settings import Settings
from tests.running_server import RunningServer
from tests.server.proxies import behind
from tests.waiting import until

GUARDED = "/api/2.0/mlflow/experiments/get?experiment_id=0"
HIDDEN_ROUTE, SEEN_ROUTE = "/api/2.0/mlflow/registered-models/search", "/api/2.0/mlflow/model-versions/search"
HIDDEN = f"GET {HIDDEN_ROUTE} HTTP/1.1\r\nHost: localhost\r\nX: y\r\n\r\n".encode()
SEARCH = b"POST /runyard/api/2.0/mlflow/experiments/search HTTP/1.1"
LAST = b"GET /runyard/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
WITHIN_S = 60
QUIET_S = 0.5
AT_ONCE = 16


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A team's server that trusts the proxies of this machine; the key is its administrator's."""
    settings = {"RUNYARD_TRUSTED_PROXIES": "127.0.0.1", "RUNYARD_ACCESS_LOG": "1"}
    home = tmp_path_factory.mktemp("behind") / "home"
    running = RunningServer(home, environment=settings, mode="serve").start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def key(server: RunningServer) -> str:
    stores = open_stores(Settings(home=server.home))
    made = administration(stores).make_first_administrator("ann").text
    stores.close()
    return made


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def proxied(
    request: pytest.FixtureRequest, server: RunningServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address that a proxy shows the server at."""
    with behind(request.param, server, tmp_path_factory.mktemp(request.param)) as url:
        yield url


def sent(url: str, request: bytes, quiet_s: float = WITHIN_S) -> bytes:
    """Return all that comes back for what is sent as it is over a connection of its own.

    It ends when the proxy ends it or, if that may wait for more, after so long without a word.
    """
    address = urlsplit(url)
    with socket.create_connection((address.hostname or "", address.port or 0), WITHIN_S) as connection:
        came = b""
        try:
            connection.sendall(request)
            connection.settimeout(quiet_s)
            while piece := connection.recv(65536):
                came += piece
        except (ConnectionError, TimeoutError):  # it hung up on what it did not like, or waits for more
            pass
        return came


def request(*lines: bytes, body: bytes = b"", first: bytes = SEARCH) -> bytes:
    return b"\r\n".join([first, b"Host: localhost", *lines, b"", b""]) + body


def hiding() -> list[bytes]:
    """Requests with another one in them, between two ways to read how long they are."""

    def chunked(*lines: bytes, before: bytes = b"0\r\n\r\n", **more: bytes) -> bytes:
        return request(*lines, body=before + HIDDEN, **more)

    te, length = b"Transfer-Encoding: chunked", b"Content-Length: %d" % (len(HIDDEN) + 5)
    codings = [
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding:\tchunked",
        b"Transfer-Encoding:\x0bchunked",
        b" Transfer-Encoding: chunked",
        b"X: y\r\n Transfer-Encoding: chunked",
        b"Transfer-Encoding\r\n : chunked",
        b"X: y\nTransfer-Encoding: chunked",
        b"X: y\rTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: identity, chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b'Transfer-Encoding: "chunked"',
        b"Transfer-Encoding: CHUNKED",
        b"Transfer_Encoding: chunked",
        b"Transfer-Encoding: chunked\x00",
        b"Transfer-Encoding:\r\n chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"TE: chunked\r\nTransfer-Encoding:",
    ]
    lengths = [
        b"Content-Length: 0\r\nContent-Length: 60",
        b"Content-Length: 60\r\nContent-Length: 0",
        b"Content-Length: 0, 60",
        b"Content-Length: +0",
        b"Content-Length: -1",
        b"Content-Length: 0x0",
        b"Content-Length : 0",
        b"Content-Length:\x0b0",
        b"Content-Length: 0\x00",
        b"X: y\nContent-Length: 0",
        b"Content-Length: 00000000000000000000000",
        b"Content-Length: 18446744073709551616",
        b"Content-Length:",
        b"Content_Length: 60",
        b"Content-Length: 0 0",
        b"X: y\r\n Content-Length: 0",
    ]
    chunks = [
        b"0\n\n",
        b"0;a\nb\r\n\r\n",
        b'0;a="\r\n\r\n',
        b"0x0\r\n\r\n",
        b"-0\r\n\r\n",
        b" 0\r\n\r\n",
        b"0 \r\n\r\n",
        b"00000000000000000000\r\n\r\n",
        b"10000000000000000\r\n\r\n",
        b"0\r\nContent-Length: 60\r\n\r\n",
        b"1\r\naX\r\n0\r\n\r\n",
        b"1\r\na\n0\r\n\r\n",
        b"\r\n0\r\n\r\n",
        b"0\r\rX\r\n\r\n",
        b"0\r\nHost: x\r\n\r\n",
    ]
    made = [chunked(te, length), chunked(length, te)]
    made += [chunked(each, length) for each in codings]
    made += [request(each, body=HIDDEN) for each in lengths]
    made += [chunked(te, before=each) for each in chunks]
    made += [
        chunked(te, first=SEARCH.replace(b"1.1", b"1.0")),
        chunked(te, b"Connection: keep-alive", first=b"GET /runyard/version HTTP/1.0"),
        chunked(length, te, b"Connection: Content-Length"),
        chunked(te, length, b"Connection: Transfer-Encoding"),
        chunked(b"Content-Length: 0", b"Expect: 100-continue", before=b""),
        chunked(
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            before=b"",
            first=b"GET /runyard/ HTTP/1.1",
        ),
        chunked(
            b"Connection: Upgrade, HTTP2-Settings",
            b"Upgrade: h2c",
            b"HTTP2-Settings: AAMAAABk",
            before=b"",
            first=b"GET /runyard/version HTTP/1.1",
        ),
        chunked(b"Content-Length: 0", before=b"", first=b"CONNECT localhost:80 HTTP/1.1"),
        chunked(b"Content-Length: 0", before=b"", first=b"GET /runyard/version HTTP/1.1 HTTP/1.1"),
        chunked(
            b"Content-Length: 0", before=b"", first=b"GET /runyard/version%20HTTP/1.1%0d%0aA:%20b HTTP/1.1"
        ),
    ]
    return made


def test_s15_no_request_is_smuggled_through_a_proxy_in_another_one(
    proxied: str, server: RunningServer, key: str
):
    """Nor is anybody given the answer that another one is meant to have."""
    known = b"Host: localhost\r\nAuthorization: Bearer %s\r\n" % key.encode()
    by_key = {"Authorization": f"Bearer {key}"}
    version = httpx.get(f"{server.url}/version", headers=by_key, timeout=WITHIN_S).text

    def answer_after(attack: bytes) -> tuple[int, str]:
        sent(proxied, attack.replace(b"Host: localhost\r\n", known, 1) + LAST, QUIET_S)
        answer = victim.get(f"{proxied}/version")
        return answer.status_code, answer.text

    with (
        httpx.Client(timeout=WITHIN_S, headers=by_key) as victim,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        assert set(pool.map(answer_after, hiding())) == {(200, version)}
    # Nothing is missing in what the server tells: a second request that the proxy knows of is there.
    before = server.output.count(SEEN_ROUTE)
    plain = request(first=b"GET /runyard%s HTTP/1.1" % SEEN_ROUTE.encode())
    sent(proxied, request(first=b"GET /runyard/health HTTP/1.1") + plain + LAST)
    until(lambda: server.output.count(SEEN_ROUTE) > before)
    assert HIDDEN_ROUTE not in server.output


PATHS = [
    "/runyard{0}",
    "//runyard{0}",
    "/runyard/{0}",
    "/runyard/.{0}",
    "/runyard/x/..{0}",
    "/runyard/%2e{0}",
    "/runyard/x/%2e%2e{0}",
    "/runyard/x%2f..{0}",
    "/runyard%2f{0}",
    "/runyard;x{0}",
    "/runyard/health;/..{0}",
    "/runyard/health/..{0}",
    "/runyard/health/%2e%2e{0}",
    "/runyard/health%2f%2e%2e{0}",
    "/x/../runyard{0}",
    "/runyard/../runyard{0}",
    "/runyard/runyard{0}",
    "/runyardx{0}",
    "/runyard/..{0}",
    "/runyard/%c0%ae%c0%ae{0}",
    "/runyard/%e0%80%ae{0}",
    "/runyard/health\\..{0}",
    "/runyard/health%5c..{0}",
    "/runyard/health%00{0}",
    "/runyard/health%23{0}",
    "/runyard/health%3f{0}",
    "/runyard/static-files/..{0}",
    "/run%79ard{0}",
    "/RUNYARD{0}",
    "http://localhost/runyard{0}",
    "http://localhost/x/../runyard{0}",
    "http://evil.example/runyard{0}",
    "/runyard/workspaces/default{0}",
    "/runyard/health/../workspaces/default{0}",
    "/runyard{0}%20",
    "/runyard{0}#",
    "/runyard/mlflow/..{0}",
    "/runyard/health HTTP/1.0{0}",
    "runyard{0}",
    "*",
    "/runyard/health\t{0}",
]
SAID = {
    "nothing": "X: y",
    "prefix": "X-Forwarded-Prefix: /runyard/api",
    "no prefix": "X-Forwarded-Prefix: /",
    "prefixes": "X-Forwarded-Prefix: /x\r\nX-Forwarded-Prefix: /runyard/api/2.0",
    "url": "X-Original-URL: /health",
    "rewritten": "X-Rewrite-URL: /runyard/health",
    "host": "X-Forwarded-Host: evil.example",
    "forwarded": "Forwarded: for=127.0.0.1;host=evil.example;proto=https",
    "user": "X-Remote-User: ann",
    "from here": "X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1",
    "method": "X-HTTP-Method-Override: HEAD",
    "hops": "Connection: close, Authorization, X-Forwarded-Prefix, X-Forwarded-For, Host, Cookie",
    "verified": "X-SSL-Client-Verify: SUCCESS\r\nX-Forwarded-User: ann",
}


@pytest.mark.parametrize("said", SAID)
def test_s07_no_path_or_header_gets_a_stranger_past_a_proxy(proxied: str, key: str, said: str):
    def answered(path: str) -> bytes:
        first = f"GET {path.format(GUARDED)} HTTP/1.1".encode("latin-1")
        return sent(proxied, request(SAID[said].encode(), first=first) + LAST, QUIET_S)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for path, came in zip(PATHS, pool.map(answered, PATHS), strict=True):
            assert b"lifecycle_stage" not in came, (path, came)
            assert b"evil.example" not in came, (path, came)
    first, known = f"GET /runyard{GUARDED} HTTP/1.1".encode(), b"Authorization: Bearer " + key.encode()
    came = sent(proxied, request(known, SAID[said].encode(), first=first) + LAST)
    assert came.startswith((b"HTTP/1.1 200", b"HTTP/1.1 401"))
    assert b"lifecycle_stage" in sent(proxied, request(known, first=first) + LAST)


@pytest.mark.parametrize("lines", [(b"X: " + b"a" * 70_000,), (b"X: y",) * 20_000], ids=["long", "many"])
def test_s27_a_head_that_is_too_large_is_refused_by_one_of_the_two(proxied: str, lines: tuple[bytes, ...]):
    first = b"GET /runyard/version HTTP/1.1"
    came = sent(proxied, request(*lines, first=first) + LAST, QUIET_S)
    assert came == b"" or came.split(b" ")[1] in (b"400", b"413", b"414", b"431", b"502"), came
    assert sent(proxied, LAST).startswith(b"HTTP/1.1 200")
