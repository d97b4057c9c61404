"""How many files and connections the process of a server may have open."""

from __future__ import annotations

import contextlib
import resource
from typing import Final

MANY: Final = 65_536


def allow_many_files() -> None:
    """Raise the limit of open files as far as the system lets anybody, up to :data:`MANY`.

    Shells and systemd begin with 1,024, as programs that call ``select`` can't have more: two hundred
    trainings with a few connections each would be refused.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MANY if hard == resource.RLIM_INFINITY else min(MANY, hard)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return
    with contextlib.suppress(OSError, ValueError):  # some systems say that there is no limit and have one
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
