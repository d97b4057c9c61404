"""Finds the home that a command works on, at the machine that holds it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from runyard.errors import NotFound
from runyard.settings import Mode, Settings, read_settings

Home = Annotated[Path | None, Parameter(help="Folder of the data; by default ~/.runyard.")]
Database = Annotated[str | None, Parameter(help="PostgreSQL database; by default the home's SQLite file.")]


def existing_home(home: Path | None, database: str | None = None) -> Settings:
    """Return the settings of a home that is there: a mistyped folder must not become a new one.

    Raises:
        NotFound: There is none.
    """
    settings = read_settings(Mode.SERVE, home=home, database=database)
    if not settings.database and not settings.database_path.exists():
        raise NotFound(f"There is no Runyard home at {settings.home}. Name it with --home.")
    return settings
