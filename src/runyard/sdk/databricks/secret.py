"""The token of a linked Databricks workspace, read from its secrets by the notebook that needs it."""

from __future__ import annotations

import functools
import os
from typing import Any

from runyard.errors import InvalidParameter, Unauthenticated
from runyard.sdk.optional_libraries import optional_library

NAMED_BY = "RUNYARD_DATABRICKS_SECRET"


def secret_of_databricks() -> str | None:
    """Return the secret that ``RUNYARD_DATABRICKS_SECRET`` names as ``SCOPE/KEY``; None if it names none.

    Databricks is asked once in a process, as the person whose notebook it is: they see the secret if its
    scope lets them.

    Raises:
        InvalidParameter: The variable has another form, or databricks-sdk is not installed.
        Unauthenticated: Databricks does not give the secret.
    """
    named = os.environ.get(NAMED_BY)
    return _read(named) if named else None


@functools.cache
def _read(named: str) -> str:
    scope, _, key = named.partition("/")
    if not scope or not key:
        raise InvalidParameter(f"{NAMED_BY} is {named!r} and should be SCOPE/KEY.")
    sdk = optional_library("databricks.sdk", "To read a secret of Databricks", "databricks-sdk")
    errors: Any = optional_library(
        "databricks.sdk.errors", "To read a secret of Databricks", "databricks-sdk"
    )
    try:
        value: str = sdk.WorkspaceClient(product="runyard").dbutils.secrets.get(scope, key)
    except (errors.DatabricksError, ValueError) as error:
        raise Unauthenticated(f"Databricks does not give the secret {named}: {error}") from None
    return value
