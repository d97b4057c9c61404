"""What Microsoft's clients send and read otherwise than MLflow's: where credentials are, names of files."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, quote

from starlette.responses import Response
from starlette.types import Scope

from runyard.auth.permissions import Permission
from runyard.protocol.azure_uris import with_azure_uris
from runyard.protocol.messages.azure import NO_SECRET
from runyard.server.addresses import parse_address
from runyard.server.answers import Answer
from runyard.services.signed_addresses import authorization_in
from runyard.settings import Settings

MSI_PATHS: Final = ("/msi/token", "/msi/token/")
BLOBS: Final = "/blobs.blob.core.windows.net"
"""Where files are read and written by a signed address; by this name clients take it for Azure's storage."""

_MAX_FIELDS: Final = 100
_MLFLOW = "/mlflow/v"
_STORED = b"mlflow-artifacts:/"
_PLUGIN = re.compile(rb"azureml-mlflow/(\d+)\.(\d+)")
# Before it, the plugin's store of artifacts can't be made by newer MLflows; MLflow's own can.
_READS_AZUREML = (1, 61)


def authorization_elsewhere(scope: Scope, settings: Settings) -> str | None:
    """Return the credential that a request carries elsewhere, as if it were in ``Authorization``.

    Raises:
        Unauthenticated: It is a signed address that is not good for this.
    """
    path: str = scope["path"]
    if path in MSI_PATHS:
        secret = dict(scope["headers"]).get(b"secret", b"").decode("latin-1").strip()
        return None if secret in ("", NO_SECRET) else f"Bearer {secret}"
    if not path.startswith(BLOBS + "/"):
        return None
    try:
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), max_num_fields=_MAX_FIELDS))
    except ValueError:  # more than any signed address has
        return None
    if "sig" not in query:
        return None
    workspace, _, file = path.removeprefix(BLOBS + "/").partition("/")
    permits = Permission.READ if scope["method"] in ("GET", "HEAD") else Permission.CONTRIBUTE
    return authorization_in(settings, query["sig"], workspace, file, permits)


def as_azure_reads_it(response: Response, scope: Scope) -> Response:
    """Return an answer of MLflow's protocol as Microsoft's plugin can read it; any other as it is."""
    if (
        not scope["path"].startswith(_MLFLOW)
        or not isinstance(response, Answer)
        or _STORED not in response.body
    ):
        return response
    headers = dict(scope["headers"])
    plugin = _PLUGIN.search(headers.get(b"user-agent", b""))
    if plugin is None:
        return response
    body = with_azure_uris(
        bytes(response.body),
        host=headers.get(b"host", b"").decode("latin-1"),
        prefix=quote(scope.get("root_path", "") + parse_address(scope["path"]).prefix),
        scheme=scope["scheme"],
        as_web=(int(plugin[1]), int(plugin[2])) < _READS_AZUREML,
    )
    return Answer(body, response.status_code, dict(response.raw_headers)[b"content-type"])
