"""Stores of logins that are under way against their rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.stores.database import Database
from runyard.stores.metadata.base_devices import DeviceStore
from runyard.stores.metadata.credentials import SqlCredentials
from runyard.stores.metadata.devices import SqlDevices
from runyard.testing.device_rules import ANN, DeviceStoreRules
from tests.engines import SqlEngine


class TestSqlDevices(DeviceStoreRules):
    @pytest.fixture(name="database")
    def _database(self, tmp_path: Path, engine: SqlEngine) -> Iterator[Database]:
        database = engine.open(tmp_path)
        yield database
        database.close()

    @pytest.fixture
    def devices(self, database: Database) -> DeviceStore:
        self.opened = database
        SqlCredentials(database).add_principal(ANN)
        return SqlDevices(database)

    def again(self) -> DeviceStore:
        return SqlDevices(self.opened)
