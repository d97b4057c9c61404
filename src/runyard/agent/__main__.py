"""``python -m runyard.agent FOLDER``, or ``python agent.pyz FOLDER``: does the job of a folder.

With ``--station FOLDER`` it answers one question of a launcher about the agents whose folders lie there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from runyard.agent.life import WRONG_USE, live
from runyard.agent.station import Station, answer

USAGE = "usage: python -m runyard.agent [--station] FOLDER"
STATION = "--station"
REFUSED, CANNOT = 1, 3
"""Exit codes of a question: it is none; the disk or the system did not let it."""


def main() -> int:
    """Do what the command line asks for, and return the exit code."""
    words = sys.argv[1:]
    wants_station = words[:1] == [STATION]
    if len(words) != 1 + wants_station or words[-1].startswith("-"):
        sys.stderr.write(f"{USAGE}\n")
        return WRONG_USE
    folder = Path(words[-1]).expanduser().absolute()
    return _answer(folder) if wants_station else live(folder)


def _answer(folder: Path) -> int:
    try:
        found = answer(Station(folder, _own_command()), json.load(sys.stdin))
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return CANNOT if isinstance(error, OSError) else REFUSED
    json.dump(found, sys.stdout)
    return 0


def _own_command() -> Sequence[str]:
    """Return what this process was started with, before its own words."""
    archive = Path(sys.argv[0]).absolute()
    module = ["-m", "runyard.agent"] if archive.suffix == ".py" else [str(archive)]
    return [sys.executable, *module]


if __name__ == "__main__":
    sys.exit(main())
