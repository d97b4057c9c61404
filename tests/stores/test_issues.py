"""Stores of issues against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.issues import SqlIssues
from runyard.testing.issue_rules import IssueStoreRules, IssuesUnderTest
from tests.engines import SqlEngine, metadata_on


class TestSqlIssues(IssueStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_issues(self, folder: Path) -> IssuesUnderTest:
        database = self.engine.open(folder)
        return IssuesUnderTest(SqlIssues(database), metadata_on(database))
