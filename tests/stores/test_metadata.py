"""Metadata stores against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.testing.metadata_hooks import KeptRun, MetadataUnderTest
from runyard.testing.metadata_rules import MetadataStoreRules
from tests.engines import SqlEngine, metadata_on


class TestSqlMetadata(MetadataStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_store(self, folder: Path) -> MetadataUnderTest:
        database = self.engine.open(folder)
        return metadata_on(database)

    def kept_run(self, folder: Path, run_id: str) -> KeptRun | None:
        rows = self.engine.rows(
            folder, "SELECT name, lifecycle_stage, deleted_ms, run_number FROM runs WHERE run_id = ?", run_id
        )
        if not rows:
            return None
        params, tags = (
            dict(self.engine.rows(folder, f"SELECT key, value FROM {table} WHERE run_number = ?", rows[0][3]))
            for table in ("params", "tags")
        )
        name, stage, deleted_ms, _ = rows[0]
        return KeptRun(name, stage, deleted_ms, params, tags)
