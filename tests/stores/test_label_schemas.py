"""Stores of label schemas against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.label_schemas import SqlLabelSchemas
from runyard.testing.label_schema_rules import LabelSchemaStoreRules, LabelSchemasUnderTest
from tests.engines import SqlEngine, metadata_on


class TestSqlLabelSchemas(LabelSchemaStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_schemas(self, folder: Path) -> LabelSchemasUnderTest:
        database = self.engine.open(folder)
        return LabelSchemasUnderTest(SqlLabelSchemas(database), metadata_on(database))
