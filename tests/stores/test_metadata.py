"""Metadata stores against their rules."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from runyard.stores.metadata.experiments import SqlExperiments
from runyard.stores.metadata.runs import SqlRuns
from runyard.stores.metadata.workspaces import SqlWorkspaces
from runyard.testing.metadata_hooks import KeptRun, MetadataUnderTest
from runyard.testing.metadata_rules import MetadataStoreRules
from tests.migrated import open_migrated


class TestSqlMetadata(MetadataStoreRules):
    def open_store(self, folder: Path) -> MetadataUnderTest:
        database = open_migrated(folder / "runyard.db")
        return MetadataUnderTest(
            SqlWorkspaces(database),
            SqlExperiments(database),
            SqlRuns(database),
            database.writing,
            database.close,
        )

    def kept_run(self, folder: Path, run_id: str) -> KeptRun | None:
        with contextlib.closing(sqlite3.connect(folder / "runyard.db")) as raw:
            row = raw.execute(
                "SELECT name, lifecycle_stage, deleted_ms, run_number FROM runs WHERE run_id = ?", (run_id,)
            ).fetchone()
            if row is None:
                return None
            params = dict(raw.execute("SELECT key, value FROM params WHERE run_number = ?", row[3:]))
            tags = dict(raw.execute("SELECT key, value FROM tags WHERE run_number = ?", row[3:]))
            name, stage, deleted_ms, _ = row
            return KeptRun(name, stage, deleted_ms, params, tags)
