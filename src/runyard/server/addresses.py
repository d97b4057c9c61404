"""The addresses of a workspace, and which one a request was sent to.

- ``/``: the workspace ``default``, or the one that the header ``X-MLFLOW-WORKSPACE`` names;
- ``/workspaces/{name}``;
- ``/mlflow/{v1.0 or v2.0}/subscriptions/{s}/resourceGroups/{g}/providers/``
  ``Microsoft.MachineLearningServices/workspaces/{name}``, as Microsoft's clients write it; any
  subscription and resource group will do.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from runyard.entities.workspace import DEFAULT_WORKSPACE
from runyard.errors import InvalidParameter

WORKSPACE_HEADER = b"x-mlflow-workspace"

_PREFIX = re.compile(
    r"(?:/workspaces/(?P<short>[^/]+)"
    r"|/mlflow/v[12]\.0/subscriptions/[^/]+/resourceGroups/[^/]+"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/(?P<long>[^/]+))(?P<rest>/.*|$)",
    re.DOTALL,
)
_PREVIEW = "/preview/mlflow/"


class Address(NamedTuple):
    """Where a request was sent to: the workspace, the path before it and the path within it."""

    workspace: str
    prefix: str
    path: str


def parse_address(path: str, workspace_header: str | None = None) -> Address:
    """Return which workspace a request's path and header name, and the path within it.

    Raises:
        InvalidParameter: Path and header name different workspaces.
    """
    if path.startswith("//"):  # what comes of an address that ends in a slash, with a path appended
        path = "/" + path.lstrip("/")
    match = _PREFIX.fullmatch(path) if path.startswith(("/workspaces/", "/mlflow/v")) else None
    if match is None:
        return Address(workspace_header or DEFAULT_WORKSPACE, "", _within(path))
    named = match["short"] or match["long"]
    if workspace_header and workspace_header != named:
        raise InvalidParameter(
            f"The address names workspace '{named}', the header X-MLFLOW-WORKSPACE '{workspace_header}'. "
            "Send one of them, or the same name in both."
        )
    return Address(named, path[: match.start("rest")], _within(match["rest"]))


def _within(path: str) -> str:
    """R's client and some older ones say ``/preview/mlflow/`` where the others say ``/mlflow/``."""
    if _PREVIEW in path and path.startswith(("/api/2.0" + _PREVIEW, "/ajax-api/2.0" + _PREVIEW)):
        return path.replace(_PREVIEW, "/mlflow/", 1)
    return path
