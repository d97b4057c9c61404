"""``python -m runyard.agent FOLDER``, or ``python agent.pyz FOLDER``: does the job of a folder."""

from __future__ import annotations

import sys
from pathlib import Path

from runyard.agent.life import WRONG_USE, live

USAGE = "usage: python -m runyard.agent FOLDER"


def main() -> int:
    """Do the job that lies in the folder of the command line, and return the exit code."""
    words = sys.argv[1:]
    if len(words) != 1 or words[0].startswith("-"):
        sys.stderr.write(f"{USAGE}\n")
        return WRONG_USE
    return live(Path(words[0]).absolute())


if __name__ == "__main__":
    sys.exit(main())
