"""An API key for Microsoft's packages, made at the machine that holds the home."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from runyard import app
from runyard.cli.homes import existing_home


def key_of_home(home: Path, workspace: str, kept_in: Path) -> str:
    """Return an API key for one workspace, the same as long as it is good.

    Whoever can write to the home needs no credential to make one, as with `runyard admin`.

    Args:
        home: The home of the server.
        workspace: The workspace that it is for.
        kept_in: The file to keep it in, which nobody else can read.

    Raises:
        NotFound: There is no such home or workspace.
    """
    with contextlib.closing(app.open_stores(existing_home(home))) as stores:
        kept = kept_in.read_text(encoding="ascii").strip() if kept_in.exists() else None
        key = app.administration(stores).key_for_clients(workspace, kept)
    if key != kept:
        with os.fdopen(os.open(kept_in, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"{key}\n")
    return key
