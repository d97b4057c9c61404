"""PostgreSQL goes away, or one of two servers on it does, while clients log: nothing acknowledged is lost."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.durability.logging_client import LoggingClient, check_all_is_kept
from tests.postgres_server import PostgresServer, installed
from tests.running_server import RunningServer
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.scaled]

# Read here, since the environment is scrubbed before a test runs.
FAULTS = int(os.environ.get("RUNYARD_DATABASE_FAULTS", "10"))
SERVER_KILLS = int(os.environ.get("RUNYARD_SERVER_KILLS", "5"))
CLIENTS = 6
CONNECTIONS = 5


@pytest.fixture(scope="module")
def durable() -> Iterator[PostgresServer]:
    """A PostgreSQL that waits for the disk."""
    programs = installed()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine: `make test` installs it")
    running = PostgresServer(programs, is_durable=True)
    yield running
    running.close()


@pytest.fixture
def start_on(durable: PostgresServer, tmp_path: Path) -> Iterator[Callable[[int], list[RunningServer]]]:
    """Start so many servers at once, all on one new database and one folder of artifacts."""
    servers: list[RunningServer] = []

    def start(count: int) -> list[RunningServer]:
        variables = {
            "RUNYARD_DATABASE": durable.address(durable.new_database()),
            "RUNYARD_DATABASE_CONNECTIONS": str(CONNECTIONS),
        }
        servers.extend(RunningServer(tmp_path / "home", environment=variables) for _ in range(count))
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(RunningServer.start, servers))
        return servers

    yield start
    for server in servers:
        server.close()


@contextlib.contextmanager
def logging_to(*addresses: Sequence[str]) -> Iterator[list[LoggingClient]]:
    """Let clients log while the block runs, once each of them does, and bring home what they have in hand."""
    finish, abandon = threading.Event(), threading.Event()
    clients = [
        LoggingClient(addresses[number % len(addresses)], number, finish, abandon)
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    try:
        while not all(client.acknowledged for client in clients):
            assert all(client.is_alive() for client in clients)
            time.sleep(0.01)
        yield clients
    except BaseException:
        abandon.set()
        raise
    finally:
        finish.set()
        for client in clients:
            client.join()


def test_r05_a_database_that_goes_away_loses_and_doubles_nothing(durable, start_on):
    (server,) = start_on(1)
    faults = (durable.hang_up, durable.restart, lambda: durable.restart("immediate"))
    moments = random.Random(FAULTS)
    with logging_to([server.url]) as clients:
        for number in range(FAULTS):
            time.sleep(moments.uniform(0.05, 0.5))
            faults[number % len(faults)]()
        so_far = [len(client.acknowledged) for client in clients]
    assert [client.surprises for client in clients] == [[]] * CLIENTS
    assert all(len(client.acknowledged) >= count > 0 for client, count in zip(clients, so_far, strict=True))
    check_all_is_kept(server.url, clients)
    runs = httpx.post(
        f"{server.url}/api/2.0/mlflow/runs/search", json={"experiment_ids": ["0"]}, timeout=60
    ).json()["runs"]
    assert len(runs) == CLIENTS
    counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'runyard'"
    # One that was hung up on may take a moment to be gone.
    until(lambda: durable.execute(counted)[0][0] <= CONNECTIONS)
    told = server.output + (server.home / "server.json").read_text()
    assert "database    postgresql://runyard@/" in told
    assert "not-to-be-shown" not in told


def test_a_probe_is_answered_while_the_database_is_away(durable, start_on):
    (server,) = start_on(1)
    durable.stop("immediate")
    try:
        # Who asks the database waits for ten seconds, and is told that it is away.
        answer = httpx.get(f"{server.url}/health", timeout=60)
    finally:
        durable.start()
    assert (answer.status_code, answer.text) == (200, "OK")


def test_a_server_that_is_killed_beside_another_one_loses_nothing(start_on):
    first, second = start_on(2)
    moments = random.Random(SERVER_KILLS)
    with logging_to([first.url, second.url], [second.url, first.url]) as clients:
        for number in range(SERVER_KILLS):
            time.sleep(moments.uniform(0.05, 0.5))
            (first, second)[number % 2].kill9()
            (first, second)[number % 2].start()
    assert [client.surprises for client in clients] == [[]] * CLIENTS
    assert sum(client.unanswered for client in clients) > 0
    for server in (first, second):
        check_all_is_kept(server.url, clients)


def test_a_server_that_is_killed_for_good_leaves_nothing_that_the_other_one_lacks(start_on):
    first, second = start_on(2)
    with logging_to([first.url, second.url]) as clients:
        first.kill9()
        so_far = [client.batch_count for client in clients]
        until(lambda: have_gone_on(clients, so_far))
    assert [client.surprises for client in clients] == [[]] * CLIENTS
    assert all(client.unanswered for client in clients)
    check_all_is_kept(second.url, clients)


def test_servers_that_are_restarted_one_after_the_other_lose_nothing(start_on):
    first, second = start_on(2)
    with logging_to([first.url, second.url], [second.url, first.url]) as clients:
        for server in (first, second):
            os.kill(server.pid, signal.SIGTERM)
            assert server.stopped() == 0
            server.start()
            assert httpx.get(f"{server.url}/readyz", timeout=60).json()["is_ready"]
            so_far = [client.batch_count for client in clients]
            until(partial(have_gone_on, clients, so_far))
    assert [client.surprises for client in clients] == [[]] * CLIENTS
    for server in (first, second):
        check_all_is_kept(server.url, clients)


def have_gone_on(clients: Sequence[LoggingClient], so_far: Sequence[int]) -> bool:
    """Whether each client has had more batches acknowledged since; one that ended never will."""
    assert all(client.is_alive() for client in clients), [client.surprises for client in clients]
    return all(client.batch_count > count for client, count in zip(clients, so_far, strict=True))


def test_r09_servers_that_start_at_once_on_an_empty_database_agree(start_on):
    servers = start_on(3)
    ids = {
        httpx.get(
            f"{server.url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default", timeout=60
        ).text
        for server in servers
    }
    assert len(ids) == 1


def test_a_server_waits_for_a_database_that_is_away_and_says_so_when_it_stays_away(durable, start_on):
    (server,) = start_on(1)
    durable.stop()
    try:
        search = {"experiment_ids": ["0"]}
        refused = httpx.post(f"{server.url}/api/2.0/mlflow/runs/search", json=search, timeout=60)
    finally:
        durable.start()
    assert (refused.status_code, refused.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
    assert refused.headers["Retry-After"]
    assert "postgres" not in refused.text.lower()
    answered = httpx.post(f"{server.url}/api/2.0/mlflow/runs/search", json=search, timeout=60)
    assert answered.status_code == httpx.codes.OK
