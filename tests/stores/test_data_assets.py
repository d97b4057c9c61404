"""Stores of data assets against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.data_assets import SqlDataAssets
from runyard.stores.metadata.trash import SqlTrash
from runyard.testing.data_asset_rules import DataAssetStoreRules, DataAssetsUnderTest
from tests.engines import SqlEngine, metadata_on


class TestSqlDataAssets(DataAssetStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_data_assets(self, folder: Path) -> DataAssetsUnderTest:
        database = self.engine.open(folder)
        return DataAssetsUnderTest(SqlDataAssets(database), SqlTrash(database), metadata_on(database))
