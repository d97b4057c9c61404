"""kill -9 of the server while clients log: what was acknowledged is there, and nothing is there twice."""

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.durability.logging_client import KEYS, MLFLOW, LoggingClient, check_all_is_kept
from tests.running_server import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.scaled]

# Read here, since the environment is scrubbed before a test runs.
KILLS = int(os.environ.get("RUNYARD_KILLS", "100"))
CLIENTS = 8
AT_MOST_BETWEEN_KILLS_S = 0.4
# Folds after a few batches, so that kills come in the middle of folds.
EAGER = Path(__file__).with_name("eager_server.py")
Survivors = tuple[RunningServer, list[LoggingClient], list[str]]


@pytest.fixture(scope="module")
def survivors(tmp_path_factory) -> Iterator[Survivors]:
    """Kill the server again and again while clients log; yield what is left and the checks of its file."""
    server = RunningServer(tmp_path_factory.mktemp("durability") / "home", program=(str(EAGER),)).start()
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
            _expect_a_summary_that_fits(server, moments.choice(clients))
    except BaseException:
        abandon.set()
        raise
    finally:
        finish.set()
        for client in clients:
            client.join()
    yield server, clients, checks
    server.close()


def _expect_a_summary_that_fits(server: RunningServer, client: LoggingClient) -> None:
    """What a search shows of a run lies between its histories before and after, as clients go on logging."""
    with httpx.Client(base_url=server.url, timeout=60) as http:
        before = _last_steps(client, http)
        search = {"experiment_ids": ["0"], "max_results": 1000}
        found = http.post(f"{MLFLOW}/runs/search", json=search).raise_for_status().json()["runs"]
        run = next(each for each in found if each["info"]["run_id"] == client.run_id)
        shown = {each["key"]: int(each.get("step", 0)) for each in run["data"].get("metrics", [])}
        after = _last_steps(client, http)
    for key in before:
        assert before[key] <= shown[key] <= after[key]


def _last_steps(client: LoggingClient, http: httpx.Client) -> dict[str, int]:
    histories = {key: client.history_of(http, key) for key in KEYS}
    return {key: max(step for _, _, step, _ in points) for key, points in histories.items() if points}


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


def test_r01_the_database_is_whole_after_every_kill(survivors):
    _, _, checks = survivors
    assert set(checks) == {"ok"}


def test_r01_all_that_was_acknowledged_is_there_once(survivors):
    server, clients, _ = survivors
    check_all_is_kept(server.url, clients)


def test_r01_the_latest_values_are_those_of_the_histories(survivors):
    server, clients, _ = survivors
    with httpx.Client(base_url=server.url, timeout=60) as http:
        for client in clients:
            run = http.get(f"{MLFLOW}/runs/get", params={"run_id": client.run_id}).raise_for_status().json()
            shown = {each["key"]: each["value"] for each in run["run"]["data"]["metrics"]}
            assert shown == {key: value for key, _, _, value in client.acknowledged}


def test_a_check_finds_all_whole_and_that_runs_were_folded(survivors):
    server, _, _ = survivors
    command = [sys.executable, "-m", "runyard", "check", "--home", str(server.home), "--json"]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    with sqlite3.connect(server.home / "runyard.db") as raw:
        assert raw.execute("SELECT count(*) FROM metric_chunks").fetchone()[0] > 0
    raw.close()
