"""Writes the next numbered migration: what the schema has that the migrations do not make yet."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from runyard.stores.migrating import alembic_config, upgrade
from runyard.stores.schema_version import known_versions


def write(message: str) -> None:
    """Write ``migrations/versions/<number>_<message>.py`` for a person to read and correct."""
    number = f"{len(known_versions()) + 1:04d}"
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'empty.db'}")
        with engine.begin() as connection:
            upgrade(connection)
            command.revision(alembic_config(connection), message=message, autogenerate=True, rev_id=number)


if __name__ == "__main__":
    write(" ".join(sys.argv[1:]))
