"""A client that logs while the server, or what is behind it, goes away; it notes what was acknowledged."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx

KEYS = ("loss", "val/loss", "accuracy")
MLFLOW = "/api/2.0/mlflow"
Point = tuple[str, int, int, float]


class LoggingClient(threading.Thread):
    """Logs batches into a run of its own and repeats, like MLflow's client, a batch that got no answer.

    Args:
        urls: Addresses of the server; with several it goes on to the next when one does not answer.
        number: Which client it is; what it logs depends on nothing else.
        finish: Tells it to stop once its last batch is answered.
        abandon: Tells it to stop waiting for a server that does not come back.
    """

    def __init__(
        self, urls: Sequence[str], number: int, finish: threading.Event, abandon: threading.Event
    ) -> None:
        super().__init__(name=f"client-{number}")
        self.unavailable = 0
        self.acknowledged: list[Point] = []
        self.params: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.batch_count = 0
        self.unanswered = 0
        self.surprises: list[str] = []
        self._finish = finish
        self._abandon = abandon
        self._random = random.Random(number)
        self._urls = itertools.cycle(urls)
        self._url = next(self._urls)
        self._http = httpx.Client(timeout=60)
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
        answer = self._http.post(
            f"{self._url}/api/2.0/mlflow/runs/create", json={"experiment_id": "0", "start_time": 1}
        )
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
        self.batch_count += 1

    def _put_file(self, number: int) -> None:
        content = self._random.randbytes(self._random.randint(0, 200_000))
        name = f"file-{number}.bin"
        path = f"/api/2.0/mlflow-artifacts/artifacts/0/{self.run_id}/artifacts/{name}"
        self._until_answered("PUT", path, content=content)
        self.files[name] = content

    def _until_answered(self, method: str, path: str, **request: Any) -> None:
        while True:
            try:
                answer = self._http.request(method, self._url + path, **request)
            except httpx.TransportError as error:
                if self._abandon.is_set():
                    raise AssertionError("the server did not come back") from error
                self.unanswered += 1
                self._url = next(self._urls)
                time.sleep(0.05)
                continue
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and not self._abandon.is_set():
                assert answer.headers["Retry-After"]
                self.unavailable += 1
                time.sleep(0.05)
                continue
            if answer.status_code != httpx.codes.OK:
                raise AssertionError(f"{answer.status_code}: {answer.text}")
            return


def check_all_is_kept(url: str, clients: Sequence[LoggingClient]) -> None:
    """Fail unless each acknowledged point is there once, and params, tags and files as they were written."""
    with httpx.Client(base_url=url, timeout=60) as http:
        for client in clients:
            kept = Counter(point for key in KEYS for point in client.history_of(http, key))
            assert kept == Counter(client.acknowledged)
            answer = http.get("/api/2.0/mlflow/runs/get", params={"run_id": client.run_id}).raise_for_status()
            data = answer.json()["run"]["data"]
            assert {param["key"]: param["value"] for param in data["params"]} == client.params
            last = max(step for _, _, step, _ in client.acknowledged)
            assert {"key": "last", "value": f"{last}"} in data["tags"]
            for name, content in client.files.items():
                path = f"/api/2.0/mlflow-artifacts/artifacts/0/{client.run_id}/artifacts/{name}"
                assert http.get(path).raise_for_status().content == content
