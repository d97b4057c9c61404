"""Answers that are lost, torn or errors: repeated requests count once, with an id of the batch or without."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.lossy_proxy import LOSSES, LossyProxy
from tests.running_server import scrubbed

pytestmark = [pytest.mark.slow, pytest.mark.scaled]

# Read here, since the environment is scrubbed before a test runs.
BATCHES = int(os.environ.get("RUNYARD_LOST_ANSWERS", "150"))
TRAINING_STEPS = 25
TRAINING = Path(__file__).with_name("lossy_training.py")
MLFLOW = "/api/2.0/mlflow"


def new_run(http: httpx.Client) -> str:
    answer = http.post(f"{MLFLOW}/runs/create", json={"experiment_id": "0", "start_time": 1})
    run_id: str = answer.raise_for_status().json()["run"]["info"]["run_id"]
    return run_id


def history(http: httpx.Client, run_id: str, key: str) -> list[tuple[int, int, float]]:
    query = {"run_id": run_id, "metric_key": key}
    page = http.get(f"{MLFLOW}/metrics/get-history", params=query).raise_for_status().json()
    return [
        (int(each["timestamp"]), int(each.get("step", 0)), each["value"]) for each in page.get("metrics", [])
    ]


def tags_of(http: httpx.Client, run_id: str) -> dict[str, str]:
    run = http.get(f"{MLFLOW}/runs/get", params={"run_id": run_id}).raise_for_status().json()["run"]
    return {each["key"]: each["value"] for each in run["data"]["tags"]}


def batch_id(number: int) -> str:
    """A UUID of version 7 with the time now."""
    value = (time.time_ns() // 1_000_000 << 80) | (7 << 76) | (0b10 << 62) | number
    return str(uuid.UUID(int=value))


def until_answered(http: httpx.Client, body: dict[str, Any]) -> int:
    """Send a batch until it is acknowledged, and return how often that took."""
    for attempt in range(1, 100):
        try:
            answer = http.post(f"{MLFLOW}/runs/log-batch", json=body)
            answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError):
            continue
        return attempt
    raise AssertionError("never acknowledged")


@pytest.fixture
def direct(server):
    with httpx.Client(base_url=server.url, timeout=60) as http:
        yield http


@pytest.fixture
def lossy(server):
    proxy = LossyProxy(server.url, part=0.4, seed=BATCHES)
    yield proxy
    proxy.close()


def test_a_batch_with_an_id_counts_once_whatever_happens_to_its_answers(direct, lossy):
    run_id, draw, sent = new_run(direct), random.Random(1), Counter[tuple[int, int, float]]()
    with httpx.Client(base_url=lossy.url, timeout=60) as http:
        repeats = 0
        for number in range(BATCHES):
            points = [(1000 + number, number, draw.random()) for _ in range(3)]
            metrics = [
                {"key": "loss", "timestamp": time_ms, "step": step, "value": value}
                for time_ms, step, value in points
            ]
            body = {"run_id": run_id, "metrics": metrics, "batch_id": batch_id(number)}
            repeats += until_answered(http, body) - 1
            sent.update(points)
    assert repeats > 0
    assert set(lossy.met) == set(LOSSES)
    assert Counter(history(direct, run_id, "loss")) == sent


def test_a_repeated_batch_does_not_turn_back_what_came_after_it(direct):
    run_id = new_run(direct)
    first = {"run_id": run_id, "tags": [{"key": "stage", "value": "first"}], "batch_id": batch_id(1 << 20)}
    second = {"run_id": run_id, "tags": [{"key": "stage", "value": "second"}], "batch_id": batch_id(1 << 21)}
    for body in (first, second, first):
        direct.post(f"{MLFLOW}/runs/log-batch", json=body).raise_for_status()
    assert tags_of(direct, run_id)["stage"] == "second"


def test_a_batch_that_was_refused_may_be_sent_again_under_its_id(direct):
    run_id = new_run(direct)
    body: dict[str, Any] = {"run_id": run_id, "batch_id": batch_id(1 << 22)}
    body["metrics"] = [{"key": "loss", "timestamp": -1, "step": 0, "value": 1.0}]
    assert direct.post(f"{MLFLOW}/runs/log-batch", json=body).status_code == 400
    body["metrics"] = [{"key": "loss", "timestamp": 1, "step": 0, "value": 1.0}]
    direct.post(f"{MLFLOW}/runs/log-batch", json=body).raise_for_status()
    assert history(direct, run_id, "loss") == [(1, 0, 1.0)]


def test_mlflow_s_own_client_logs_each_point_once_through_all_losses(direct, lossy):
    run_id = new_run(direct)
    environment = scrubbed(os.environ) | {
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
        "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
        # The spool sends few calls in place of many, and has tests of its own.
        "RUNYARD_SPOOL": "off",
    }
    command = [sys.executable, str(TRAINING), lossy.url, str(TRAINING_STEPS), run_id]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stderr
    assert sum(lossy.met.values()) > 0
    steps = range(TRAINING_STEPS)
    assert history(direct, run_id, "loss") == [(1000 + step, step, 1 / (step + 1)) for step in steps]
    for index in range(5):
        expected = [(1000 + step, step, step * index / 7) for step in steps]
        assert history(direct, run_id, f"m{index}") == expected
    assert tags_of(direct, run_id)["last"] == str(TRAINING_STEPS - 1)
