"""A client that logs without end and remembers what was acknowledged."""

import itertools
import random
import threading
import time
from typing import Any

import httpx

KEYS = ("loss", "val/loss", "accuracy")
MLFLOW = "/api/2.0/mlflow"
Point = tuple[str, int, int, float]


class LoggingClient(threading.Thread):
    """Logs batches into a run of its own and repeats, like MLflow's client, a batch that got no answer."""

    def __init__(self, url: str, number: int, finish: threading.Event, abandon: threading.Event) -> None:
        super().__init__(name=f"client-{number}")
        self.acknowledged: list[Point] = []
        self.params: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.batch_count = 0
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
            page = http.get(f"{MLFLOW}/metrics/get-history", params=query).raise_for_status().json()
            found += [
                (point["key"], int(point["timestamp"]), int(point.get("step", 0)), point["value"])
                for point in page.get("metrics", [])
            ]
            query["page_token"] = page.get("next_page_token")
            if not query["page_token"]:
                return found

    def _create_run(self) -> str:
        answer = self._http.post(f"{MLFLOW}/runs/create", json={"experiment_id": "0", "start_time": 1})
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
        self._until_answered("POST", f"{MLFLOW}/runs/log-batch", json=body)
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
