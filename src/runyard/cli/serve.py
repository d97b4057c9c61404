"""`runyard serve`: a server for a team."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from runyard import app
from runyard._version import __version__
from runyard.cli.printing import say
from runyard.settings import Mode, Settings, read_settings


def serve(
    *,
    home: Annotated[Path | None, Parameter(help="Folder of the data; by default ~/.runyard.")] = None,
    database: Annotated[
        str | None, Parameter(help="PostgreSQL, as postgresql://user@host/name; by default a SQLite file.")
    ] = None,
    port: Annotated[int | None, Parameter(help="Port; by default 5000, 0 for a free one.")] = None,
    host: Annotated[str | None, Parameter(help="Address to listen on; by default 127.0.0.1.")] = None,
    allowed_hosts: Annotated[
        tuple[str, ...], Parameter(help="Names that clients call it by; may be repeated.")
    ] = (),
    tls_cert: Annotated[Path | None, Parameter(help="Certificate chain (PEM).")] = None,
    tls_key: Annotated[Path | None, Parameter(help="Private key (PEM).")] = None,
    insecure_http: Annotated[
        bool, Parameter(help="Plain HTTP beyond loopback, as behind a proxy that has TLS.")
    ] = False,
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
    """Start a server for a team: every request needs a credential. Run `runyard admin init` first."""
    settings = read_settings(
        Mode.SERVE,
        home=home,
        database=database,
        port=port,
        host=host,
        allowed_hosts=allowed_hosts or None,
        tls_cert=tls_cert,
        tls_key=tls_key,
        insecure_http=insecure_http or None,
        artifact_store=artifact_store,
        durability=durability,
        log_level=log_level,
    )
    app.run(settings, lambda url: announce(settings, url))


def announce(settings: Settings, url: str) -> None:
    """Print where the server is and how to get in."""
    say(f"Runyard {__version__} serves at {url}")
    say(f"  data        {settings.home}")
    say(f"  durability  {settings.durability.promise}")
    if settings.database:
        say(f"  database    {settings.database_shown}")
    if settings.artifact_store:
        say(f"  artifacts   {settings.artifact_store}")
    say("  first       runyard admin init   makes the first administrator and an API key")
    say(f"  then        export RUNYARD_URL={url} RUNYARD_TOKEN=<API key>")
