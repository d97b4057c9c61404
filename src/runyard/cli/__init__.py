"""The command line: parses, calls the SDK, prints.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 not allowed, 5 no server answers, 130 interrupted.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from runyard._version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given in (["--version"], ["-V"]):
        # Scripts and shells ask for this often: it must not wait for a parser.
        print(f"runyard {__version__}")
        return 0
    code: int = importlib.import_module("runyard.cli.commands").run(given)
    return code
