"""Stores of traces against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.schema_traces import OF_TRACES
from runyard.stores.metadata.spans import SqlAssessments, SqlSpans
from runyard.stores.metadata.trace_metrics import SqlTraceMetrics
from runyard.stores.metadata.traces import SqlTraces
from runyard.testing.trace_rules import TraceStoreRules, TracesUnderTest
from tests.engines import SqlEngine, metadata_on


class TestSqlTraces(TraceStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_traces(self, folder: Path) -> TracesUnderTest:
        database = self.engine.open(folder)
        return TracesUnderTest(
            SqlTraces(database),
            SqlSpans(database),
            SqlAssessments(database),
            SqlTraceMetrics(database),
            metadata_on(database),
        )

    def kept_rows(self, folder: Path) -> int:
        names = ["traces", *(table.name for table in OF_TRACES)]
        counts = (self.engine.rows(folder, f"SELECT count(*) FROM {name}") for name in names)
        return sum(int(rows[0][0]) for rows in counts)

    def removed_folders(self, folder: Path) -> list[str]:
        rows = self.engine.rows(folder, "SELECT path FROM removed_artifacts ORDER BY path")
        return [str(row[0]) for row in rows]
