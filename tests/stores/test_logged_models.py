"""Stores of logged models against their rules."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from runyard.stores.metadata.experiments import SqlExperiments
from runyard.stores.metadata.logged_models import SqlLoggedModels
from runyard.stores.metadata.runs import SqlRuns
from runyard.stores.metadata.workspaces import SqlWorkspaces
from runyard.testing.logged_model_rules import KeptModel, LoggedModelStoreRules, LoggedModelsUnderTest
from runyard.testing.metadata_hooks import MetadataUnderTest
from tests.migrated import open_migrated


class TestSqlLoggedModels(LoggedModelStoreRules):
    def open_models(self, folder: Path) -> LoggedModelsUnderTest:
        database = open_migrated(folder / "runyard.db")
        metadata = MetadataUnderTest(
            SqlWorkspaces(database),
            SqlExperiments(database),
            SqlRuns(database),
            database.writing,
            database.close,
        )
        return LoggedModelsUnderTest(SqlLoggedModels(database), metadata)

    def kept_model(self, folder: Path, model_id: str) -> KeptModel | None:
        with contextlib.closing(sqlite3.connect(folder / "runyard.db")) as raw:
            row = raw.execute(
                "SELECT status, lifecycle_stage, updated_ms FROM logged_models WHERE model_id = ?",
                (model_id,),
            ).fetchone()
            if row is None:
                return None
            pairs = [
                dict(raw.execute(f"SELECT key, value FROM {table} WHERE model_id = ?", (model_id,)))
                for table in ("logged_model_params", "logged_model_tags")
            ]
            count = raw.execute(
                "SELECT count(*) FROM logged_model_metrics WHERE model_id = ?", (model_id,)
            ).fetchone()[0]
            status, stage, updated_ms = row
            return KeptModel(status, stage, updated_ms, pairs[0], pairs[1], count)
