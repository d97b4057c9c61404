"""Stores of registered models and versions against their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.stores.metadata.model_versions import SqlModelVersions
from runyard.stores.metadata.registered_models import SqlRegisteredModels
from runyard.testing.registry_rules import KeptRegistry, RegistryRules, RegistryUnderTest
from tests.engines import SqlEngine, metadata_on

TABLES = (
    "registered_models",
    "model_versions",
    "registered_model_tags",
    "model_version_tags",
    "registered_model_aliases",
)


class TestSqlRegistry(RegistryRules):
    @pytest.fixture(autouse=True)
    def _on(self, engine: SqlEngine) -> None:
        self.engine = engine

    def open_registry(self, folder: Path) -> RegistryUnderTest:
        database = self.engine.open(folder)
        return RegistryUnderTest(
            SqlRegisteredModels(database), SqlModelVersions(database), metadata_on(database)
        )

    def kept_registry(self, folder: Path) -> KeptRegistry:
        counts = (self.engine.rows(folder, f"SELECT count(*) FROM {table}")[0][0] for table in TABLES)
        return KeptRegistry(*counts)
