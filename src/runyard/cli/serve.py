"""`runyard serve`: a server for a team."""

from __future__ import annotations

from runyard import app
from runyard._version import __version__
from runyard.cli.printing import say
from runyard.cli.server_flags import NO_FLAGS, ServerFlags
from runyard.settings import Mode, Settings


def serve(*, flags: ServerFlags = NO_FLAGS) -> None:
    """Start a server for a team: every request needs a credential. Run `runyard admin init` first."""
    settings = flags.read(Mode.SERVE)
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
    authority = app.authority_of(settings)
    if authority is not None:
        say(f"  authority   {authority.authority}")
        say(f"  fingerprint {authority.fingerprint}")
    say("  first       runyard admin init   makes the first administrator and an API key")
    say(f"  then        export RUNYARD_URL={url} RUNYARD_TOKEN=<API key>")
