"""Libraries that the SDK does without until somebody needs one."""

from __future__ import annotations

import importlib
from typing import Any

from runyard.errors import InvalidParameter


def optional_library(module: str, needed_for: str, install: str) -> Any:
    """Return a module of a library that is installed if somebody wanted it.

    Args:
        module: The module.
        needed_for: What can't be done without, for the error.
        install: What to install.

    Raises:
        InvalidParameter: It is not installed; the message says how to.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InvalidParameter(f"{needed_for} needs {install}: pip install {install} ({error})") from None
