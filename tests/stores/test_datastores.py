"""Stores of datastores against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.datastores import SqlDatastores
from runyard.testing.datastore_rules import DatastoreStoreRules, DatastoresUnderTest
from tests.engines import SqlEngine, metadata_on


class TestSqlDatastores(DatastoreStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_datastores(self, folder: Path) -> DatastoresUnderTest:
        database = self.engine.open(folder)
        metadata = metadata_on(database)
        return DatastoresUnderTest(SqlDatastores(database), metadata)
