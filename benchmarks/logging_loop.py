"""What a training script's logging calls take, with whatever MLflow store the environment leads to.

It prints JSON: for each call percentiles in µs, and by how much loops of 1 ms and 50 ms steps get slower. Its
arguments are a number of calls and `alone`, to measure MLflow's own part with a store that does nothing.

What others on the machine cost shows in the times of the clock: a thread that is not let run waits. The
system counts that wait, so each time is also given without it, which is what the call itself took.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable

import mlflow
import numpy
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient
from mlflow.tracking._tracking_service import utils

WARM_UP = 50
PAUSE_S = 0.0005
STEP_S = 0.001
LONG_STEP_S = 0.05
LONG_STEPS_IN_TURN = 2
MATRIX = 192
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
        log = calls["log_metric"]
        figures["1 ms steps"] = _slowdown(_arithmetic, STEP_S, range(count), 100, log)
        long_steps = range(max(2, count // 10))
        figures["50 ms steps"] = _slowdown(_algebra, LONG_STEP_S, long_steps, LONG_STEPS_IN_TURN, log)
    print(json.dumps(figures), flush=True)


def _silence(store: object) -> None:
    for name in ("log_metric", "log_param", "set_tag", "log_batch"):
        setattr(store, name, lambda *_, **__: None)


def _batch(step: int) -> list[Metric]:
    now_ms = time.time_ns() // 1_000_000
    return [Metric(f"m{index}", step * index, now_ms, step) for index in range(METRICS_IN_A_BATCH)]


class _Stopwatch:
    """Seconds of the clock, and those of them in which this thread was not waiting for a processor."""

    def __init__(self) -> None:
        self._counts = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)

    def now(self) -> tuple[float, float]:
        """Return both; only differences mean anything."""
        waited_ns = int(os.pread(self._counts, 64, 0).split()[1])
        clock_s = time.perf_counter()
        return clock_s, clock_s - waited_ns / 1e9


def _percentiles(call: Callable[[int], object], count: int) -> dict[str, float]:
    watch, taken_s, own_s = _Stopwatch(), [], []
    for step in range(count + WARM_UP):
        began, began_own = watch.now()
        call(step)
        ended, ended_own = watch.now()
        taken_s.append(ended - began)
        own_s.append(ended_own - began_own)
        # A training loop does something between two calls.
        time.sleep(PAUSE_S)
    kept, own = sorted(taken_s[WARM_UP:]), sorted(own_s[WARM_UP:])
    marks = {"p50": kept[count // 2], "p99": kept[int(count * 0.99)], "max": kept[-1]}
    marks["own p99"] = own[int(count * 0.99)]
    return {name: round(1e6 * seconds, 1) for name, seconds in marks.items()}


def _slowdown(
    compute: Callable[[int], object], step_s: float, steps: range, in_turn: int, call: Callable[[int], object]
) -> dict[str, float]:
    """Compare a loop that computes with one that logs a metric in each step besides, in turns."""
    rounds, watch = _rounds_in(compute, step_s), _Stopwatch()
    turns_s, slower, own_slower = [], [], []
    for begin in range(0, len(steps), in_turn):
        turn = steps[begin : begin + in_turn]
        spent_s, own_s = [], []
        for logged in (_nothing, call):
            began, began_own = watch.now()
            for step in turn:
                compute(rounds)
                logged(step)
            ended, ended_own = watch.now()
            spent_s.append(ended - began)
            own_s.append(ended_own - began_own)
        turns_s.append(spent_s[0] / len(turn))
        slower.append(spent_s[1] / spent_s[0] - 1)
        own_slower.append(own_s[1] / own_s[0] - 1)
    # The median, as one turn in which something else ran says nothing of logging.
    return {
        "step_us": round(1e6 * statistics.median(turns_s), 1),
        "slower_percent": round(100 * statistics.median(slower), 2),
        "own slower_percent": round(100 * statistics.median(own_slower), 2),
    }


def _nothing(step: int) -> None:
    """Log nothing in a step."""


def _arithmetic(rounds: int) -> float:
    return sum(math.sqrt(number) for number in range(rounds))


def _algebra(rounds: int) -> float:
    weights = numpy.full((MATRIX, MATRIX), 1 / MATRIX)
    values = weights
    for _ in range(rounds):
        values = numpy.tanh(values @ weights)
    return float(values[0, 0])


def _rounds_in(compute: Callable[[int], object], seconds: float) -> int:
    """Return how many rounds take that long, by the fastest of many short tries."""
    rounds, best_s = 10, math.inf
    while best_s > seconds or best_s < seconds / 20:
        rounds = rounds * 2 if math.isinf(best_s) or best_s < seconds / 20 else max(1, rounds // 2)
        best_s = min(_taken_s(compute, rounds) for _ in range(20))
    return max(1, int(rounds * seconds / best_s))


def _taken_s(compute: Callable[[int], object], rounds: int) -> float:
    began_s = time.perf_counter()
    compute(rounds)
    return time.perf_counter() - began_s


if __name__ == "__main__":
    main()
