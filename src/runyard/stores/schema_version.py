"""Which version a database's schema has, and how it gets to the newest one."""

from __future__ import annotations

import importlib
from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    inspect,
    select,
)

from runyard.errors import InvalidState
from runyard.stores.metadata.all_tables import tables

MIGRATIONS = Path(__file__).parent / "metadata" / "migrations"
VERSIONS = MIGRATIONS / "versions"

_version_table = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def known_versions() -> list[str]:
    """Return the numbers of all migrations, the newest last."""
    return sorted(path.name.split("_")[0] for path in VERSIONS.glob("[0-9]*.py"))


def version_of(connection: Connection) -> str | None:
    """Return the number of the schema's last migration; ``None`` for an empty database."""
    is_versioned = inspect(connection).has_table(_version_table.name)
    return connection.scalar(select(_version_table.c.version_num)) if is_versioned else None


def bring_up_to_date(connection: Connection) -> None:
    """Give an empty database the schema, an older one the migrations that it lacks.

    Raises:
        InvalidState: The schema is of a newer Runyard than this one.
    """
    versions = known_versions()
    at = version_of(connection)
    if at == versions[-1]:
        return
    if at is None:
        tables.create_all(connection)
        _version_table.create(connection, checkfirst=True)
        connection.execute(insert(_version_table), {"version_num": versions[-1]})
    elif at in versions:
        # Alembic takes 0.4 s to import and is needed once an upgrade: most starts go without it.
        importlib.import_module("runyard.stores.migrating").upgrade(connection)
    else:
        raise InvalidState(
            f"This database has schema {at}, which this version of Runyard does not know. "
            "Install the version that wrote it, or a newer one."
        )
