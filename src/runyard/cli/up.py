"""`runyard up`: a server for one person on this machine."""

from __future__ import annotations

from runyard import app
from runyard._version import __version__
from runyard.cli.printing import say
from runyard.cli.server_flags import NO_FLAGS, ServerFlags
from runyard.settings import Mode, Settings


def up(*, flags: ServerFlags = NO_FLAGS) -> None:
    """Start a server for yourself: on this machine alone, without a credential. Ctrl-C stops it."""
    settings = flags.read(Mode.UP)
    app.run(settings, lambda url, _: announce(settings, url))


def announce(settings: Settings, url: str) -> None:
    """Print where the server is and what to do with it."""
    say(f"Runyard {__version__} is up at {url}")
    say_places(settings)
    say(f"  log to it   export MLFLOW_TRACKING_URI={url}")
    say(f"  try it      runyard demo --url {url}")
    say("  stop it     Ctrl-C")


def say_places(settings: Settings) -> None:
    """Print where a server keeps what it has, what it promises of that, and the authority to trust."""
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
