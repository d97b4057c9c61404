"""`runyard completion`: lets a shell complete commands and options."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.completion import ShellDetectionError

from runyard.cli.commands import app
from runyard.cli.printing import note, say
from runyard.errors import InvalidParameter


def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish"] | None, Parameter(help="By default the one that this runs in.")
    ] = None,
    *,
    install: Annotated[
        bool, Parameter(help="Write it where the shell looks, and a line into its start-up file.")
    ] = False,
) -> None:
    """Print what lets a shell complete `runyard`, or put it into its place with --install."""
    try:
        if install:
            note(f"Wrote {app.install_completion(shell=shell)}. Open a new shell to use it.")
        else:
            say(app.generate_completion(shell=shell))
    except ShellDetectionError:
        raise InvalidParameter("This runs in no shell that is known: name bash, zsh or fish.") from None
