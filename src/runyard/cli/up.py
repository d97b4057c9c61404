"""`runyard up`: a server for one person on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from runyard import app
from runyard._version import __version__
from runyard.cli.printing import say
from runyard.settings import Mode, Settings, read_settings


def up(
    *,
    home: Annotated[Path | None, Parameter(help="Folder of the data; by default ~/.runyard.")] = None,
    database: Annotated[
        str | None, Parameter(help="PostgreSQL, as postgresql://user@host/name; by default a SQLite file.")
    ] = None,
    port: Annotated[int | None, Parameter(help="Port; by default 5000, 0 for a free one.")] = None,
    host: Annotated[str | None, Parameter(help="A loopback address; by default 127.0.0.1.")] = None,
    artifact_store: Annotated[
        str | None,
        Parameter(help="s3://, az:// or gs:// bucket and prefix; by default a folder of the data."),
    ] = None,
    durability: Annotated[
        Literal["commit", "full"] | None,
        Parameter(help="What an acknowledged write survives: commit (kill -9) or full (loss of power too)."),
    ] = None,
    log_level: Annotated[str | None, Parameter(help="debug, info, warning or error.")] = None,
) -> None:
    """Start a server for yourself: on this machine alone, without a credential. Ctrl-C stops it."""
    settings = read_settings(
        Mode.UP,
        home=home,
        database=database,
        port=port,
        host=host,
        artifact_store=artifact_store,
        durability=durability,
        log_level=log_level,
    )
    app.run(settings, lambda url: announce(settings, url))


def announce(settings: Settings, url: str) -> None:
    """Print where the server is and what to do with it."""
    say(f"Runyard {__version__} is up at {url}")
    say(f"  data        {settings.home}")
    say(f"  durability  {settings.durability.promise}")
    if settings.database:
        say(f"  database    {settings.database_shown}")
    if settings.artifact_store:
        say(f"  artifacts   {settings.artifact_store}")
    say(f"  log to it   export MLFLOW_TRACKING_URI={url}")
    say(f"  try it      runyard demo --url {url}")
    say("  stop it     Ctrl-C")
