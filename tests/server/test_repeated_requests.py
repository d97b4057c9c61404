"""A request in the words of one before is answered as it would be by the long way, and by today's rights."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uvicorn.server import ServerState

from runyard.server.http_protocol import MAX_KNOWN_HEADS, StrictHttpProtocol
from runyard.server.repeated import Repeated
from tests.server.team import Team

WITHIN_S = 300
LOG = "/api/2.0/mlflow/runs/log-metric"


class Forgetful(StrictHttpProtocol):
    """The long way alone."""

    def _remember(self) -> None:
        pass


class Answer(NamedTuple):
    """One answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    def told(self) -> tuple[int, dict[str, str], Any]:
        """Return all of it that is not another one for each request."""
        own = {name: value for name, value in self.headers.items() if name not in ("x-request-id", "date")}
        body = json.loads(self.body) if self.body[:1] == b"{" else self.body
        if isinstance(body, dict):
            body.pop("request_id", None)
        return self.status, own, body


class Line(asyncio.Transport):
    """A connection without a socket: what is fed to it arrives at once, in the pieces in which it was fed."""

    def __init__(self, speaks: type[StrictHttpProtocol], app: Any) -> None:
        super().__init__()
        self._config = uvicorn.Config(app, lifespan="off", log_config=None, server_header=False)
        self._config.load()
        self.state = ServerState()
        self.protocol = speaks(self._config, self.state, {})
        self._written = bytearray()
        self._more = asyncio.Event()
        self.is_closed = False
        self.protocol.connection_made(self)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 5000)}.get(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._written += data
        self._more.set()

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True
        self._more.set()

    def pause_reading(self) -> None:
        """What is fed is fed."""

    def resume_reading(self) -> None:
        """As above."""

    def feed(self, *pieces: bytes) -> None:
        """Have something arrive."""
        for piece in pieces:
            if not self.is_closed:
                self.protocol.data_received(piece)

    async def answers(self, count: int) -> list[Answer]:
        """Return the next answers; fewer if the connection is closed before."""
        found: list[Answer] = []
        while len(found) < count:
            answer = self.take()
            if answer is not None:
                found.append(answer)
            elif self.is_closed:
                break
            else:
                self._more.clear()
                await asyncio.wait_for(self._more.wait(), WITHIN_S)
        return found

    def take(self) -> Answer | None:
        """Return the next answer if it is there."""
        head, found, rest = bytes(self._written).partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(headers.get("content-length", 0))
        if not found or len(rest) < length:
            return None
        del self._written[: len(head) + 4 + length]
        return Answer(int(lines[0].split()[1]), headers, rest[:length])


def request(path: str, body: Any, key: str = "", method: str = "POST", more: str = "") -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    credential = f"Authorization: Bearer {key}\r\n" if key else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n{credential}{more}"
    return (
        f"{head}Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content
    )


def point(run_id: str, step: int, key: str = "loss") -> dict[str, Any]:
    return {"run_id": run_id, "key": key, "value": 0.5, "timestamp": 1_700_000_000_000 + step, "step": step}


@pytest.fixture
def short_ways(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What each look at a known head came to: whether it was answered the short way."""
    seen: list[bool] = []
    ask = Repeated.ask

    def watched(self: Repeated, body: bytes, on_answer: Callable[..., None]) -> bool:
        seen.append(ask(self, body, on_answer))
        return seen[-1]

    monkeypatch.setattr(Repeated, "ask", watched)
    return seen


class Site:
    """A team's server, one of its runs, and connections to it."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self.key = team.person("bea")
        team.grant("bea", "contributor", "default")
        self.run_id = self.new_run()

    def new_run(self) -> str:
        answer = self.team.ask("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"}, key=self.key)
        found: str = answer.raise_for_status().json()["run"]["info"]["run_id"]
        return found

    def log(self, step: int, **changed: str) -> bytes:
        return request(LOG, point(self.run_id, step) | changed, self.key)

    def steps(self) -> list[int]:
        asked = {"run_id": self.run_id, "metric_key": "loss"}
        answer = self.team.ask("GET", "/api/2.0/mlflow/metrics/get-history", asked, key=self.key)
        return [metric["step"] for metric in answer.raise_for_status().json().get("metrics", [])]

    def on_a_line(
        self,
        use: Callable[[Line], Coroutine[Any, Any, Any]],
        speaks: type[StrictHttpProtocol] = StrictHttpProtocol,
    ) -> Any:
        async def within() -> Any:
            return await use(Line(speaks, self.team.served))

        return asyncio.run(within())

    def said(self, *requests: bytes) -> list[Answer]:
        """Return the answers to requests that are sent one after the other."""

        async def one_by_one(line: Line) -> list[Answer]:
            found = []
            for sent in requests:
                line.feed(sent)
                found += await line.answers(1)
            return found

        found: list[Answer] = self.on_a_line(one_by_one)
        return found


@pytest.fixture
def site(team: Team) -> Site:
    return Site(team)


def test_each_is_answered_as_the_first_and_kept(site, short_ways):
    first, *others = site.said(*(site.log(step) for step in range(1, 6)))
    assert first.told() == (200, first.told()[1], {})
    assert [answer.told() for answer in others] == [first.told()] * 4
    assert len({answer.headers["x-request-id"] for answer in (first, *others)}) == 5
    assert short_ways == [True] * 4
    assert site.steps() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "cut", ["before the body", "in the head", "in the body", "after the head and a byte"]
)
def test_it_may_come_in_pieces(site, short_ways, cut):
    async def use(line: Line) -> list[Answer]:
        found = []
        for step in range(1, 4):
            sent = site.log(step)
            end = sent.index(b"\r\n\r\n") + 4
            at = {"before the body": end, "in the head": 30, "in the body": len(sent) - 3}.get(cut, end + 1)
            line.feed(sent[:at])
            await asyncio.sleep(0)
            line.feed(sent[at:])
            found += await line.answers(1)
        return found

    assert [answer.status for answer in site.on_a_line(use)] == [200, 200, 200]
    assert site.steps() == [1, 2, 3]
    assert short_ways == ([True] * 2 if cut == "before the body" else [])


def test_who_is_locked_out_is_refused_at_the_very_next_request(site):
    async def use(line: Line) -> list[int]:
        statuses = []
        for step in (1, 2, 3):
            if step == 3:
                revoke = site.team.stores.metadata.credentials.revoke_api_key
                await asyncio.to_thread(revoke, site.key.split("_")[1], 1)
            line.feed(site.log(step))
            statuses += [answer.status for answer in await line.answers(1)]
        return statuses

    assert site.on_a_line(use) == [200, 200, 401]


def test_a_right_that_wastaken_is_gone_at_the_very_next_request(site):
    async def use(line: Line) -> list[int]:
        statuses = []
        for step in (1, 2, 3):
            if step == 3:
                await asyncio.to_thread(site.team.grant, "bea", "reader", "default")
            line.feed(site.log(step))
            statuses += [answer.status for answer in await line.answers(1)]
        return statuses

    assert site.on_a_line(use) == [200, 200, 403]
    assert site.steps() == [1, 2]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (lambda site, length: b"{" + b" " * (length - 1), 400),
        (lambda site, length: json.dumps(point("0" * 32, 2)).encode(), 404),
        (lambda site, length: json.dumps(point(site.run_id, 2, key="lo\0s")).encode()[:length], 400),
    ],
)
def test_what_is_refused_is_refused_in_the_same_words(site, body, status):
    length = len(json.dumps(point(site.run_id, 1)))
    bad = body(site, length)
    padded = bad + b" " * (length - len(bad))
    assert len(padded) == length
    requests = [site.log(1), request(LOG, padded, site.key), site.log(3)]
    answers = site.said(*requests)
    assert [answer.status for answer in answers] == [200, status, 200]
    alone = site.said(requests[1])[0]
    assert answers[1].told() == alone.told()
    assert site.steps() == [1, 3]


def test_a_fault_gives_nothing_away_and_is_in_the_log_with_the_id(site, monkeypatch, caplog):
    async def use(line: Line) -> list[Answer]:
        line.feed(site.log(1))
        await line.answers(1)

        def broken(*_: object) -> None:
            raise ZeroDivisionError("secret words")

        monkeypatch.setattr("runyard.stores.metrics.sql.SqlMetrics.append", broken)
        line.feed(site.log(2))
        found = await line.answers(1)
        monkeypatch.undo()
        line.feed(site.log(3))
        return found + await line.answers(1)

    with caplog.at_level(logging.ERROR):
        failed, after = site.on_a_line(use)
    assert (failed.status, after.status) == (500, 200)
    assert b"secret" not in failed.body
    assert failed.headers["x-request-id"] in caplog.text
    assert "secret words" in caplog.text
    assert site.steps() == [1, 3]


def test_requests_that_come_without_waiting_are_answered_in_order(site):
    async def use(line: Line) -> list[Answer]:
        line.feed(site.log(1))
        first = await line.answers(1)
        line.feed(site.log(2), site.log(3) + site.log(4)[:50], site.log(4)[50:], site.log(5, run_id="0" * 32))
        return first + await line.answers(4)

    assert [answer.status for answer in site.on_a_line(use)] == [200, 200, 200, 200, 404]
    assert site.steps() == [1, 2, 3, 4]


def test_a_request_within_the_body_of_a_refused_one_is_no_request(site):
    """Who shares a connection through a proxy must not be able to send in another's words."""

    async def use(line: Line) -> list[Answer]:
        line.feed(site.log(1))
        found = await line.answers(1)
        inner = site.log(2)
        size = site.team.settings.max_body_bytes + 1
        outer = request(LOG, b"x" * size, site.key)
        head = outer[: outer.index(b"\r\n\r\n") + 4]
        line.feed(head)
        found += await line.answers(1)
        line.feed(inner)
        await asyncio.sleep(0.1)
        assert line.take() is None
        return found

    answers = site.on_a_line(use)
    assert [answer.status for answer in answers] == [200, 413]
    assert site.steps() == [1]


def test_a_server_that_stops_answers_what_has_begun_and_hangs_up(site):
    async def use(line: Line) -> tuple[list[Answer], bool]:
        line.feed(site.log(1))
        await line.answers(1)
        line.feed(site.log(2))
        line.protocol.shutdown()
        assert not line.is_closed
        return await line.answers(1), line.is_closed

    (answer,), is_closed = site.on_a_line(use)
    assert (answer.status, answer.headers["connection"], is_closed) == (200, "close", True)
    assert site.steps() == [1, 2]


def test_a_server_that_stops_waits_for_the_body_of_a_known_head(site):
    async def use(line: Line) -> list[Answer]:
        line.feed(site.log(1))
        await line.answers(1)
        sent = site.log(2)
        end = sent.index(b"\r\n\r\n") + 4
        line.feed(sent[:end])
        line.protocol.shutdown()
        line.feed(sent[end:])
        return await line.answers(1)

    (answer,) = site.on_a_line(use)
    assert answer.status == 200
    assert site.steps() == [1, 2]


def test_a_sender_who_hangs_up_loses_nothing_that_was_begun(site):
    async def use(line: Line) -> None:
        line.feed(site.log(1))
        await line.answers(1)
        line.feed(site.log(2))
        line.close()
        line.protocol.connection_lost(None)
        await asyncio.sleep(0.1)

    site.on_a_line(use)
    assert site.steps() == [1, 2]


def test_an_idle_connection_is_closed_also_after_a_repeated_request(site):
    async def use(line: Line) -> bool:
        line.protocol.timeout_keep_alive = 0.05  # type: ignore[assignment]  # seconds, as uvicorn takes them
        line.feed(site.log(1))
        await line.answers(1)
        line.feed(site.log(2))
        await line.answers(1)
        assert await line.answers(1) == []
        return line.is_closed

    assert site.on_a_line(use) is True


def test_a_body_that_never_comes_ends_the_connection(site):
    async def use(line: Line) -> tuple[float, list[Answer]]:
        line.protocol.timeout_keep_alive = 0.2  # type: ignore[assignment]
        sent = site.log(1)
        line.feed(sent)
        await line.answers(1)
        await asyncio.sleep(0.1)
        line.feed(sent[: sent.index(b"\r\n\r\n") + 4])
        began_s = asyncio.get_running_loop().time()
        none = await line.answers(1)
        return asyncio.get_running_loop().time() - began_s, none

    waited_s, answers = site.on_a_line(use)
    assert waited_s >= 0.15  # from the head on, not from the last answer
    assert answers == []
    assert site.steps() == [1]


def test_where_each_request_is_logged_none_is_skipped(tmp_path, short_ways):
    team = Team(tmp_path / "home", access_log=True)
    site = Site(team)
    assert [answer.status for answer in site.said(site.log(1), site.log(2))] == [200, 200]
    assert short_ways == []
    team.close()


def test_all_are_counted(site):
    site.said(*(site.log(step) for step in range(1, 5)))
    counted = site.team.operation.traffic
    assert counted.in_flight == 0
    logged = [answered for route, _, _, answered in counted.answered() if route.endswith("/log-metric")]
    assert sum(sum(one.counts) for one in logged) == 4


def test_no_body_is_kept(site):
    async def use(line: Line) -> int:
        body = json.dumps(point(site.run_id, 1)).encode() + b" " * 200_000
        line.feed(request(LOG, body, site.key))
        await line.answers(1)
        gc.collect()
        return sum(
            isinstance(found, bytes) and len(found) > 100_000 for found in kept_by(line.protocol._known)
        )

    assert site.on_a_line(use) == 0


def kept_by(start: Any) -> list[Any]:
    """Return all that is kept for a connection: not what belongs to the server, its functions and objects."""
    found: dict[int, Any] = {}
    ahead = [start]
    while ahead:
        item = ahead.pop()
        if id(item) not in found:
            found[id(item)] = item
            ahead += gc.get_referents(item) if isinstance(item, OF_A_CONNECTION) else []
    return list(found.values())


def test_few_heads_are_kept(site):
    async def use(line: Line) -> int:
        for length in range(3 * MAX_KNOWN_HEADS):
            line.feed(request(LOG, point(site.run_id, 1, key="k" * (1 + length)), site.key))
            await line.answers(1)
        return len(line.protocol._known)

    assert 0 < site.on_a_line(use) <= MAX_KNOWN_HEADS


OF_A_CONNECTION = (MappingProxyType, dict, list, tuple, partial, Repeated)
KINDS = st.sampled_from(
    ["log", "log", "log", "param", "tag", "unknown run", "broken", "read", "no key", "nowhere"]
)


def made(site: Site, kind: str, step: int) -> bytes:
    runs = "/api/2.0/mlflow/runs"
    key_value = {"run_id": site.run_id, "key": "k", "value": f"v{step}"}
    return {
        "log": lambda: site.log(step),
        "param": lambda: request(f"{runs}/log-parameter", key_value | {"key": f"p{step}"}, site.key),
        "tag": lambda: request(f"{runs}/set-tag", key_value, site.key),
        "unknown run": lambda: site.log(step, run_id="0" * 32),
        "broken": lambda: request(LOG, b"{" * (90 + step % 3), site.key),
        "read": lambda: request(f"{runs}/get?run_id={'0' * 32}", b"", site.key, method="GET"),
        "no key": lambda: request(LOG, point(site.run_id, step)),
        "nowhere": lambda: request("/api/2.0/mlflow/nowhere", {}, site.key),
    }[kind]()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    kinds=st.lists(KINDS, min_size=2, max_size=12),
    cuts=st.lists(st.floats(0, 1), max_size=12),
    waits=st.booleans(),
)
def test_however_they_come_they_are_answered_as_by_the_long_way(
    site: Site, kinds: list[str], cuts: list[float], waits: bool
):
    requests = [made(site, kind, step) for step, kind in enumerate(kinds, 1)]

    async def use(line: Line) -> list[Answer]:
        found = []
        for group in [[one] for one in requests] if waits else [requests]:
            line.feed(*pieces(b"".join(group), cuts))
            found += await line.answers(len(group))
        return found

    short, long = (site.on_a_line(use, speaks) for speaks in (StrictHttpProtocol, Forgetful))
    assert len(short) == len(requests)
    assert [answer.told() for answer in short] == [answer.told() for answer in long]


def pieces(whole: bytes, cuts: Iterable[float]) -> list[bytes]:
    places = sorted({int(cut * len(whole)) for cut in cuts} | {0, len(whole)})
    return [whole[start:end] for start, end in pairwise(places)]
