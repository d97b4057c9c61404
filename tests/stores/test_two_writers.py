"""Two servers write metrics of the same runs at once: all of it is kept once, nobody waits in a circle."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

import pytest

from runyard.entities.metric import Metric, MetricBatch
from runyard.stores.database import Database
from runyard.stores.metrics.sql import SqlMetrics
from runyard.stores.metrics.upkeep import MetricUpkeep
from tests.engines import SqlEngine
from tests.stores.test_metrics import insert_run

RUNS = [f"run-{number}" for number in range(6)]
KEYS = [f"key/{number}" for number in range(12)]
ROUNDS = 25


@pytest.fixture
def writers(tmp_path: Path, engine: SqlEngine) -> Iterator[list[tuple[Database, SqlMetrics]]]:
    databases = [engine.open(tmp_path) for _ in range(2)]
    for run_id in RUNS:
        insert_run(databases[0], run_id)
    yield [(database, SqlMetrics(database)) for database in databases]
    for database in databases:
        database.close()


def append_to_all(database: Database, metrics: SqlMetrics, run_ids: list[str], batch: MetricBatch) -> None:
    with database.writing():
        for run_id in run_ids:
            metrics.append(run_id, batch)


def log_and_settle(writer: int, database: Database, metrics: SqlMetrics) -> None:
    """Log to all runs at once, in an order of its own, and bring summaries up to date between."""
    order = random.Random(writer)
    for number in range(ROUNDS):
        step = 2 * number + writer
        batch = MetricBatch.of([Metric(key, 1.0, 1000 + step, step) for key in order.sample(KEYS, len(KEYS))])
        database.retrying(partial(append_to_all, database, metrics, order.sample(RUNS, len(RUNS)), batch))
        database.retrying(metrics.summaries.settle)


def all_as_they_should_be(metrics: SqlMetrics) -> bool:
    latest = metrics.read_latest(RUNS)
    for run_id in RUNS:
        assert [(each.key, each.step) for each in latest[run_id]] == sorted(
            (key, 2 * ROUNDS - 1) for key in KEYS
        )
        for key in KEYS:
            steps = sorted(point.step for point in metrics.read_history(run_id, key))
            assert steps == list(range(2 * ROUNDS))
    return True


def test_what_two_writers_log_to_the_same_runs_is_kept_once_and_summarised(writers):
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(log_and_settle, number, *each) for number, each in enumerate(writers)]:
            done.result(120)
    assert all(all_as_they_should_be(metrics) for _, metrics in writers)
    assert not any(metrics.arrivals.known() for _, metrics in writers)


def test_two_that_fold_the_same_runs_at_once_keep_every_point_once(writers):
    for number, (database, metrics) in enumerate(writers):
        log_and_settle(number, database, metrics)
    together = Barrier(2)

    def fold(database: Database, metrics: SqlMetrics, numbers: list[int]) -> None:
        upkeep = MetricUpkeep(database, metrics)
        together.wait(60)
        for number in numbers:
            database.retrying(partial(upkeep.bring_to_rest, number))

    with ThreadPoolExecutor(2) as pool:
        numbers = list(range(1, len(RUNS) + 1))
        for done in [pool.submit(fold, each[0], each[1], numbers) for each in writers]:
            done.result(120)
    assert all(all_as_they_should_be(metrics) for _, metrics in writers)
    assert writers[0][1].folding.fold(1).batch_count == 0
