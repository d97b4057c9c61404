"""Writes the next numbered migration: what the schema has that the migrations do not make yet."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from runyard.stores.database import MIGRATIONS, Database


def write(message: str) -> None:
    """Write ``migrations/versions/<number>_<message>.py`` for a person to read and correct."""
    number = len(list((MIGRATIONS / "versions").glob("[0-9]*.py"))) + 1
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'empty.db'}")
        database = Database(engine)
        database.migrate()
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("path_separator", "os")
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.revision(config, message=message, autogenerate=True, rev_id=f"{number:04d}")


if __name__ == "__main__":
    write(" ".join(sys.argv[1:]))
