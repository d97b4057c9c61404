"""Stores of groups and grants against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.entities.rights import Grant, Rights, Role
from runyard.stores.metadata.cached_rights import MAX_AGE_S, MAX_ENTRIES, CachedRights
from runyard.stores.metadata.credentials import SqlCredentials
from runyard.stores.metadata.rights import SqlRights
from runyard.testing.metadata_hooks import WORKSPACE
from runyard.testing.rights_rules import RightsStoreRules, RightsUnderTest
from tests.engines import SqlEngine, metadata_on


class Clock:
    """Seconds that pass only when a test says so."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class TestSqlRights(RightsStoreRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_rights(self, folder: Path) -> RightsUnderTest:
        database = self.engine.open(folder)
        metadata = metadata_on(database)
        return RightsUnderTest(SqlRights(database), SqlCredentials(database), metadata)


class TestCachedRights(TestSqlRights):
    def open_rights(self, folder: Path) -> RightsUnderTest:
        opened = super().open_rights(folder)
        self.clock = Clock()
        return RightsUnderTest(CachedRights(opened.rights, self.clock), opened.credentials, opened.metadata)

    def seen_anew(self, under_test: RightsUnderTest) -> Rights:
        self.clock.now_s += MAX_AGE_S
        return super().seen_anew(under_test)

    def test_a_change_of_another_process_is_seen_within_the_second(self, under_test, tmp_path):
        rights, clock = under_test.rights, self.clock
        assert rights.rights_of("p-bea") == Rights()
        elsewhere = super().open_rights(tmp_path)
        elsewhere.rights.set_grant(Grant("p-bea", Role.READER, WORKSPACE))
        elsewhere.close()
        assert rights.rights_of("p-bea") == Rights()
        clock.now_s += MAX_AGE_S
        assert rights.rights_of("p-bea").workspaces == {WORKSPACE: Role.READER}

    def test_what_is_remembered_is_bounded(self, rights):
        for number in range(MAX_ENTRIES + 10):
            rights._known[f"p-{number}"] = (self.clock(), rights.changes(), Rights())
        rights.rights_of("p-bea")
        assert len(rights._known) == 1
