"""The addresses of a workspace and of the server, and which one a request was sent to.

- ``/``: the workspace ``default``, or the one that the header ``X-MLFLOW-WORKSPACE`` names;
- ``/workspaces/{name}``;
- ``/mlflow/{v1.0 or v2.0}/subscriptions/{s}/resourceGroups/{g}/providers/``
  ``Microsoft.MachineLearningServices/workspaces/{name}``, as Microsoft's clients write it; any
  subscription and resource group will do.

``/mlflow`` at the end of any of them is where MLflow's own pages lie, and the API that they call below it.

Microsoft's clients ask other services than MLflow's by the same long form: ``/history/v1.0/subscriptions/…``
for the files of runs, ``/artifact/v2.0/subscriptions/…`` for those of models, ``/arm/subscriptions/…`` for
the workspace itself, and further ones of which nothing is answered but what to use instead, to who may read
the workspace. What is before the workspace's scope stays in the path there: it is ``/history/v1.0``
and what follows the scope.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from starlette.requests import Request

from runyard.entities.workspace import DEFAULT_WORKSPACE
from runyard.errors import InvalidParameter
from runyard.services.call import Call

WORKSPACE_HEADER = b"x-mlflow-workspace"

_PREFIX = re.compile(
    r"(?:/workspaces/(?P<short>[^/]+)"
    r"|/mlflow/v[12]\.0/subscriptions/[^/]+/resourceGroups/[^/]+"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/(?P<long>[^/]+))(?P<rest>/.*|$)",
    re.DOTALL,
)
_SERVICE = re.compile(
    r"(?P<service>/history/v1\.0|/artifact/v2\.0|/arm|/rp/workspaces|/genericasset(?:/v[12]\.0)?"
    r"|/(?:credential|data|dataset|datastore|environment|execution|hyperdrive|metric|modelmanagement"
    r"|pipelines)/v[0-9.]+)/subscriptions/[^/]+/resourceGroups/[^/]+"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/(?P<name>[^/]+)(?P<rest>/.*|$)",
    re.DOTALL | re.IGNORECASE,  # Azure's resource manager takes its words in any case
)
_SERVICES = (
    *("/arm/", "/artifact/", "/credential/", "/data/", "/dataset/", "/datastore/", "/environment/"),
    *("/execution/", "/genericasset/", "/history/", "/hyperdrive/", "/metric/", "/modelmanagement/"),
    *("/pipelines/", "/rp/"),
)
_PREVIEW = "/preview/mlflow/"
_MLFLOW_PAGES = "/mlflow"


class Address(NamedTuple):
    """Where a request was sent to.

    Args:
        workspace: The workspace.
        prefix: What comes before the path within it.
        path: The path within it.
        is_mlflow_page: Whether it is below ``/mlflow/``: a page of MLflow's own, or what one calls.
    """

    workspace: str
    prefix: str
    path: str
    is_mlflow_page: bool = False

    @property
    def is_mlflow_page_of_one(self) -> bool:
        """Whether it is such a page of the one workspace that the path names."""
        return self.is_mlflow_page and self.prefix != _MLFLOW_PAGES


def parse_address(path: str, workspace_header: str | None = None) -> Address:
    """Return which workspace a request's path and header name, and the path within it.

    Raises:
        InvalidParameter: Path and header name different workspaces.
    """
    if path.startswith("//"):  # what comes of an address that ends in a slash, with a path appended
        path = "/" + path.lstrip("/")
    match = _PREFIX.fullmatch(path) if path.startswith(("/workspaces/", "/mlflow/v")) else None
    if match is None and path.startswith(_SERVICES):
        asked = _SERVICE.fullmatch(path)
        if asked is not None:
            prefix = path[: asked.start("rest")]
            return Address(asked["name"], prefix, asked["service"].lower() + asked["rest"])
    if match is None:
        return _below("", path, workspace_header or DEFAULT_WORKSPACE)
    address = _below(path[: match.start("rest")], match["rest"], match["short"] or match["long"])
    if workspace_header not in (None, "", address.workspace) and not address.is_mlflow_page:
        raise InvalidParameter(
            f"The address names workspace '{address.workspace}', the header X-MLFLOW-WORKSPACE "
            f"'{workspace_header}'. Send one of them, or the same name in both."
        )
    return address


def base_url(call: Call, http: Request) -> str:
    """Return the address of the server, as the client wrote it; the wall has checked the host."""
    if call.settings.public_url:
        return call.settings.public_url.rstrip("/")
    return f"{http.url.scheme}://{http.headers['host']}{http.scope.get('root_path', '')}"


def _below(prefix: str, path: str, workspace: str) -> Address:
    """Return the address of a path below a workspace's.

    MLflow's pages send the workspace that was chosen last in this browser, at whichever address: the path
    counts there.
    """
    is_page = path == _MLFLOW_PAGES or path.startswith(_MLFLOW_PAGES + "/")
    if is_page:
        prefix, path = prefix + _MLFLOW_PAGES, path.removeprefix(_MLFLOW_PAGES)
    return Address(workspace, prefix, _within(path), is_page)


def _within(path: str) -> str:
    """R's client and some older ones say ``/preview/mlflow/`` where the others say ``/mlflow/``."""
    if _PREVIEW in path and path.startswith(("/api/2.0" + _PREVIEW, "/ajax-api/2.0" + _PREVIEW)):
        return path.replace(_PREVIEW, "/mlflow/", 1)
    return path
