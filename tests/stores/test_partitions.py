"""The metric tables cut by run, as docs/explanation/sharding.md says: the stores work on them as before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from runyard.entities.metric import Metric, MetricBatch
from runyard.stores.metadata.schema import runs
from runyard.stores.metrics.sql import SqlMetrics
from runyard.stores.postgres import PostgresDatabase
from tests.docs.documents import ROOT, blocks_of
from tests.postgres_server import PostgresServer
from tests.stores.test_metrics import fold_all, insert_run

PAGE = ROOT / "docs" / "explanation" / "sharding.md"
RUNS = [f"run-{number}" for number in range(20)]


@pytest.fixture
def database(cluster: PostgresServer, tmp_path: Path) -> Iterator[PostgresDatabase]:
    """A database that was in use when it was cut."""
    name = cluster.new_database()
    database = cluster.open(name)
    for run_id in RUNS:
        insert_run(database, run_id)
        SqlMetrics(database).append(run_id, MetricBatch.of([Metric("loss", 1.0, 1, 1)]))
    fold_all(database, SqlMetrics(database))
    (script,) = (block.code for block in blocks_of(PAGE) if "PARTITION BY" in block.code)
    cluster.execute(script, name)
    yield database
    database.close()
    cluster.drop(name)


def test_points_are_logged_summarised_folded_and_read_as_before(database):
    metrics = SqlMetrics(database)
    for run_id in RUNS:
        assert metrics.append(run_id, MetricBatch.of([Metric("loss", 0.5, 2, 2), Metric("new", 3.0, 2, 2)]))
    for _ in range(2):
        for run_id, latest in metrics.read_latest(RUNS).items():
            assert [(each.key, each.value) for each in latest] == [("loss", 0.5), ("new", 3.0)]
            assert [point.step for point in metrics.read_history(run_id, "loss")] == [1, 2]
        fold_all(database, metrics)


def test_a_run_that_is_removed_takes_its_points_with_it(database, cluster):
    tables = ("metric_batches", "metric_chunks", "metric_series")
    name = str(database.engine.url.database)
    before = [cluster.execute(f"SELECT count(*) FROM {table}", name)[0][0] for table in tables]
    with database.writing() as connection:
        connection.execute(delete(runs).where(runs.c.run_id != RUNS[0]))
    after = [cluster.execute(f"SELECT count(*) FROM {table}", name)[0][0] for table in tables]
    assert before[1:] == [len(RUNS)] * 2
    assert after[1:] == [1, 1]


def test_the_parts_share_the_runs(database, cluster):
    name = str(database.engine.url.database)
    parts = cluster.execute("SELECT tableoid, count(*) FROM metric_series GROUP BY tableoid", name)
    assert len(parts) > 1
    assert sum(count for _, count in parts) == len(RUNS)
