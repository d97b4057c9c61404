"""What a training script's logging calls take, with whatever MLflow store the environment leads to.

It prints JSON: for each call percentiles in µs, and by how much a loop of 1 ms steps gets slower. Its
arguments are a number of calls and `alone`, to measure MLflow's own part with a store that does nothing.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable

import mlflow
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient
from mlflow.tracking._tracking_service import utils

WARM_UP = 50
PAUSE_S = 0.0005
STEP_S = 0.001
METRICS_IN_A_BATCH = 10


def main() -> None:
    """Measure, and print what came of it."""
    count = int(sys.argv[1])
    with mlflow.start_run() as run:
        if "alone" in sys.argv:
            _silence(utils._get_store(mlflow.get_tracking_uri()))
        client, run_id = MlflowClient(), run.info.run_id
        calls: dict[str, Callable[[int], object]] = {
            "log_metric": lambda step: mlflow.log_metric("loss", 1 / (step + 1), step=step),
            "log_param": lambda step: mlflow.log_param(f"param-{step}", step),
            "set_tag": lambda step: mlflow.set_tag("last", step),
            "log_batch": lambda step: client.log_batch(run_id, _batch(step)),
        }
        figures: dict[str, object] = {name: _percentiles(call, count) for name, call in calls.items()}
        figures["1 ms steps"] = _slowdown(calls["log_metric"], count)
    print(json.dumps(figures), flush=True)


def _silence(store: object) -> None:
    for name in ("log_metric", "log_param", "set_tag", "log_batch"):
        setattr(store, name, lambda *_, **__: None)


def _batch(step: int) -> list[Metric]:
    now_ms = time.time_ns() // 1_000_000
    return [Metric(f"m{index}", step * index, now_ms, step) for index in range(METRICS_IN_A_BATCH)]


def _percentiles(call: Callable[[int], object], count: int) -> dict[str, float]:
    taken_s = []
    for step in range(count + WARM_UP):
        began_s = time.perf_counter()
        call(step)
        taken_s.append(time.perf_counter() - began_s)
        # A training loop does something between two calls.
        time.sleep(PAUSE_S)
    kept = sorted(taken_s[WARM_UP:])
    marks = {"p50": kept[count // 2], "p99": kept[int(count * 0.99)], "max": kept[-1]}
    return {name: round(1e6 * seconds, 1) for name, seconds in marks.items()}


def _slowdown(call: Callable[[int], object], count: int) -> dict[str, float]:
    """Compare a loop that computes for 1 ms a step with one that logs besides, in turns."""
    rounds = _rounds_in(STEP_S)
    without_s = with_s = 0.0
    for begin in range(0, count, 100):
        without_s += _loop(rounds, range(begin, begin + 100), lambda step: None)
        with_s += _loop(rounds, range(begin, begin + 100), call)
    return {
        "step_us": round(1e6 * without_s / count, 1),
        "slower_percent": round(100 * (with_s / without_s - 1), 2),
    }


def _loop(rounds: int, steps: range, call: Callable[[int], object]) -> float:
    began_s = time.perf_counter()
    for step in steps:
        _compute(rounds)
        call(step)
    return time.perf_counter() - began_s


def _compute(rounds: int) -> float:
    return sum(math.sqrt(number) for number in range(rounds))


def _rounds_in(seconds: float) -> int:
    rounds, best_s = 1000, math.inf
    for _ in range(200):
        began_s = time.perf_counter()
        _compute(rounds)
        best_s = min(best_s, time.perf_counter() - began_s)
    return max(1, int(rounds * seconds / best_s))


if __name__ == "__main__":
    main()
