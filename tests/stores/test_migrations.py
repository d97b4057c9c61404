"""Migrations: they make the schema, run once, and leave a database that they can't handle alone."""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from runyard.errors import InvalidState
from runyard.stores import migrating, schema_version
from runyard.stores.metadata.all_tables import tables
from runyard.stores.sqlite import open_sqlite
from tests.engines import SqlEngine

NEWEST = schema_version.known_versions()[-1]
NEXT = f"{int(NEWEST) + 1:04d}"

SECOND = """
from alembic import op
import sqlalchemy as sa

revision = "{number}"
down_revision = "{newest}"


def upgrade():
    op.create_table("second", sa.Column("n", sa.Integer(), primary_key=True))
    op.execute("INSERT INTO second VALUES (1)")
    {then}
"""


def schema_of(path: Path) -> dict[str, str]:
    """The statements that make the tables and indexes of a file, without what is only their layout."""
    with contextlib.closing(sqlite3.connect(path)) as raw:
        found = raw.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: re.sub(r"\s+", "", sql.replace('"', "")) for name, sql in found}


def version_of(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as raw:
        return [row[0] for row in raw.execute("SELECT version_num FROM alembic_version")]


def migrate_from_nothing(path: Path) -> None:
    """Make a database as the numbered migrations do, which new databases skip."""
    database = open_sqlite(path)
    with database.writing() as connection:
        tables.drop_all(connection)
        connection.exec_driver_sql("DELETE FROM alembic_version")
        migrating.upgrade(connection)
        assert compare_metadata(MigrationContext.configure(connection), tables) == []
    database.close()


@pytest.fixture
def second_migration(tmp_path, monkeypatch):
    """Return a function that adds a migration to those that this process knows."""

    def add(then: str = "") -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(schema_version.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        text = SECOND.format(number=NEXT, newest=NEWEST, then=then)
        (folder / "versions" / f"{NEXT}_second.py").write_text(text)
        monkeypatch.setattr(schema_version, "VERSIONS", folder / "versions")
        monkeypatch.setattr(migrating, "MIGRATIONS", folder)

    return add


def test_the_migrations_make_the_same_schema_as_a_new_database_has(tmp_path):
    open_sqlite(tmp_path / "new.db").close()
    migrate_from_nothing(tmp_path / "migrated.db")
    made, migrated = schema_of(tmp_path / "new.db"), schema_of(tmp_path / "migrated.db")
    assert made.keys() == migrated.keys()
    for name, sql in made.items():
        # What a table is made of, in whatever order: options such as WITHOUT ROWID are unseen by Alembic.
        assert sorted(re.split("[,()]", sql)) == sorted(re.split("[,()]", migrated[name]))
    assert version_of(tmp_path / "migrated.db") == version_of(tmp_path / "new.db")


def test_each_engine_is_migrated_from_nothing_to_the_tables_and_columns_of_today(
    engine: SqlEngine, tmp_path: Path
):
    database = engine.open(tmp_path)
    with database.writing() as connection:
        tables.drop_all(connection)
        connection.exec_driver_sql("DELETE FROM alembic_version")
        migrating.upgrade(connection)
        found = compare_metadata(MigrationContext.configure(connection), tables)
    database.close()
    # Alembic takes indexes on expressions for others than they are, on PostgreSQL also in a new database.
    assert [change for change in found if change[0] not in ("add_index", "remove_index")] == []


def test_migrations_are_numbered_without_gaps():
    versions = schema_version.known_versions()
    assert versions == [f"{number:04d}" for number in range(1, len(versions) + 1)]


def test_opening_again_changes_nothing(tmp_path):
    path = tmp_path / "runyard.db"
    open_sqlite(path).close()
    before = schema_of(path)
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("INSERT INTO workspaces VALUES ('w', 1, 2, 'kept', NULL)")
    for _ in range(2):
        open_sqlite(path).close()
    assert schema_of(path) == before
    assert version_of(path) == [schema_version.known_versions()[-1]]
    with contextlib.closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT * FROM workspaces").fetchall() == [("w", 1, 2, "kept", None)]


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "runyard.db"
    open_sqlite(path).close()
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    before = schema_of(path)
    with pytest.raises(InvalidState, match="schema 9999, which this version of Runyard does not know"):
        open_sqlite(path)
    assert (schema_of(path), version_of(path)) == (before, ["9999"])


@pytest.mark.parametrize("attempt", range(3))
def test_openers_that_come_at_once_make_one_schema(tmp_path, attempt):
    path, together = tmp_path / "runyard.db", Barrier(6)

    def open_it(_number):
        together.wait(60)
        open_sqlite(path).close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(open_it, range(6)))
    assert version_of(path) == [schema_version.known_versions()[-1]]


def test_an_older_database_gets_what_it_lacks_once(tmp_path, second_migration):
    path, together = tmp_path / "runyard.db", Barrier(2)
    open_sqlite(path).close()
    second_migration()

    def open_it(_number):
        together.wait(60)
        open_sqlite(path).close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(open_it, range(2)))
    assert version_of(path) == [NEXT]
    with contextlib.closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT n FROM second").fetchall() == [(1,)]


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path, second_migration):
    path = tmp_path / "runyard.db"
    open_sqlite(path).close()
    before = schema_of(path)
    second_migration("raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        open_sqlite(path)
    assert (schema_of(path), version_of(path)) == (before, [NEWEST])


def test_a_workspace_that_was_never_described_has_no_description_and_keeps_what_refers_to_it(
    engine: SqlEngine, tmp_path: Path
):
    database = engine.open(tmp_path)
    with database.writing() as connection:
        # As it was in version 0019.
        connection.exec_driver_sql("ALTER TABLE workspaces DROP COLUMN description")
        connection.exec_driver_sql("ALTER TABLE workspaces ADD COLUMN description TEXT DEFAULT '' NOT NULL")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0019'")
        for name, description in (("bare", ""), ("told", "Texts & more")):
            connection.exec_driver_sql(
                "INSERT INTO workspaces (name, default_experiment_id, created_ms, description)"
                f" VALUES ('{name}', 1, 2, '{description}')"
            )
            connection.exec_driver_sql(f"INSERT INTO workspace_tags VALUES ('{name}', 'team', 'a')")
    with database.writing() as connection:
        migrating.upgrade(connection, "0020")
        # What came after it is there: the next test that is given this database must find it as it was.
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{NEWEST}'")
    database.close()
    found = engine.rows(tmp_path, "SELECT name, created_ms, description FROM workspaces ORDER BY name")
    assert [tuple(row) for row in found] == [("bare", 2, None), ("told", 2, "Texts & more")]
    assert [
        row[0] for row in engine.rows(tmp_path, "SELECT workspace FROM workspace_tags ORDER BY workspace")
    ] == [
        "bare",
        "told",
    ]
