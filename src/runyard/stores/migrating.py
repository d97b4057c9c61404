"""Runs the numbered migrations, by Alembic, inside the caller's transaction."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from runyard.stores.schema_version import MIGRATIONS


def upgrade(connection: Connection, version: str = "head") -> None:
    """Bring the schema from whatever version it has, or none, to ``version``."""
    command.upgrade(alembic_config(connection), version)


def alembic_config(connection: Connection) -> Config:
    """Return what Alembic's commands need to work on ``connection``."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
