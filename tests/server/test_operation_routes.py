"""`/healthz` and `/readyz`: what a probe is told, whatever the database does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import httpx
import pytest

from runyard.services import operation
from runyard.services.operation import NO_ANSWER, NO_ROOM, OTHER_SCHEMA, STOPPING, Looks, Operation
from tests.conftest import ServerStarter
from tests.postgres_server import PostgresServer, installed
from tests.server.local import Local
from tests.waiting import until


def ready(local: Local) -> tuple[int, list[str]]:
    answer = local.ask("GET", "/readyz")
    body = answer.json()
    assert body["is_ready"] is not bool(body["problems"])
    return answer.status_code, body["problems"]


def test_a_server_that_can_work_is_alive_and_ready(local: Local):
    assert local.ask("GET", "/healthz").json() == {"is_alive": True}
    assert ready(local) == (200, [])
    assert local.ask("HEAD", "/readyz").status_code == 200


def test_a_probe_needs_no_workspace_that_is_there(local: Local):
    for path in ("/health", "/healthz", "/readyz"):
        assert local.ask("GET", f"/workspaces/nowhere{path}").status_code == 200


def test_a_schema_of_another_version_is_told(local: Local):
    with local.stores.database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert ready(local) == (503, [OTHER_SCHEMA])


def test_a_disk_without_room_is_told(local: Local, monkeypatch):
    monkeypatch.setattr(operation, "LEAST_FREE_BYTES", 2**62)
    assert ready(local) == (503, [NO_ROOM])


@pytest.fixture
def own_cluster() -> Iterator[PostgresServer]:
    """A PostgreSQL that a test may stop."""
    programs = installed()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine: `make test` installs it")
    running = PostgresServer(programs)
    yield running
    running.close()


def test_a_server_without_its_database_is_alive_and_not_ready_until_it_is_back(
    own_cluster: PostgresServer, start_server: ServerStarter
):
    address = own_cluster.address(own_cluster.new_database())
    server = start_server(environment={"RUNYARD_DATABASE": address})
    with httpx.Client(base_url=server.url, timeout=60) as client:
        assert client.get("/readyz").json() == {"is_ready": True, "problems": []}
        own_cluster.stop()
        gone = client.get("/readyz")
        assert (gone.status_code, gone.json()["problems"]) == (503, [NO_ANSWER])
        assert client.get("/healthz").status_code == 200
        own_cluster.start()
        # Which of the pool's connections are dead is found out one by one.
        until(lambda: client.get("/readyz").status_code == 200)
    assert "not-to-be-shown" not in server.output


def test_a_look_that_does_not_come_back_is_told_and_not_repeated():
    may_end, looked = threading.Event(), []

    def look() -> list[str]:
        looked.append(1)
        may_end.wait()
        return ["found"]

    async def ask() -> None:
        looks = Looks()
        assert await looks.look(look, within_s=0.01) is None
        assert await looks.look(look, within_s=0.01) is None
        may_end.set()
        assert await looks.look(look, within_s=60) == ["found"]

    asyncio.run(ask())
    assert len(looked) == 1


def test_a_database_that_hangs_is_one_that_does_not_answer(local: Local, monkeypatch):
    may_end = threading.Event()
    monkeypatch.setattr(operation, "_problems", lambda stores, settings: [str(may_end.wait())])
    server = Operation(is_stopping=True)
    found = asyncio.run(server.find_problems(local.stores, local.settings, within_s=0.01))
    may_end.set()
    assert found == [STOPPING, NO_ANSWER]
