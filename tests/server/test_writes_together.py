"""Requests that are written together: each gets its own answer, and nobody waits for a large one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from runyard.app import make_app, open_stores
from runyard.server.bodies import HAS_COME
from runyard.server.http_protocol import StrictHttpProtocol
from runyard.server.routes import ROUTES
from runyard.settings import Mode, Settings
from runyard.stores.group_commit import GroupCommit
from runyard.stores.opening import Stores
from tests.migrated import open_migrated

BASE = "/api/2.0/mlflow/runs"
TOGETHER = {
    "log-metric",
    "log-batch",
    "log-batch-async",
    "log-parameter",
    "set-tag",
    "delete-tag",
    "create",
    "update",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "home").mkdir()
    open_migrated(tmp_path / "home" / "runyard.db").close()
    return Settings(mode=Mode.UP, home=tmp_path / "home")


@pytest.fixture
def stores(settings: Settings) -> Iterator[Stores]:
    stores = open_stores(settings)
    yield stores
    stores.close()


@pytest.fixture
def client(stores: Stores, settings: Settings) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(make_app(stores, settings), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:5000", timeout=60)


async def post(client: httpx.AsyncClient, path: str, body: Mapping[str, Any]) -> httpx.Response:
    return await client.post(f"{BASE}/{path}", json=body)


async def new_run(client: httpx.AsyncClient) -> str:
    answer = await post(client, "create", {"experiment_id": "0"})
    run_id: str = answer.raise_for_status().json()["run"]["info"]["run_id"]
    return run_id


async def read(client: httpx.AsyncClient, run_id: str) -> Any:
    answer = await client.get(f"{BASE}/get", params={"run_id": run_id})
    return answer.raise_for_status().json()["run"]


def test_what_a_run_logs_is_written_together():
    declared = {route.path.removeprefix(f"{BASE}/") for route in ROUTES if route.commits_together}
    assert {path for path in declared if not path.startswith("/ajax-api")} == TOGETHER


def test_of_many_writers_each_gets_its_own_answer(client):
    """Every third is refused, for reasons that show before the transaction and within it."""

    def bodies(run_id: str, number: int) -> tuple[str, dict[str, Any]]:
        point = {"run_id": run_id, "key": f"m{number}", "value": number, "timestamp": 1, "step": number}
        kinds: list[tuple[str, dict[str, Any]]] = [
            ("log-metric", point),
            ("log-parameter", {"run_id": run_id, "key": f"p{number}", "value": str(number)}),
            ("log-parameter", {"run_id": run_id, "key": "fixed", "value": f"not {number}"}),
            ("log-batch", {"run_id": run_id, "tags": [{"key": f"t{number}", "value": str(number)}]}),
            ("log-metric", {**point, "key": f"bad${number}"}),
            ("set-tag", {"run_id": run_id, "key": f"s{number}", "value": str(number)}),
            ("log-metric", {**point, "run_id": f"nobody-{number}"}),
            ("delete-tag", {"run_id": run_id, "key": f"none-{number}"}),
        ]
        return kinds[number % len(kinds)]

    expected = [
        (200, None),
        (200, None),
        (400, "Attempted logging new value 'not {number}'"),
        (200, None),
        (400, "bad${number}"),
        (200, None),
        (404, "Run with id=nobody-{number} not found"),
        (404, "No tag with name: none-{number} in run"),
    ]

    async def main() -> None:
        runs = [await new_run(client) for _ in range(4)]
        for run_id in runs:
            await post(client, "log-parameter", {"run_id": run_id, "key": "fixed", "value": "1"})
        sent = [bodies(runs[number % 4], number) for number in range(200)]
        answers = await asyncio.gather(*(post(client, path, body) for path, body in sent))
        for number, answer in enumerate(answers):
            status, text = expected[number % len(expected)]
            assert answer.status_code == status, answer.text
            if text is None:
                assert answer.json() == {}
            else:
                assert text.format(number=number) in answer.json()["message"]
        for index, run_id in enumerate(runs):
            data = (await read(client, run_id))["data"]
            mine = [number for number in range(200) if number % 4 == index]
            params = {item["key"]: item["value"] for item in data["params"]}
            tags = {item["key"] for item in data["tags"]} - {"mlflow.runName"}
            metrics = {item["key"]: item["value"] for item in data.get("metrics", [])}
            assert params == {"fixed": "1", **{f"p{n}": str(n) for n in mine if n % 8 == 1}}
            assert tags == {f"t{n}" for n in mine if n % 8 == 3} | {f"s{n}" for n in mine if n % 8 == 5}
            assert metrics == {f"m{n}": n for n in mine if n % 8 == 0}

    asyncio.run(main())


def test_runs_that_begin_at_the_same_moment_are_different_runs(client):
    async def main() -> list[str]:
        return await asyncio.gather(*(new_run(client) for _ in range(50)))

    assert len(set(asyncio.run(main()))) == 50


def test_a_large_body_is_kept_and_is_not_answered_in_the_loop(client, monkeypatch):
    """It is decoded and written by a worker thread; small ones are never."""
    in_loop: list[Any] = []
    submit = GroupCommit.submit

    def counted(commits, change):
        in_loop.append(change.args[2]["body"])
        return submit(commits, change)

    monkeypatch.setattr(GroupCommit, "submit", counted)
    small = [{"key": "p", "value": "v"}]
    large = [{"key": f"p{number}", "value": "v" * 60_000} for number in range(50)]

    async def main() -> Any:
        run_id = await new_run(client)
        both = (post(client, "log-batch", {"run_id": run_id, "params": params}) for params in (large, small))
        for answer in await asyncio.gather(*both):
            answer.raise_for_status()
        return (await read(client, run_id))["data"]["params"]

    assert len(asyncio.run(main())) == 51
    assert [type(body).__name__ for body in in_loop] == ["CreateRun", "LogBatch"]
    assert len(in_loop[1].params) == 1


def test_a_batch_with_an_id_is_logged_and_a_bad_id_is_refused(client):
    batch_id = "0192a4c1-7b3e-7cde-8f01-23456789abcd"

    async def main() -> None:
        run_id = await new_run(client)
        batch = {"run_id": run_id, "params": [{"key": "a", "value": "1"}]}
        metrics = [{"key": "m", "value": 1.0, "timestamp": 1}]
        assert (
            await post(client, "log-batch", {**batch, "metrics": metrics, "batch_id": batch_id})
        ).json() == {}
        data = (await read(client, run_id))["data"]
        assert [item["key"] for item in data["params"] + data["metrics"]] == ["a", "m"]
        for bad in ("1", batch_id.upper(), batch_id.replace("-7", "-4"), batch_id + "0", batch_id + "\n"):
            answer = await post(client, "log-batch", {**batch, "batch_id": bad})
            assert answer.status_code == 400
            assert "for parameter 'batch_id' supplied" in answer.json()["message"]

    asyncio.run(main())


def test_a_batch_that_is_sent_again_changes_nothing(client):
    """Not even what somebody has changed since then."""
    batch_id = "0192a4c1-7b3e-7cde-8f01-23456789abcd"

    async def main() -> None:
        run_id = await new_run(client)
        batch = {
            "run_id": run_id,
            "tags": [{"key": "t", "value": "old"}],
            "metrics": [{"key": "m", "value": 1.0, "timestamp": 1}],
            "batch_id": batch_id,
        }
        assert (await post(client, "log-batch", batch)).json() == {}
        await post(client, "set-tag", {"run_id": run_id, "key": "t", "value": "new"})
        assert (await post(client, "log-batch", batch)).json() == {}
        data = (await read(client, run_id))["data"]
        assert {"key": "t", "value": "new"} in data["tags"]

    asyncio.run(main())


@pytest.mark.parametrize("parts", [1, 3])
def test_the_server_says_when_a_body_has_come(parts):
    """So that the wall need not watch the clock for a body that lies there already."""
    body = b"x" * 99
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n"
    seen: list[tuple[bool, bool]] = []

    async def app(scope, receive, send):
        more = True
        while more:
            before = HAS_COME in scope["state"]
            more = (await receive())["more_body"]
            seen.append((before, more))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def main() -> None:
        config = uvicorn.Config(app, lifespan="off", log_level="warning")
        config.load()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: StrictHttpProtocol(config, ServerState(), {}), "127.0.0.1", 0
        )
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            size = len(body) // parts
            for number in range(parts):
                part = body[number * size : (number + 1) * size]
                writer.write(part if number else head + part)
                await writer.drain()
                while len(seen) < number + 1:
                    await asyncio.sleep(0.001)
            assert (await reader.readline()).startswith(b"HTTP/1.1 204")
            writer.close()

    asyncio.run(main())
    assert seen[-1][1] is False
    assert all(not before for before, more in seen if more)
    assert (seen == [(True, False)]) == (parts == 1)


def test_an_answer_that_says_only_that_it_is_done_is_the_same_for_all(client):
    async def main() -> None:
        run_id = await new_run(client)
        answers = await asyncio.gather(
            *(post(client, "set-tag", {"run_id": run_id, "key": f"k{n}", "value": "v"}) for n in range(20))
        )
        assert {answer.content for answer in answers} == {b"{}"}
        assert {answer.headers["content-length"] for answer in answers} == {"2"}
        assert len({answer.headers["x-request-id"] for answer in answers}) == 20
        assert json.loads(answers[0].content) == {}

    asyncio.run(main())
