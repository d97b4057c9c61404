"""Scripts and notebooks for Azure ML's first SDK, run over Runyard's.

Importing this module, before anything of ``azureml``, gives the names of Microsoft's packages a meaning
here: ``azureml.core`` and what goes with it, ``azureml.mlflow``, ``mlflow.azureml``. A script that may not be
touched is run by ``runyard azureml run script.py`` or ``python -m runyard.azureml script.py``.

A package of Microsoft's that is installed beside Runyard stays what it is, and importing this module fails:
which of the two is meant has to be said, by removing one or by ``RUNYARD_AZUREML=alias``.

Example:
    >>> import runyard.azureml
    >>> from azureml.core import Workspace
    >>> Workspace.__module__
    'runyard.sdk.workspace'
"""

import sys

import runyard.errors
from runyard.azureml.alias import install

__all__ = ["install"]

try:
    install()
except runyard.errors.InvalidState as error:
    # Under this name Python loads the module that `python -m` is to run: a person reads this, not a program.
    if sys.argv[0] == "-m":
        raise SystemExit(str(error)) from None
    raise
