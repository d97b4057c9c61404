"""Where the API server of a cluster is and what it is asked with, as a caller wrote it down.

A kubeconfig may name programs to run and files to read on the machine that uses it. Callers write theirs, so
only what it holds in itself is taken: addresses, certificates, keys and tokens.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from runyard.compute.base import Opening
from runyard.errors import Unavailable

CREDENTIAL = frozenset({"kubeconfig", "token", "ca"})

_OF_A_CLUSTER = {"server", "certificate-authority-data", "tls-server-name", "extensions"}
_OF_A_USER = {"token", "client-certificate-data", "client-key-data", "extensions"}
_OF_A_CONTEXT = {"cluster", "user", "namespace", "extensions"}
_WHY_NOT = {
    "exec": "it runs a program on the server's machine",
    "auth-provider": "it runs a program on the server's machine",
    "certificate-authority": "it is a path; write certificate-authority-data",
    "client-certificate": "it is a path; write client-certificate-data",
    "client-key": "it is a path; write client-key-data",
    "tokenFile": "it is a path; write token",
    "insecure-skip-tls-verify": "anybody could answer in place of the cluster",
    "proxy-url": "the server asks the cluster itself",
    "as": "the user of a target is the one who asks",
    "username": "Kubernetes takes no passwords any more",
    "password": "Kubernetes takes no passwords any more",
}


@dataclass(frozen=True, slots=True)
class Access:
    """Where a cluster's API server is, and what it is asked with.

    Args:
        host: Its name or address.
        port: Its port.
        path: What stands before the API's own paths.
        ca: Whose certificates count, in PEM; empty for those that the server's machine trusts.
        tls_name: What its certificate must be for.
        token: A bearer token; empty for none.
        certificate: A client certificate in PEM; empty for none.
        key: Its key in PEM.
    """

    host: str
    port: int
    path: str
    ca: str
    tls_name: str
    token: str = field(default="", repr=False)
    certificate: str = ""
    key: str = field(default="", repr=False)


def access_of(opening: Opening) -> Access:
    """Return how a target's cluster is reached.

    Raises:
        Unavailable: What was written down can't be used, and why.
    """
    credential = opening.credential
    if credential.get("kubeconfig"):
        if credential.get("token") or credential.get("ca") or opening.settings.server:
            raise Unavailable(
                "A kubeconfig holds the server, the ca and the token; give no others beside it."
            )
        return _of_kubeconfig(_read(credential["kubeconfig"]))
    if not opening.settings.server or not credential.get("token"):
        raise Unavailable("Give a kubeconfig as credential, or a token and the setting 'server'.")
    return _access(opening.settings.server, credential.get("ca", ""), "", credential["token"])


def _access(server: str, ca: str, tls_name: str, token: str, certificate: str = "", key: str = "") -> Access:
    try:
        found = urlsplit(server)
        host, port = found.hostname or "", found.port or 443
    except ValueError:
        host, port = "", 0
    if not host or found.scheme != "https" or found.query or found.fragment or "@" in found.netloc:
        raise Unavailable(f"The server of a cluster is written as 'https://HOST:PORT', not {server[:200]!r}.")
    if any(not 32 < ord(letter) < 127 for letter in token):
        raise Unavailable("The token has blanks or line breaks in it.")
    return Access(host, port, found.path.rstrip("/"), ca, tls_name or host, token, certificate, key)


def _of_kubeconfig(content: Mapping[str, Any]) -> Access:
    """Return what the current context of a kubeconfig says."""
    context = _named(content, "context", str(content.get("current-context", "")), _OF_A_CONTEXT)
    cluster = _named(content, "cluster", str(context.get("cluster", "")), _OF_A_CLUSTER)
    user = _named(content, "user", str(context.get("user", "")), _OF_A_USER)
    certificate, key = _pem(user, "client-certificate-data"), _pem(user, "client-key-data")
    token = str(user.get("token", ""))
    if not token and not (certificate and key):
        raise Unavailable(f"The kubeconfig's user {context.get('user')!r} has no token and no certificate.")
    ca, tls_name = _pem(cluster, "certificate-authority-data"), str(cluster.get("tls-server-name", ""))
    return _access(str(cluster.get("server", "")), ca, tls_name, token, certificate, key)


def _named(content: Mapping[str, Any], kind: str, name: str, allowed: set[str]) -> Mapping[str, Any]:
    """Return the context, cluster or user of a name, if there is nothing in it that is not allowed."""
    listed = content.get(f"{kind}s")
    entries = listed if isinstance(listed, list) else []
    found = next((each for each in entries if isinstance(each, dict) and each.get("name") == name), None)
    inner = found.get(kind) if found else None
    if not isinstance(inner, dict):
        raise Unavailable(f"The kubeconfig has no {kind} {name[:100]!r}.")
    for key in inner:
        if key not in allowed:
            why = _WHY_NOT.get(str(key), "this server does not know what it does")
            raise Unavailable(f"The kubeconfig's {kind} {name[:100]!r} has {str(key)[:100]!r}: {why}.")
    return inner


def _read(text: str) -> Mapping[str, Any]:
    import yaml  # noqa: PLC0415 - it comes with the client of Kubernetes

    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        # What the parser complains may have the key in it.
        raise Unavailable("The kubeconfig is no YAML.") from None
    if not isinstance(found, dict):
        raise Unavailable("The kubeconfig has no clusters, users and contexts in it.")
    return found


def _pem(content: Mapping[str, Any], name: str) -> str:
    try:
        return base64.b64decode(str(content.get(name, "")), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise Unavailable(f"The kubeconfig's {name} is no PEM in Base64.") from None
