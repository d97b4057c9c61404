"""Who runs this process, by the name that runs bear."""

from __future__ import annotations

import getpass
import os


def local_user() -> str:
    """Return the name of the user of this process, or its number: a container's user need not have a name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())
