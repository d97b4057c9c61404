"""Two servers on one PostgreSQL: each event is told by whichever of them comes first, and by no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.postgres_server import PostgresServer
from tests.receiver import receiving
from tests.running_server import RunningServer
from tests.waiting import until

RUNS = 30
Told = list[str]


@pytest.fixture
def servers(cluster: PostgresServer, tmp_path: Path) -> Iterator[tuple[RunningServer, RunningServer]]:
    """Two servers that share a home and a database, and may tell this machine."""
    name = cluster.new_database()
    environment = {"RUNYARD_DATABASE": cluster.address(name), "RUNYARD_OUTBOUND_ALLOW": "127.0.0.1"}
    home = tmp_path / "home"
    running = tuple(
        RunningServer(home, environment=environment, log_path=tmp_path / f"{number}.log") for number in (1, 2)
    )
    for server in running:
        server.start()
    yield running[0], running[1]
    for server in running:
        server.close()
    cluster.drop(name)


def end_runs(server: RunningServer, names: list[str]) -> None:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for name in names:
            made = client.post("/api/2.0/mlflow/runs/create", json={"run_name": name}).raise_for_status()
            body = {"run_id": made.json()["run"]["info"]["run_id"], "status": "FAILED"}
            client.post("/api/2.0/mlflow/runs/update", json=body).raise_for_status()


def test_each_event_is_told_once_while_nobody_dies(servers):
    with receiving() as receiver:
        hook = {"url": f"http://127.0.0.1:{receiver.port}/", "kinds": ["run.failed"]}
        httpx.post(f"{servers[0].url}/api/v1/webhooks", json=hook, timeout=60).raise_for_status()
        names = [[f"{number}-{run}" for run in range(RUNS)] for number in (1, 2)]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(end_runs, servers, names))

        def told() -> Told:
            return [json.loads(came.body)["subject"]["run_name"] for came in receiver.received]

        until(lambda: len(told()) >= 2 * RUNS)
        assert sorted(told()) == sorted(names[0] + names[1])


def test_what_one_server_left_when_it_was_killed_is_told_by_the_other(servers):
    with receiving() as receiver:
        hook = {"url": f"http://127.0.0.1:{receiver.port}/", "kinds": ["run.failed"]}
        httpx.post(f"{servers[0].url}/api/v1/webhooks", json=hook, timeout=60).raise_for_status()
        end_runs(servers[0], [str(run) for run in range(RUNS)])
        servers[0].kill9()

        def told() -> set[str]:
            return {json.loads(came.body)["subject"]["run_name"] for came in receiver.received}

        # What the dead one had claimed is due again after a minute: all but that is told at once.
        until(lambda: len(told()) >= RUNS - 3)


def test_each_run_that_crosses_a_threshold_is_told_once(servers):
    with receiving() as receiver:
        threshold = {"metric": "loss", "comparison": "<", "value": 0.5}
        hook = {"url": f"http://127.0.0.1:{receiver.port}/", "threshold": threshold}
        httpx.post(f"{servers[0].url}/api/v1/webhooks", json=hook, timeout=60).raise_for_status()

        def log(server: RunningServer, value: float) -> str:
            with httpx.Client(base_url=server.url, timeout=60) as client:
                made = client.post("/api/2.0/mlflow/runs/create", json={}).raise_for_status().json()
                run_id = str(made["run"]["info"]["run_id"])
                for step in range(3):
                    body = {"run_id": run_id, "key": "loss", "value": value, "timestamp": step, "step": step}
                    client.post("/api/2.0/mlflow/runs/log-metric", json=body).raise_for_status()
                ended = {"run_id": run_id, "status": "FINISHED"}
                client.post("/api/2.0/mlflow/runs/update", json=ended).raise_for_status()
            return run_id

        with ThreadPoolExecutor(2) as pool:
            crossing = list(pool.map(lambda number: log(servers[number % 2], 0.1), range(RUNS)))
            list(pool.map(lambda number: log(servers[number % 2], 0.9), range(4)))

        def told() -> Told:
            return [json.loads(came.body)["subject"]["run_id"] for came in receiver.received]

        until(lambda: len(told()) >= RUNS)
        assert sorted(told()) == sorted(crossing)
