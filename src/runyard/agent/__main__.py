"""``python -m runyard.agent FOLDER``, or ``python agent.pyz FOLDER``: does the job of a folder.

With ``--station FOLDER`` it answers one question of a launcher about the agents whose folders lie there. With
``--keep FOLDER HANDLE ASSIGNMENT`` it starts the agent of one of these folders, and ends with it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from runyard.agent.keeper import Keeper, end_with_parent
from runyard.agent.life import WRONG_USE, live
from runyard.agent.station import Station, answer

USAGE = "usage: python -m runyard.agent [--station | --kept] FOLDER | --keep FOLDER HANDLE ASSIGNMENT"
STATION, KEEP, KEPT = "--station", "--keep", "--kept"
REFUSED, CANNOT = 1, 3
"""Exit codes of a question: it is none; the disk or the system did not let it."""


def main() -> int:
    """Do what the command line asks for, and return the exit code."""
    words = sys.argv[1:]
    option = words.pop(0) if words[:1] and words[0] in (STATION, KEEP, KEPT) else ""
    if len(words) != (3 if option == KEEP else 1) or words[0].startswith("-"):
        sys.stderr.write(f"{USAGE}\n")
        return WRONG_USE
    folder = Path(words[0]).expanduser().absolute()
    if option == STATION:
        return _answer(folder)
    if option == KEEP:
        return _keep(folder, words[1], Path(words[2]))
    if option == KEPT:
        end_with_parent()
    return live(folder)


def _keep(folder: Path, handle: str, told: Path) -> int:
    try:
        return Keeper(Station(folder, [*_own_command(), KEPT]), handle).keep(told)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return CANNOT


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
