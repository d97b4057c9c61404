"""Stores of logged models against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.logged_models import SqlLoggedModels
from runyard.testing.logged_model_hooks import KeptModel, LoggedModelsUnderTest
from runyard.testing.logged_model_rules import LoggedModelStoreRules
from tests.engines import SqlEngine, metadata_on


class TestSqlLoggedModels(LoggedModelStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_models(self, folder: Path) -> LoggedModelsUnderTest:
        database = self.engine.open(folder)
        metadata = metadata_on(database)
        return LoggedModelsUnderTest(SqlLoggedModels(database), metadata)

    def kept_model(self, folder: Path, model_id: str) -> KeptModel | None:
        rows = self.engine.rows(
            folder,
            "SELECT status, lifecycle_stage, updated_ms FROM logged_models WHERE model_id = ?",
            model_id,
        )
        if not rows:
            return None
        params, tags = (
            dict(self.engine.rows(folder, f"SELECT key, value FROM {table} WHERE model_id = ?", model_id))
            for table in ("logged_model_params", "logged_model_tags")
        )
        ((count,),) = self.engine.rows(
            folder, "SELECT count(*) FROM logged_model_metrics WHERE model_id = ?", model_id
        )
        status, stage, updated_ms = rows[0]
        return KeptModel(status, stage, updated_ms, params, tags, count)
