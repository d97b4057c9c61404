"""The API server: over TLS, for who has the token or a certificate, what a role lets them do."""

from __future__ import annotations

import json
import re
import ssl
import sys
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.kubernetes.objects import KINDS, Objects, Refused

NAMESPACE = "ml"
_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[a-z]+))/v1/namespaces/(?P<namespace>[^/]+)/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?"
)
_VERBS = {("GET", False): "list", ("GET", True): "get", ("POST", False): "create"}
_VERBS |= {("PATCH", True): "patch", ("DELETE", True): "delete"}
_QUERIES = {
    "list": {"labelSelector"},
    "create": {"dryRun", "fieldManager", "fieldValidation"},
    "patch": {"dryRun", "fieldManager", "fieldValidation"},
    "delete": {"propagationPolicy", "gracePeriodSeconds"},
}
MERGE = "application/merge-patch+json"


class ApiServer:
    """Answers on a loopback port.

    Args:
        objects: What it keeps.
        rules: What a caller may do, as the rules of a Role.
        token: Who bears it is let in.
        certificate: The file of its own certificate, and its key's.
        clients: The file of the authority whose certificates let somebody in.
    """

    def __init__(
        self,
        objects: Objects,
        rules: Sequence[Mapping[str, Any]],
        token: str,
        certificate: tuple[Path, Path],
        clients: Path,
    ) -> None:
        self.objects = objects
        self.rules = rules
        self.token = token
        self.asked: list[tuple[str, str, Mapping[str, Any]]] = []
        """The verb, the path and the query of each request."""
        self.redirects_to = ""
        self.headers: list[Mapping[str, str]] = []
        handler = type("Bound", (_Handler,), {"api": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_OPTIONAL
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, target: str, content_type: str, body: Any) -> Mapping[str, Any]:
        """Return what a request is answered with.

        Raises:
            Refused: It is refused.
        """
        url = urlsplit(target)
        found = _PATH.fullmatch(url.path)
        if found is None or found["plural"] not in KINDS or found["namespace"] != NAMESPACE:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        plural, name = found["plural"], found["name"] or ""
        if KINDS[plural].api_version != (f"{found['group']}/v1" if found["group"] else "v1"):
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        verb = _VERBS.get((method, bool(name)))
        if verb is None:
            raise Refused(405, "MethodNotAllowed", "the server does not allow this method on the resource")
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        self.asked.append((verb, plural, query))
        self._check_right(verb, plural, found["group"] or "")
        if unknown := query.keys() - _QUERIES.get(verb, set()):
            raise Refused(400, "BadRequest", f"unknown query parameters {sorted(unknown)}")
        return self._do(verb, plural, name, query, content_type, body)

    def _check_right(self, verb: str, plural: str, group: str) -> None:
        for rule in self.rules:
            if group in rule["apiGroups"] and plural in rule["resources"] and verb in rule["verbs"]:
                return
        raise Refused(403, "Forbidden", f'{plural} is forbidden: cannot {verb} resource "{plural}"')

    def _do(
        self, verb: str, plural: str, name: str, query: Mapping[str, str], content_type: str, body: Any
    ) -> Mapping[str, Any]:
        kind = KINDS[plural]
        if verb == "list":
            return {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": {}} | {
                "items": self.objects.list(plural, _labels(query.get("labelSelector", "")))
            }
        if verb == "create":
            return self.objects.create(plural, body, is_dry=query.get("dryRun") == "All")
        if verb == "patch":
            if content_type != MERGE:
                raise Refused(415, "UnsupportedMediaType", f"{content_type} is not known here")
            return self.objects.change(plural, name, lambda found: _merge(found, body))
        if verb == "delete":
            if query.get("propagationPolicy", "Background") != "Background":
                raise Refused(422, "Invalid", "only Background is known here")
            grace_s = query.get("gracePeriodSeconds")
            self.objects.delete(plural, name, None if grace_s is None else int(grace_s))
            return {"kind": "Status", "apiVersion": "v1", "status": "Success"}
        found = self.objects.find(plural, name)
        if found is None:
            raise Refused(404, "NotFound", f'{plural} "{name}" not found')
        return found


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle, as one does that does not trust this server, is no fault."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    api: ApiServer
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PATCH = do_DELETE = do_GET

    def log_message(self, *args: Any) -> None:
        """Nothing is said of requests."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(length)
        self.api.headers.append(dict(self.headers))
        if self.api.redirects_to:
            self.send_response(307)
            self.send_header("Location", self.api.redirects_to)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        try:
            self._check_caller()
            body = json.loads(sent) if sent else None
            content_type = self.headers.get("Content-Type", "")
            code, answer = 200, self.api.answer(self.command, self.path, content_type, body)
        except Refused as refused:
            code = refused.code
            answer = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
            answer |= {"reason": refused.reason, "message": str(refused)}
        content = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _check_caller(self) -> None:
        bears = self.headers.get("Authorization", "") == f"Bearer {self.api.token}"
        if not bears and not self.connection.getpeercert():
            raise Refused(401, "Unauthorized", "Unauthorized")


def _labels(selector: str) -> dict[str, str]:
    return dict(each.split("=", 1) for each in selector.split(",") if each)


def _merge(found: dict[str, Any], change: Mapping[str, Any]) -> None:
    for name, value in change.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(found.get(name), dict):
            _merge(found[name], value)
        else:
            found[name] = value
