"""Metric stores against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.entities.metric import Point
from runyard.stores.database import Database, insert_missing
from runyard.stores.metadata.schema import experiments, runs, workspaces
from runyard.stores.metrics.chunks import open_chunk, open_packed
from runyard.stores.metrics.keys import PACKED_KEY_ID
from runyard.stores.metrics.packing import points_of_key, unpack_batch
from runyard.stores.metrics.points import Points
from runyard.stores.metrics.sql import SqlMetrics
from runyard.stores.metrics.upkeep import MetricUpkeep
from runyard.testing.metric_point_rules import MetricsUnderTest
from runyard.testing.metric_rules import MetricStoreRules
from tests.engines import SqlEngine


class TestSqlMetrics(MetricStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_store(self, folder: Path) -> MetricsUnderTest:
        self.database = self.engine.open(folder)
        self.metrics_in_sql = SqlMetrics(self.database)
        return MetricsUnderTest(self.metrics_in_sql, self.database.writing, self.database.close)

    def add_run(self, store: MetricsUnderTest, run_id: str) -> None:
        insert_run(self.database, run_id)

    def kept_points(self, folder: Path, run_id: str, key: str) -> list[Point]:
        return list(points_kept(self.engine, folder, run_id, key))


class TestFoldedMetrics(TestSqlMetrics):
    """The same rules, with everything folded into chunks before anything is read."""

    @pytest.fixture
    def metrics(self, store):
        """Fold before every read."""
        return FoldsBeforeReading(self.database, store.metrics)


class FoldsBeforeReading:
    """A metric store whose runs come to rest before each read."""

    def __init__(self, database: Database, metrics: SqlMetrics) -> None:
        self._database = database
        self._metrics = metrics

    def append(self, *arguments, **named):
        return self._metrics.append(*arguments, **named)

    def __getattr__(self, name):
        fold_all(self._database, self._metrics)
        return getattr(self._metrics, name)


def fold_all(database: Database, metrics: SqlMetrics) -> None:
    """Bring every run to rest."""
    metrics.settle()
    upkeep = MetricUpkeep(database, metrics)
    with database.reading() as connection:
        numbers = list(connection.scalars(runs.select().with_only_columns(runs.c.run_number)))
    for number in numbers:
        upkeep.bring_to_rest(number)


def points_kept(engine: SqlEngine, folder: Path, run_id: str, key: str) -> Points:
    """Return the distinct points that a database holds of one series, wherever they lie."""
    ((run_number,),) = engine.rows(folder, "SELECT run_number FROM runs WHERE run_id = ?", run_id)
    found = engine.rows(folder, "SELECT key_id FROM metric_keys WHERE key = ?", key)
    key_id = found[0][0] if found else -1
    batches = engine.rows(folder, "SELECT packed FROM metric_batches WHERE run_number = ?", run_number)
    parts = [points_of_key([unpack_batch(packed) for (packed,) in batches], key)]
    chunks = engine.rows(
        folder,
        "SELECT key_id, packed FROM metric_chunks WHERE run_number = ? AND key_id IN (?, ?)",
        run_number,
        key_id,
        PACKED_KEY_ID,
    )
    for owner, packed in chunks:
        parts.append(
            open_packed(packed).get(key_id, Points.empty()) if owner == PACKED_KEY_ID else open_chunk(packed)
        )
    return Points.joined(parts).in_order()


def insert_run(database: Database, run_id: str) -> None:
    """Put a run into the database, with the experiment and the workspace that it needs."""
    with database.writing() as connection:
        row = {"name": "w", "default_experiment_id": 1, "created_ms": 0, "description": ""}
        insert_missing(connection, workspaces, [row])
        row = {
            "experiment_id": 1,
            "workspace": "w",
            "name": "e",
            "artifact_location": "mlflow-artifacts:/1",
            "lifecycle_stage": "active",
            "created_ms": 0,
            "updated_ms": 0,
        }
        insert_missing(connection, experiments, [row])
        row = {
            "run_id": run_id,
            "experiment_id": 1,
            "name": "r",
            "user_id": "",
            "status": "RUNNING",
            "lifecycle_stage": "active",
            "artifact_uri": f"mlflow-artifacts:/1/{run_id}/artifacts",
        }
        connection.execute(runs.insert().values(row))
