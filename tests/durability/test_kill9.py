"""kill -9 of the server while clients log: what was acknowledged is there, and nothing is there twice."""

import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterator

import pytest

from tests.durability.logging_client import LoggingClient, check_all_is_kept
from tests.running_server import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.scaled]

# Read here, since the environment is scrubbed before a test runs.
KILLS = int(os.environ.get("RUNYARD_KILLS", "50"))
CLIENTS = 8
AT_MOST_BETWEEN_KILLS_S = 0.4
Survivors = tuple[RunningServer, list[LoggingClient], list[str]]


@pytest.fixture(scope="module")
def survivors(tmp_path_factory) -> Iterator[Survivors]:
    """Kill the server again and again while clients log; yield what is left and the checks of its file."""
    server = RunningServer(tmp_path_factory.mktemp("durability") / "home").start()
    finish, abandon = threading.Event(), threading.Event()
    clients = [LoggingClient([server.url], number, finish, abandon) for number in range(CLIENTS)]
    moments = random.Random(KILLS)
    checks = []
    for client in clients:
        client.start()
    try:
        for _ in range(KILLS):
            time.sleep(moments.uniform(0, AT_MOST_BETWEEN_KILLS_S))
            server.kill9()
            checks.append(_integrity_of(server))
            server.start()
    except BaseException:
        abandon.set()
        raise
    finally:
        finish.set()
        for client in clients:
            client.join()
    yield server, clients, checks
    server.close()


def _integrity_of(server: RunningServer) -> str:
    connection = sqlite3.connect(server.home / "runyard.db")
    try:
        return "; ".join(row[0] for row in connection.execute("PRAGMA integrity_check"))
    finally:
        connection.close()


def test_the_kills_came_while_clients_logged(survivors):
    _, clients, checks = survivors
    assert len(checks) == KILLS
    assert sum(client.unanswered for client in clients) > 0
    assert all(client.acknowledged for client in clients)
    assert [client.surprises for client in clients] == [[]] * CLIENTS


def test_the_database_is_whole_after_every_kill(survivors):
    _, _, checks = survivors
    assert set(checks) == {"ok"}


def test_all_that_was_acknowledged_is_there_once(survivors):
    server, clients, _ = survivors
    check_all_is_kept(server.url, clients)
