"""How the files of runs and models are named to Microsoft's clients, and back.

They are kept under one name, ``mlflow-artifacts:/…``, which those clients refuse. They are told of
``azureml://HOST/mlflow/v2.0/SCOPE/experiments/E/runs/R/artifacts``, for a logged model with its id in the
place of the run's. Where a file belongs to neither, or the client can't read that form, it is the address
below which MLflow's own client finds it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

SCOPE_FORM = (
    "/subscriptions/{subscription}/resourceGroups/{group}"
    "/providers/Microsoft.MachineLearningServices/workspaces/{workspace}"
)
PROXIED_PATH = "/api/2.0/mlflow-artifacts/artifacts/"

_SCOPE = (
    r"/mlflow/v[12]\.0/subscriptions/[^/]+/resourceGroups/[^/]+"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/(?P<workspace>[^/]+)"
)
_OWNED = re.compile(
    rf"azureml://[^/]+(?:/[^?#]*?)?{_SCOPE}/experiments/[^/]+"
    r"/runs/(?P<owner>[^/]+)/artifacts(?P<below>/[^?#]*)?"
)
_PROXIED = re.compile(rf"https?://[^/]+(?:/[^?#]*?)?{_SCOPE}{re.escape(PROXIED_PATH)}(?P<path>[^?#]+)")

_LOCAL_UPLOAD = re.compile(r"azureml://artifacts/LocalUpload/(?P<owner>[^/?#]+)(?P<below>/[^?#]*)?")
_JOB_FILES = re.compile(r"azureml://jobs/(?P<owner>[^/?#]+)/outputs/artifacts(?:/paths)?(?P<below>/[^?#]*)?")

# In the JSON of an answer: a quote in a text is written with a backslash, so these are fields and no texts.
_FIELD = re.compile(
    rb'"(?P<field>artifact_uri|artifact_location|root_uri|source|storage_location)":"mlflow-artifacts:/'
    rb'(?P<path>(?:[^"\\]|\\.)*)"'
)
_OWNED_PATH = re.compile(
    rb"(?:[^\\]*?/)??(?P<experiment>[^/\\]+)/(?:models/)?(?P<owner>[0-9a-f]{32}|m-[0-9a-f]{32})/artifacts"
    rb"(?P<below>(?:/.*)?)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class AzureArtifact:
    """What a client wrote as the place of files.

    Args:
        workspace: The workspace that it names.
        owner: The run or logged model that they are of; empty if it names a path of the workspace.
        path: The path below the owner's artifacts, or below the workspace.
    """

    workspace: str
    owner: str
    path: str


def parse_azure_artifact(uri: str) -> AzureArtifact | None:
    """Return what an address in one of the two forms names; ``None`` for any other.

    Example:
        >>> scope = SCOPE_FORM.format(subscription="s", group="g", workspace="w")
        >>> parse_azure_artifact(f"azureml://h:1/mlflow/v2.0{scope}/experiments/1/runs/r/artifacts/model")
        AzureArtifact(workspace='w', owner='r', path='model')
    """
    owned = _OWNED.fullmatch(uri)
    if owned is not None:
        return AzureArtifact(owned["workspace"], owned["owner"], (owned["below"] or "").strip("/"))
    proxied = _PROXIED.fullmatch(uri)
    if proxied is not None:
        return AzureArtifact(proxied["workspace"], "", unquote(proxied["path"]).strip("/"))
    return None


def parse_local_upload(uri: str) -> tuple[str, str] | None:
    """Return the container of a folder that a client uploaded to register it, and the path in it.

    Example:
        >>> parse_local_upload("azureml://artifacts/LocalUpload/261127T141744-1a2b3c4d/model")
        ('261127T141744-1a2b3c4d', 'model')
    """
    return _owner_and_path(_LOCAL_UPLOAD, uri)


def parse_job_files(uri: str) -> tuple[str, str] | None:
    """Return the run whose files Azure's documents name so, and the path below its artifacts.

    Example:
        >>> parse_job_files("azureml://jobs/0a1b/outputs/artifacts/paths/model/")
        ('0a1b', 'model')
    """
    return _owner_and_path(_JOB_FILES, uri)


def _owner_and_path(form: re.Pattern[str], uri: str) -> tuple[str, str] | None:
    found = form.fullmatch(uri)
    return None if found is None else (found["owner"], (found["below"] or "").strip("/"))


def with_azure_uris(body: bytes, host: str, prefix: str, *, scheme: str, as_web: bool) -> bytes:
    """Return an answer of MLflow's protocol with all places of files in the form for Microsoft's clients.

    Args:
        body: The JSON.
        host: What the client called this server, with the port.
        prefix: What it put before the path within the workspace, down to the workspace's name.
        scheme: ``http`` or ``https``.
        as_web: Whether to write web addresses alone.
    """
    web = f"{scheme}://{host}{prefix}{PROXIED_PATH}".encode()
    owned_by = f"azureml://{host}{prefix}/experiments/".encode()

    def told(field: re.Match[bytes]) -> bytes:
        path = field["path"]
        owned = None if as_web else _OWNED_PATH.fullmatch(path)
        if owned is None:
            return b'"%s":"%s%s"' % (field["field"], web, path)
        place = (owned_by, owned["experiment"], owned["owner"], owned["below"])
        return b'"%s":"%s%s/runs/%s/artifacts%s"' % (field["field"], *place)

    return _FIELD.sub(told, body)
