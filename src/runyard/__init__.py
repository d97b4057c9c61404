"""Runyard: a machine learning workspace on your own machines.

>>> from runyard import Workspace
>>> ws = Workspace.from_config()  # doctest: +SKIP
>>> import mlflow  # doctest: +SKIP
>>> mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())  # doctest: +SKIP

Names are loaded when they are first used, so that ``runyard --version`` need not wait for them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from runyard._version import __version__

if TYPE_CHECKING:
    from runyard.errors import RunyardError
    from runyard.sdk.experiment import Experiment
    from runyard.sdk.model import Model
    from runyard.sdk.run import Run
    from runyard.sdk.workspace import Workspace

__all__ = ["Experiment", "Model", "Run", "RunyardError", "Workspace", "__version__"]

_HOMES = {
    "Experiment": "runyard.sdk.experiment",
    "Model": "runyard.sdk.model",
    "Run": "runyard.sdk.run",
    "RunyardError": "runyard.errors",
    "Workspace": "runyard.sdk.workspace",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'runyard' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
