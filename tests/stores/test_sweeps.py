"""Stores of sweeps against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.sweeps import SqlSweeps
from runyard.testing.sweep_rules import SweepStoreRules, SweepsUnderTest
from tests.engines import SqlEngine, metadata_on


class TestSqlSweeps(SweepStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_sweeps(self, folder: Path) -> SweepsUnderTest:
        database = self.engine.open(folder)
        return SweepsUnderTest(SqlSweeps(database), metadata_on(database))
