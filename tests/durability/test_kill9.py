"""kill -9 of the server while clients log: what was acknowledged is there, and nothing is there twice."""

import itertools
import os
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.running_server import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.scaled]

# Read here, since the environment is scrubbed before a test runs.
KILLS = int(os.environ.get("RUNYARD_KILLS", "50"))
CLIENTS = 8
KEYS = ("loss", "val/loss", "accuracy")
AT_MOST_BETWEEN_KILLS_S = 0.4
Point = tuple[str, int, int, float]
Survivors = tuple[RunningServer, list["LoggingClient"], list[str]]


class LoggingClient(threading.Thread):
    """Logs batches into a run of its own and repeats, like MLflow's client, a batch that got no answer."""

    def __init__(self, url: str, number: int, finish: threading.Event, abandon: threading.Event) -> None:
        super().__init__(name=f"client-{number}")
        self.acknowledged: list[Point] = []
        self.params: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.unanswered = 0
        self.surprises: list[str] = []
        self._finish = finish
        self._abandon = abandon
        self._random = random.Random(number)
        self._http = httpx.Client(base_url=url, timeout=30)
        self.run_id = self._create_run()

    def run(self) -> None:
        """Log until told to finish; the batch in flight is still brought home."""
        try:
            for number in itertools.count():
                if self._finish.is_set():
                    return
                self._log_batch(number)
                if number % 10 == 0:
                    self._put_file(number)
        except Exception as error:  # noqa: BLE001 - the test reads it: a thread's exception is seen by nobody else
            self.surprises.append(repr(error))
        finally:
            self._http.close()

    def history_of(self, http: httpx.Client, key: str) -> list[Point]:
        """Read a whole history, page by page."""
        found: list[Point] = []
        query: dict[str, Any] = {"run_id": self.run_id, "metric_key": key, "max_results": 1000}
        while True:
            page = http.get("/api/2.0/mlflow/metrics/get-history", params=query).raise_for_status().json()
            found += [
                (point["key"], int(point["timestamp"]), int(point.get("step", 0)), point["value"])
                for point in page.get("metrics", [])
            ]
            query["page_token"] = page.get("next_page_token")
            if not query["page_token"]:
                return found

    def _create_run(self) -> str:
        answer = self._http.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0", "start_time": 1})
        run_id: str = answer.raise_for_status().json()["run"]["info"]["run_id"]
        return run_id

    def _log_batch(self, number: int) -> None:
        points = [
            (key, 1_000_000 + number, number, self._random.random())
            for key in self._random.sample(KEYS, self._random.randint(1, len(KEYS)))
        ]
        params = {f"param-{number}": f"{number}"} if number % 5 == 0 else {}
        body = {
            "run_id": self.run_id,
            "metrics": [
                dict(zip(("key", "timestamp", "step", "value"), point, strict=True)) for point in points
            ],
            "params": [{"key": key, "value": value} for key, value in params.items()],
            "tags": [{"key": "last", "value": f"{number}"}],
        }
        self._until_answered("POST", "/api/2.0/mlflow/runs/log-batch", json=body)
        self.acknowledged += points
        self.params |= params

    def _put_file(self, number: int) -> None:
        content = self._random.randbytes(self._random.randint(0, 200_000))
        name = f"file-{number}.bin"
        path = f"/api/2.0/mlflow-artifacts/artifacts/0/{self.run_id}/artifacts/{name}"
        self._until_answered("PUT", path, content=content)
        self.files[name] = content

    def _until_answered(self, method: str, path: str, **request: Any) -> None:
        while True:
            try:
                answer = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                if self._abandon.is_set():
                    raise AssertionError("the server did not come back") from error
                self.unanswered += 1
                time.sleep(0.05)
                continue
            if answer.status_code != httpx.codes.OK:
                raise AssertionError(f"{answer.status_code}: {answer.text}")
            return


@pytest.fixture(scope="module")
def survivors(tmp_path_factory) -> Iterator[Survivors]:
    """Kill the server again and again while clients log; yield what is left and the checks of its file."""
    server = RunningServer(tmp_path_factory.mktemp("durability") / "home").start()
    finish, abandon = threading.Event(), threading.Event()
    clients = [LoggingClient(server.url, number, finish, abandon) for number in range(CLIENTS)]
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


def test_every_acknowledged_point_is_there_once(survivors):
    server, clients, _ = survivors
    with httpx.Client(base_url=server.url, timeout=60) as http:
        for client in clients:
            kept = Counter(point for key in KEYS for point in client.history_of(http, key))
            assert kept == Counter(client.acknowledged)


def test_every_acknowledged_param_and_the_last_tag_are_there(survivors):
    server, clients, _ = survivors
    with httpx.Client(base_url=server.url, timeout=60) as http:
        for client in clients:
            answer = http.get("/api/2.0/mlflow/runs/get", params={"run_id": client.run_id}).raise_for_status()
            data = answer.json()["run"]["data"]
            assert {param["key"]: param["value"] for param in data["params"]} == client.params
            last = max(step for _, _, step, _ in client.acknowledged)
            assert {"key": "last", "value": f"{last}"} in data["tags"]


def test_every_acknowledged_file_is_there_whole(survivors):
    server, clients, _ = survivors
    with httpx.Client(base_url=server.url, timeout=60) as http:
        for client in clients:
            for name, content in client.files.items():
                path = f"/api/2.0/mlflow-artifacts/artifacts/0/{client.run_id}/artifacts/{name}"
                assert http.get(path).raise_for_status().content == content
