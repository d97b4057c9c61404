"""The audit log against its rules, and against who would change it in the database itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from runyard.stores.database import Database
from runyard.stores.metadata.audit import SqlAudit
from runyard.stores.metadata.audit_guards import lost_guards
from runyard.stores.metadata.base_audit import AuditStore
from runyard.testing.audit_rules import GRANTED, REFUSED, AuditStoreRules
from tests.engines import SqlEngine

_EMPTY = "CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries BEGIN SELECT 1; END"
_ALTERED = {
    "sqlite": [
        (["DROP TRIGGER audit_entries_no_update"], ["audit_entries_no_update"]),
        (["DROP TRIGGER audit_entries_no_delete", _EMPTY], ["audit_entries_no_delete"]),
        (
            [
                "CREATE TRIGGER quiet BEFORE INSERT ON audit_entries WHEN NEW.caller = 'eve'"
                " BEGIN SELECT RAISE(IGNORE); END"
            ],
            ["quiet"],
        ),
    ],
    "postgresql": [
        (["DROP TRIGGER audit_entries_no_change ON audit_entries"], ["audit_entries_no_change"]),
        (
            ["ALTER TABLE audit_entries DISABLE TRIGGER ALL"],
            ["audit_entries_no_change", "audit_entries_no_truncate"],
        ),
        (
            [
                "CREATE OR REPLACE FUNCTION audit_entries_only_grow() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RETURN OLD; END $$"
            ],
            ["audit_entries_no_change", "audit_entries_no_truncate"],
        ),
        (
            [
                "DROP TRIGGER audit_entries_no_change ON audit_entries",
                "CREATE TRIGGER audit_entries_no_change BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW"
                " WHEN (false) EXECUTE FUNCTION audit_entries_only_grow()",
            ],
            ["audit_entries_no_change"],
        ),
        (
            ["CREATE RULE quiet AS ON INSERT TO audit_entries WHERE NEW.caller = 'eve' DO INSTEAD NOTHING"],
            ["quiet"],
        ),
    ],
}
"""What somebody does to the database, and the names that tell of it."""


class _UndoneAgain(Exception):
    pass


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

    def test_a_guard_that_is_gone_or_altered_is_named(self, audit, database):
        assert audit.lost_guards() == []
        for altered in _ALTERED[database.engine.dialect.name]:
            statements, names = altered
            with contextlib.suppress(_UndoneAgain), database.writing() as connection:
                for statement in statements:
                    connection.exec_driver_sql(statement)
                assert lost_guards(connection) == names
                raise _UndoneAgain
        assert audit.lost_guards() == []
