"""``python -m runyard.azureml script.py``: runs a script with the names of Azure's first SDK."""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from pathlib import Path

import runyard.azureml

USAGE = "usage: python -m runyard.azureml SCRIPT [ARGUMENT]..."


def main() -> None:
    """Run the script that the command line names; it sees its own name and arguments."""
    del sys.argv[0]
    if not sys.argv or sys.argv[0].startswith("-"):
        raise SystemExit(USAGE)
    script = sys.argv[0]
    if not os.path.isfile(script):
        raise SystemExit(f"There is no script {script!r}.\n{USAGE}")
    _check_is_python(script)
    runyard.azureml.install()
    # As of `python script.py`: modules beside the script are found, those of the working folder are not.
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    runpy.run_path(script, run_name="__main__")


def _check_is_python(script: str) -> None:
    """Return if a script can be begun; else end as Python does, without the lines of this module.

    Raises:
        SystemExit: It can't be read, or is no Python.
    """
    try:
        compile(Path(script).read_bytes(), script, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise SystemExit("".join(traceback.format_exception_only(error)).rstrip()) from None
    except (OSError, ValueError) as error:
        raise SystemExit(f"The script {script!r} can't be read: {error}") from None


if __name__ == "__main__":
    main()
