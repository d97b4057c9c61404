"""Stores of scorers against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.scorers import SqlScorers
from runyard.testing.scorer_rules import ScorerStoreRules, ScorersUnderTest
from tests.engines import SqlEngine, metadata_on


class TestSqlScorers(ScorerStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_scorers(self, folder: Path) -> ScorersUnderTest:
        database = self.engine.open(folder)
        return ScorersUnderTest(SqlScorers(database), metadata_on(database))
