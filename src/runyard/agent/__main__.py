"""``python -m runyard.agent FOLDER``, or ``python agent.pyz FOLDER``: does the job of a folder.

With ``--told FILE FOLDER`` the folder is made first, and what is to be done is copied from the file.
With ``--station FOLDER`` it answers one question of a launcher about the agents whose folders lie there.
With ``--keep FOLDER HANDLE ASSIGNMENT`` it starts the agent of one of these folders, and ends with it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from runyard.agent.assignment import FILE_NAME
from runyard.agent.keeper import Keeper, end_with_parent
from runyard.agent.life import WRONG_USE, live
from runyard.agent.marks import write_whole
from runyard.agent.station import Station, answer

USAGE = (
    "usage: python -m runyard.agent [--station | --kept | --told FILE] FOLDER\n"
    "       python -m runyard.agent --keep FOLDER HANDLE ASSIGNMENT"
)
STATION, TOLD_BY, KEEP, KEPT = "--station", "--told", "--keep", "--kept"
REFUSED, CANNOT = 1, 3
"""Exit codes of a question: it is none; the disk or the system did not let it."""


def main() -> int:
    """Do what the command line asks for, and return the exit code."""
    words = sys.argv[1:]
    if len(words) == 4 and words[0] == KEEP:
        return _keep(_folder(words[1]), words[2], Path(words[3]))
    *options, last = words or ["-"]
    folder = _folder(last)
    if not last.startswith("-"):
        if options == [KEPT]:
            end_with_parent()
            return live(folder)
        if not options:
            return live(folder)
        if options == [STATION]:
            return _answer(folder)
        if options[0] == TOLD_BY and len(options) == 2:
            return _live_as_told(Path(options[1]), folder)
    sys.stderr.write(f"{USAGE}\n")
    return WRONG_USE


def _folder(word: str) -> Path:
    return Path(word).expanduser().absolute()


def _keep(folder: Path, handle: str, told: Path) -> int:
    try:
        return Keeper(Station(folder, [*_own_command(), KEPT]), handle).keep(told)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return CANNOT


def _live_as_told(told: Path, folder: Path) -> int:
    """Do what a file tells that is not the agent's own, as secrets of a container are."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(folder / FILE_NAME, told.read_bytes())
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USE
    return live(folder)


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
