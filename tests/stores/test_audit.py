"""The audit log against its rules, and against who would change it in the database itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from runyard.stores.database import Database
from runyard.stores.metadata.audit import SqlAudit
from runyard.stores.metadata.base_audit import AuditStore
from runyard.testing.audit_rules import GRANTED, REFUSED, AuditStoreRules
from tests.engines import SqlEngine


class TestSqlAudit(AuditStoreRules):
    @pytest.fixture(name="database")
    def _database(self, tmp_path: Path, engine: SqlEngine) -> Iterator[Database]:
        database = engine.open(tmp_path)
        yield database
        database.close()

    @pytest.fixture
    def audit(self, database: Database) -> AuditStore:
        self.opened = database
        return SqlAudit(database)

    def again(self) -> AuditStore:
        return SqlAudit(self.opened)

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE audit_entries SET caller = 'somebody else' WHERE number = 1",
            "DELETE FROM audit_entries WHERE number = 2",
            "DELETE FROM audit_entries",
        ],
    )
    def test_the_database_itself_refuses_a_change(self, audit, database, change):
        audit.append([GRANTED, REFUSED])
        with pytest.raises(DBAPIError, match="only grows"), database.writing() as connection:
            connection.exec_driver_sql(change)
        assert [entry.event for entry in audit.read_all()] == [GRANTED, REFUSED]

    def test_what_is_rolled_back_leaves_no_gap(self, audit, database):
        def fail() -> None:
            with database.writing():
                audit.append([GRANTED])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        audit.append([REFUSED])
        assert [(entry.number, entry.event) for entry in audit.read_all()] == [(1, REFUSED)]
