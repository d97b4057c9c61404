"""Stores of evaluation datasets against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.dataset_records import SqlDatasetRecords
from runyard.stores.metadata.evaluation_datasets import SqlEvaluationDatasets
from runyard.testing.evaluation_dataset_rules import EvaluationDatasetStoreRules, EvaluationDatasetsUnderTest
from tests.engines import SqlEngine, metadata_on

TABLES = tuple(f"evaluation_dataset{end}" for end in ("s", "_tags", "_records", "_experiments"))


class TestSqlEvaluationDatasets(EvaluationDatasetStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_datasets(self, folder: Path) -> EvaluationDatasetsUnderTest:
        database = self.engine.open(folder)
        metadata = metadata_on(database)
        return EvaluationDatasetsUnderTest(
            SqlEvaluationDatasets(database), SqlDatasetRecords(database), metadata
        )

    def kept_rows(self, folder: Path, dataset_id: str) -> int:
        counts = (
            self.engine.rows(folder, f"SELECT count(*) FROM {table} WHERE dataset_id = ?", dataset_id)
            for table in TABLES
        )
        return sum(count for ((count,),) in counts)
