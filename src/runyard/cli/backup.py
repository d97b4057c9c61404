"""`runyard backup` and `runyard restore`: a home as one state in a folder, and back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from runyard import app as server
from runyard.cli.homes import Database, Home, existing_home
from runyard.cli.options import Json
from runyard.cli.printing import print_json, progress_bar, say, size_text, time_text
from runyard.settings import Mode, read_settings


def backup(
    target: Annotated[Path, Parameter(help="A folder that is empty or not there yet.")],
    *,
    earlier: Annotated[
        Path | None,
        Parameter(help="A backup on the same disk; artifacts that it holds already are linked, not copied."),
    ] = None,
    home: Home = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Write all data of a home, as it is at one moment, into a folder; its server may go on."""
    settings = existing_home(home, database)
    with progress_bar() as on_progress:
        made = server.back_up(settings, target.absolute(), earlier, on_progress)
    if json:
        print_json({"target": str(target.absolute()), **asdict(made)})
        return
    say(f"Backed up {settings.home} to {target}:")
    say(f"  database    {size_text(made.database_bytes)}, {made.rows['runs']:,} runs")
    say(f"  artifacts   {made.artifact_count:,} files, {size_text(made.artifact_bytes)}")


def restore(
    source: Annotated[Path, Parameter(help="The folder of a backup.")],
    *,
    home: Annotated[
        Path | None, Parameter(help="An empty folder for the data; by default ~/.runyard.")
    ] = None,
    database: Annotated[
        str | None, Parameter(help="An empty PostgreSQL database, for a backup of one.")
    ] = None,
    json: Json = False,
) -> None:
    """Make a home of a backup. What the folder holds already is never touched: it must be empty."""
    settings = read_settings(Mode.SERVE, home=home, database=database)
    with progress_bar() as on_progress:
        made = server.restore(settings, source, on_progress)
    if json:
        print_json({"home": str(settings.home), **asdict(made)})
        return
    say(f"Restored {settings.home} as it was at {time_text(made.created_ms)}:")
    say(f"  database    {size_text(made.database_bytes)}, {made.rows['runs']:,} runs")
    say(f"  artifacts   {made.artifact_count:,} files, {size_text(made.artifact_bytes)}")
    say(f"  look at it  runyard check --home {settings.home}")
