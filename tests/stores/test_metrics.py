"""Metric stores against their rules."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from runyard.entities.metric import Point
from runyard.stores.database import Database, insert_missing
from runyard.stores.metadata.schema import experiments, runs, workspaces
from runyard.stores.metrics.sql import SqlMetrics
from runyard.testing.metric_rules import MetricStoreRules, MetricsUnderTest
from tests.engines import SqlEngine


class TestSqlMetrics(MetricStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_store(self, folder: Path) -> MetricsUnderTest:
        self.database = self.engine.open(folder)
        return MetricsUnderTest(SqlMetrics(self.database), self.database.writing, self.database.close)

    def add_run(self, store: MetricsUnderTest, run_id: str) -> None:
        insert_run(self.database, run_id)

    def kept_points(self, folder: Path, run_id: str, key: str) -> list[Point]:
        query = (
            "SELECT timestamp_ms, step, value, is_nan FROM metric_points JOIN metric_series USING (series_id)"
            " WHERE run_id = ? AND key = ?"
        )
        return [
            Point(timestamp_ms, step, math.nan if is_nan else value)
            for timestamp_ms, step, value, is_nan in self.engine.rows(folder, query, run_id, key)
        ]


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
