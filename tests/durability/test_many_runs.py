"""Two hundred runs that log at once on SQLite: nobody is told that something is locked, and all is there."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from tests.durability.logging_client import MLFLOW
from tests.running_server import RunningServer

# Read here, since the environment is scrubbed before a test runs.
SOAK_S = float(os.environ.get("RUNYARD_SOAK_S", "3600"))
WARM_UP = 0.25
SAMPLE_EVERY_S = 10.0
RUNS = 200
METRICS = 50
ROUNDS = 4
SENDERS = 16


class Senders:
    """Many runs and the threads that log to them."""

    def __init__(self, url: str, runs: int) -> None:
        self.http = httpx.Client(base_url=url, timeout=120, limits=httpx.Limits(max_connections=SENDERS))
        self._pool = ThreadPoolExecutor(SENDERS)
        self.run_ids = list(self._pool.map(lambda _: self._create_run(), range(runs)))
        self.refusals: list[str] = []

    def log_round(self, step: int) -> None:
        """Let each run log a batch of all its metrics."""
        list(self._pool.map(lambda run_id: self._log(run_id, step), self.run_ids))

    def read_round(self) -> None:
        """Read as people do: the table, one run, one chart."""
        self.http.post(f"{MLFLOW}/runs/search", json={"experiment_ids": ["0"], "max_results": 100})
        series = {"run_ids": self.run_ids[:10], "keys": ["m0"], "width": 300}
        self.http.post("/api/v1/series", json=series)

    def close(self) -> None:
        """Let go of threads and connections."""
        self._pool.shutdown()
        self.http.close()

    def _create_run(self) -> str:
        answer = self.http.post(f"{MLFLOW}/runs/create", json={"experiment_id": "0", "start_time": 1})
        run_id: str = answer.raise_for_status().json()["run"]["info"]["run_id"]
        return run_id

    def _log(self, run_id: str, step: int) -> None:
        metrics = [
            {"key": f"m{index}", "timestamp": 1000 + step, "step": step, "value": step + index / 100}
            for index in range(METRICS)
        ]
        answer = self.http.post(f"{MLFLOW}/runs/log-batch", json={"run_id": run_id, "metrics": metrics})
        if answer.status_code != httpx.codes.OK:
            self.refusals.append(answer.text)


@pytest.mark.slow
def test_r12_two_hundred_runs_log_at_once_and_all_is_there(server):
    senders = Senders(server.url, RUNS)
    try:
        for step in range(ROUNDS):
            senders.log_round(step)
        assert senders.refusals == []
        assert "locked" not in server.output
        search = {"experiment_ids": ["0"], "max_results": 1000}
        found = senders.http.post(f"{MLFLOW}/runs/search", json=search).raise_for_status().json()["runs"]
        latest = {f"m{index}": ROUNDS - 1 + index / 100 for index in range(METRICS)}
        shown = {
            run["info"]["run_id"]: {each["key"]: each["value"] for each in run["data"]["metrics"]}
            for run in found
        }
        assert shown == dict.fromkeys(senders.run_ids, latest)
        for run_id in senders.run_ids[:: RUNS // 10]:
            query = {"run_id": run_id, "metric_key": "m7"}
            page = senders.http.get(f"{MLFLOW}/metrics/get-history", params=query).raise_for_status().json()
            assert [each["value"] for each in page["metrics"]] == [step + 0.07 for step in range(ROUNDS)]
    finally:
        senders.close()


@pytest.mark.nightly
def test_r13_an_hour_of_mixed_load_leaves_memory_and_open_files_flat(tmp_path):
    server = RunningServer(tmp_path / "home").start()
    senders = Senders(server.url, 20)
    process = psutil.Process(server.pid)
    samples: list[tuple[float, float, int]] = []
    began_s = sampled_s = time.monotonic()
    step = 0
    try:
        while time.monotonic() - began_s < SOAK_S:
            round_began_s = time.monotonic()
            senders.log_round(step)
            senders.read_round()
            step += 1
            if time.monotonic() - sampled_s >= min(SAMPLE_EVERY_S, SOAK_S / 50):
                sampled_s = time.monotonic()
                megabytes = process.memory_info().rss / 2**20
                samples.append(((sampled_s - began_s) / 3600, megabytes, process.num_fds()))
            time.sleep(max(0.0, 1.0 - (time.monotonic() - round_began_s)))
    finally:
        senders.close()
        server.close()
    assert senders.refusals == []
    warm = samples[int(len(samples) * WARM_UP) :]
    slope = _slope([(hour, megabytes) for hour, megabytes, _ in warm])
    course = " ".join(f"{megabytes:.0f}" for _, megabytes, _ in warm[:: max(1, len(warm) // 60)])
    assert slope < 1.0, f"{slope:.1f} MB an hour; in MB, one after the other: {course}"
    files = [count for _, _, count in warm]
    assert max(files) - min(files) <= SENDERS


def _slope(points: list[tuple[float, float]]) -> float:
    """Megabytes an hour, by least squares."""
    count = len(points)
    mean_x, mean_y = (sum(column) / count for column in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return float(sum((x - mean_x) * (y - mean_y) for x, y in points) / spread)
