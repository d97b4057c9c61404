"""Stores of traces against their rules."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from runyard.protocol.trace_filters import parse_trace_filter
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.schema_traces import OF_TRACES
from runyard.stores.metadata.spans import SqlAssessments, SqlSpans
from runyard.stores.metadata.trace_metrics import SqlTraceMetrics
from runyard.stores.metadata.traces import SqlTraces
from runyard.stores.migrating import upgrade
from runyard.stores.schema_version import known_versions
from runyard.testing.metadata_hooks import NOW_MS, WORKSPACE
from runyard.testing.trace_hooks import TracesUnderTest, new_span, new_trace
from runyard.testing.trace_rules import TraceStoreRules
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

    def test_spans_of_an_older_database_are_found_by_their_attributes(self, tmp_path: Path) -> None:
        with contextlib.closing(self.open_traces(tmp_path)) as stores:
            stores.metadata.workspaces.add_workspace(WORKSPACE, "", {}, NOW_MS)
            experiment = stores.metadata.add_experiment("traced")
            for number in range(3):
                stores.traces.add_trace(new_trace(experiment, f"tr-{number}"))
                said = {"n": number, "text": "é"}
                stores.spans.keep_spans(WORKSPACE, [new_span(f"tr-{number}", attributes=said)])
        with contextlib.closing(self.engine.open(tmp_path)) as database, database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE span_attributes")
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0015'")
            upgrade(connection, "0016")
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{known_versions()[-1]}'")
        with contextlib.closing(self.open_traces(tmp_path)) as stores:
            for text, wanted in (("n = '1'", ["tr-1"]), ("text = 'é'", ["tr-0", "tr-1", "tr-2"])):
                search = Search(
                    WORKSPACE,
                    experiment_ids=[experiment.experiment_id],
                    filter=parse_trace_filter(f"span.attributes.{text}"),
                )
                found = sorted(trace.trace_id for trace in stores.traces.search_traces(search))
                assert found == wanted
