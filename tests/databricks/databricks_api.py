"""A Databricks workspace on loopback that keeps what it is told, and takes no call that was not published.

The published shapes are those of Databricks' own client, which is made from its OpenAPI: a call's fields and
their types are those of the client's method, and its objects those of the client's classes. What has a field
that they do not know, or lacks one that they want, is answered by 400 and remembered.
"""

from __future__ import annotations

import base64
import dataclasses
import email.parser
import email.policy
import enum
import inspect
import json
import re
import threading
import types
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from databricks.sdk.service import compute, iam, workspace

TOKEN = "dapi-of-bea"
USER = "bea@lab.example"
Fields = dict[str, Any]


class Refused(Exception):
    """A call that Databricks would refuse."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass
class Cluster:
    """A cluster, and how often it was started again."""

    variables: dict[str, str] = field(default_factory=dict)
    state: str = "RUNNING"
    libraries: list[Fields] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    restarts: int = 0


@dataclass
class Databricks:
    """What the workspace holds, and what was asked of it."""

    url: str = ""
    scopes: dict[str, dict[str, str]] = field(default_factory=dict)
    readers: dict[str, dict[str, str]] = field(default_factory=dict)
    clusters: dict[str, Cluster] = field(default_factory=dict)
    scripts: dict[str, Fields] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    calls: list[tuple[str, str]] = field(default_factory=list)
    unpublished: list[str] = field(default_factory=list)
    faults: dict[str, Refused] = field(default_factory=dict)
    """Paths, and what each is answered in place of what it would be."""

    def script(self, script_id: str) -> Fields:
        if script_id not in self.scripts:
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", f"Script {script_id} does not exist.")
        return self.scripts[script_id]

    def cluster(self, cluster_id: str) -> Cluster:
        if cluster_id not in self.clusters:
            raise Refused(400, "INVALID_PARAMETER_VALUE", f"Cluster {cluster_id} does not exist")
        return self.clusters[cluster_id]

    def scope(self, scope: str) -> dict[str, str]:
        if scope not in self.scopes:
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", f"Scope {scope} does not exist!")
        return self.scopes[scope]

    def restart(self, cluster_id: str) -> None:
        """Start a cluster again: what was to go is gone."""
        cluster = self.cluster(cluster_id)
        cluster.restarts += 1
        going = {name for name, status in cluster.statuses.items() if status == "UNINSTALL_ON_RESTART"}
        cluster.libraries = [each for each in cluster.libraries if _name(each) not in going]
        cluster.statuses = {_name(each): "INSTALLED" for each in cluster.libraries}


def _name(library: Fields) -> str:
    return json.dumps(library, sort_keys=True)


def me(_: Databricks, asked: Fields) -> Fields:
    return {"userName": USER, "id": "17"}


def list_scopes(at: Databricks, asked: Fields) -> Fields:
    return {"scopes": [{"name": name, "backend_type": "DATABRICKS"} for name in at.scopes]}


def create_scope(at: Databricks, asked: Fields) -> Fields:
    if asked["scope"] in at.scopes:
        raise Refused(400, "RESOURCE_ALREADY_EXISTS", f"Scope {asked['scope']} already exists!")
    at.scopes[asked["scope"]] = {}
    return {}


def put_secret(at: Databricks, asked: Fields) -> Fields:
    at.scope(asked["scope"])[asked["key"]] = asked["string_value"]
    return {}


def list_secrets(at: Databricks, asked: Fields) -> Fields:
    return {"secrets": [{"key": key, "last_updated_timestamp": 1} for key in at.scope(asked["scope"])]}


def get_secret(at: Databricks, asked: Fields) -> Fields:
    held = at.scope(asked["scope"])
    if asked["key"] not in held:
        raise Refused(404, "RESOURCE_DOES_NOT_EXIST", f"Secret {asked['key']} does not exist!")
    return {"key": asked["key"], "value": base64.b64encode(held[asked["key"]].encode()).decode()}


def put_acl(at: Databricks, asked: Fields) -> Fields:
    at.scope(asked["scope"])
    at.readers.setdefault(asked["scope"], {})[asked["principal"]] = asked["permission"]
    return {}


def delete_scope(at: Databricks, asked: Fields) -> Fields:
    at.scope(asked["scope"])
    del at.scopes[asked["scope"]]
    return {}


def get_cluster(at: Databricks, asked: Fields) -> Fields:
    cluster = at.cluster(asked["cluster_id"])
    found: Fields = {"cluster_id": asked["cluster_id"], "state": cluster.state}
    return {**found, "spark_env_vars": cluster.variables} if cluster.variables else found


def update_cluster(at: Databricks, asked: Fields) -> Fields:
    cluster = at.cluster(asked["cluster_id"])
    assert asked["update_mask"] == "spark_env_vars"
    if cluster.state not in {"RUNNING", "TERMINATED"}:
        raise Refused(400, "INVALID_STATE", f"Cluster {asked['cluster_id']} is in unexpected state.")
    cluster.variables = asked.get("cluster", {}).get("spark_env_vars", {})
    if cluster.state == "RUNNING":
        at.restart(asked["cluster_id"])
    return {}


def install(at: Databricks, asked: Fields) -> Fields:
    cluster = at.cluster(asked["cluster_id"])
    for each in asked["libraries"]:
        if each not in cluster.libraries:
            cluster.libraries.append(each)
            cluster.statuses[_name(each)] = "PENDING"
    return {}


def uninstall(at: Databricks, asked: Fields) -> Fields:
    cluster = at.cluster(asked["cluster_id"])
    for each in asked["libraries"]:
        if each in cluster.libraries:
            cluster.statuses[_name(each)] = "UNINSTALL_ON_RESTART"
    return {}


def cluster_status(at: Databricks, asked: Fields) -> Fields:
    cluster = at.cluster(asked["cluster_id"])
    shown = [{"library": each, "status": cluster.statuses[_name(each)]} for each in cluster.libraries]
    return {"cluster_id": asked["cluster_id"], "library_statuses": shown}


def list_scripts(at: Databricks, asked: Fields) -> Fields:
    shown = ("script_id", "name", "enabled", "position")
    return {"scripts": [{key: each[key] for key in shown} for each in at.scripts.values()]}


def get_script(at: Databricks, asked: Fields) -> Fields:
    return at.script(asked["script_id"])


def create_script(at: Databricks, asked: Fields) -> Fields:
    script_id = f"script-{len(at.scripts)}"
    at.scripts[script_id] = {"enabled": False, "position": len(at.scripts), **asked, "script_id": script_id}
    return {"script_id": script_id}


def update_script(at: Databricks, asked: Fields) -> Fields:
    at.script(asked["script_id"]).update(asked)
    return {}


def delete_script(at: Databricks, asked: Fields) -> Fields:
    del at.scripts[at.script(asked["script_id"])["script_id"]]
    return {}


def mkdirs(at: Databricks, asked: Fields) -> Fields:
    at.folders.add(asked["path"])
    return {}


def upload(at: Databricks, asked: Fields) -> Fields:
    if asked["path"].rpartition("/")[0] not in at.folders:
        raise Refused(404, "RESOURCE_DOES_NOT_EXIST", f"The parent folder of {asked['path']} does not exist.")
    if asked["path"] in at.files and not asked.get("overwrite"):
        raise Refused(400, "RESOURCE_ALREADY_EXISTS", f"Path {asked['path']} already exists.")
    at.files[asked["path"]] = asked["content"]
    return {}


def delete_file(at: Databricks, asked: Fields) -> Fields:
    if asked["path"] not in at.files:
        raise Refused(404, "RESOURCE_DOES_NOT_EXIST", f"Path {asked['path']} doesn't exist.")
    del at.files[asked["path"]]
    return {}


@dataclass(frozen=True)
class Published:
    """A call as it was published: the client's method that makes it, and what it is answered with."""

    method: str
    path: str
    made_by: Callable[..., Any]
    answer: Any
    does: Callable[[Databricks, Fields], Fields]


_SECRETS, _SCRIPTS = workspace.SecretsAPI, compute.GlobalInitScriptsAPI
PUBLISHED = (
    Published("GET", "/api/2.0/preview/scim/v2/Me", iam.CurrentUserAPI.me, iam.User, me),
    Published(
        "GET", "/api/2.0/secrets/scopes/list", _SECRETS.list_scopes, workspace.ListScopesResponse, list_scopes
    ),
    Published("POST", "/api/2.0/secrets/scopes/create", _SECRETS.create_scope, None, create_scope),
    Published("POST", "/api/2.0/secrets/scopes/delete", _SECRETS.delete_scope, None, delete_scope),
    Published("POST", "/api/2.0/secrets/put", _SECRETS.put_secret, None, put_secret),
    Published("POST", "/api/2.0/secrets/acls/put", _SECRETS.put_acl, None, put_acl),
    Published(
        "GET", "/api/2.0/secrets/list", _SECRETS.list_secrets, workspace.ListSecretsResponse, list_secrets
    ),
    Published("GET", "/api/2.0/secrets/get", _SECRETS.get_secret, workspace.GetSecretResponse, get_secret),
    Published("GET", "/api/2.1/clusters/get", compute.ClustersAPI.get, compute.ClusterDetails, get_cluster),
    Published("POST", "/api/2.1/clusters/update", compute.ClustersAPI.update, None, update_cluster),
    Published("POST", "/api/2.0/libraries/install", compute.LibrariesAPI.install, None, install),
    Published("POST", "/api/2.0/libraries/uninstall", compute.LibrariesAPI.uninstall, None, uninstall),
    Published(
        "GET",
        "/api/2.0/libraries/cluster-status",
        compute.LibrariesAPI.cluster_status,
        compute.ClusterLibraryStatuses,
        cluster_status,
    ),
    Published(
        "GET",
        "/api/2.0/global-init-scripts",
        _SCRIPTS.list,
        compute.ListGlobalInitScriptsResponse,
        list_scripts,
    ),
    Published("POST", "/api/2.0/global-init-scripts", _SCRIPTS.create, compute.CreateResponse, create_script),
    Published(
        "GET",
        "/api/2.0/global-init-scripts/{script_id}",
        _SCRIPTS.get,
        compute.GlobalInitScriptDetailsWithContent,
        get_script,
    ),
    Published("PATCH", "/api/2.0/global-init-scripts/{script_id}", _SCRIPTS.update, None, update_script),
    Published("DELETE", "/api/2.0/global-init-scripts/{script_id}", _SCRIPTS.delete, None, delete_script),
    Published("POST", "/api/2.0/workspace/mkdirs", workspace.WorkspaceAPI.mkdirs, None, mkdirs),
    Published("POST", "/api/2.0/workspace/import", workspace.WorkspaceAPI.import_, None, upload),
    Published("POST", "/api/2.0/workspace/delete", workspace.WorkspaceAPI.delete, None, delete_file),
)


def faults_of(value: Any, wanted: Any) -> Iterator[str]:
    """Yield what is wrong with a value that was to be of a type of the client's."""
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in {typing.Union, types.UnionType}:
        yield from faults_of(value, next(each for each in inner if each is not type(None)))
    elif origin is list:
        if not isinstance(value, list):
            yield f"{value!r} is no list"
        else:
            for each in value:
                yield from faults_of(each, inner[0])
    elif inspect.isclass(wanted) and issubclass(wanted, enum.Enum):
        if value not in {each.value for each in wanted}:
            yield f"{value!r} is no {wanted.__name__}"
    elif dataclasses.is_dataclass(wanted):
        kept = wanted.from_dict(value).as_dict()  # type: ignore[union-attr]  # each class of the client's has it
        if kept != value:
            yield f"{value!r} is no {wanted}: of it stays {kept!r}"
    elif not isinstance(value, wanted):
        yield f"{value!r} is no {wanted.__name__}"


def faults_of_call(published: Published, asked: Fields) -> Iterator[str]:
    """Yield what is wrong with the fields of a call."""
    known = dict(inspect.signature(published.made_by).parameters)
    known.pop("self")
    types_of = typing.get_type_hints(published.made_by)
    for name in asked.keys() - known.keys():
        yield f"there is no field {name!r}"
    for name, parameter in known.items():
        if name in asked:
            yield from faults_of(asked[name], types_of[name])
        elif parameter.default is inspect.Parameter.empty:
            yield f"the field {name!r} is missing"


def matching(method: str, path: str) -> tuple[Published, Fields] | None:
    for each in PUBLISHED:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(each.path))
        found = re.fullmatch(pattern, path)
        if each.method == method and found:
            return each, found.groupdict()
    return None


def form_of(content_type: str, body: bytes) -> Fields:
    """Return the fields of a form with files in it."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    parsed = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    found: Fields = {}
    for part in parsed.iter_parts():
        content: Any = part.get_payload(decode=True)
        found[str(part["content-disposition"].params["name"])] = (
            content if part.get_filename() else content.decode()
        )
    return found


def answer_of(at: Databricks, method: str, target: str, headers: Any, body: bytes) -> Fields:
    """Return what Databricks says to a request."""
    path = urlsplit(target).path
    at.calls.append((method, path))
    if headers.get("Authorization") != f"Bearer {TOKEN}":
        raise Refused(401, "UNAUTHENTICATED", "Request does not have valid authentication credentials.")
    found = matching(method, path)
    if found is None:
        at.unpublished.append(f"{method} {path}")
        raise Refused(404, "ENDPOINT_NOT_FOUND", f"No API found for '{method} {path}'")
    published, asked = found
    asked.update(parse_qsl(urlsplit(target).query))
    as_form = headers.get("Content-Type", "").startswith("multipart/form-data")
    if as_form:
        asked.update(form_of(headers["Content-Type"], body))
    elif body:
        asked.update(json.loads(body))
    # In a form all is text, and a file is bytes, which JSON would have in Base64.
    shown = {**asked, "content": "", "overwrite": asked.get("overwrite") == "true"} if as_form else asked
    wrong = list(faults_of_call(published, shown))
    if wrong:
        at.unpublished += [f"{method} {path}: {each}" for each in wrong]
        raise Refused(400, "MALFORMED_REQUEST", "; ".join(wrong))
    if path in at.faults:
        raise at.faults[path]
    # What is empty is left out, as the client's classes leave it out.
    answer = {name: value for name, value in published.does(at, asked).items() if value not in ([], {})}
    if published.answer is not None:
        at.unpublished += list(faults_of(answer, published.answer))
    return answer


@contextmanager
def databricks_workspace() -> Iterator[Databricks]:
    """A Databricks workspace, for as long as the block runs."""
    at = Databricks()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == "/.well-known/databricks-config":
                return self._send(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": "no such page"})
            try:
                return self._send(200, answer_of(at, self.command, self.path, self.headers, body))
            except Refused as error:
                return self._send(error.status, {"error_code": error.code, "message": str(error)})

        do_POST = do_PATCH = do_DELETE = do_GET

        def _send(self, status: int, answer: Fields) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    at.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield at
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
