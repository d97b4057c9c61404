"""Stores of jobs, compute targets and snapshots against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.compute_targets import SqlComputeTargets
from runyard.stores.metadata.jobs import SqlJobs
from runyard.stores.metadata.snapshots import SqlSnapshots
from runyard.testing.job_rules import JobStoreRules, JobsUnderTest
from tests.engines import SqlEngine, metadata_on


class TestSqlJobs(JobStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_jobs(self, folder: Path) -> JobsUnderTest:
        database = self.engine.open(folder)
        return JobsUnderTest(
            SqlJobs(database), SqlComputeTargets(database), SqlSnapshots(database), metadata_on(database)
        )
