"""`runyard serve`: a server for a team."""

from __future__ import annotations

from runyard import app
from runyard._version import __version__
from runyard.cli.printing import say
from runyard.cli.server_flags import NO_FLAGS, ServerFlags
from runyard.cli.up import say_places
from runyard.settings import Mode, Settings


def serve(*, flags: ServerFlags = NO_FLAGS) -> None:
    """Start a server for a team: every request needs a credential. Run `runyard admin init` first."""
    settings = flags.read(Mode.SERVE)
    app.run(settings, lambda url, has_administrator: announce(settings, url, has_administrator))


def announce(settings: Settings, url: str, has_administrator: bool) -> None:
    """Print where the server is and how to get in."""
    listens_at, url = url, settings.public_url.rstrip("/") or url
    say(f"Runyard {__version__} serves at {url}")
    if url != listens_at:
        say(f"  listens at  {listens_at}")
    say_places(settings)
    if has_administrator:
        say(f"  log in      runyard login {url}")
    else:
        say("  first       runyard admin init   makes the first administrator and an API key")
        say(f"  then        export RUNYARD_URL={url} RUNYARD_TOKEN=<API key>")
