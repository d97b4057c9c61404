"""Where the API server of a cluster is and what it is asked with, as a caller wrote it down.

A kubeconfig may name programs to run and files to read on the machine that uses it. Callers write theirs, so
only what it holds in itself is taken: addresses, certificates, keys and tokens.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runyard.compute.base import CredentialPart, Opening
from runyard.errors import Unavailable

CREDENTIAL = (
    CredentialPart(
        "kubeconfig",
        "The text of a kubeconfig that holds all that it needs, without files and programs.",
        True,
    ),
    CredentialPart("token", "A token of a service account, with the setting server, in place of that."),
    CredentialPart("ca", "Beside a token: whose certificates the cluster has, in PEM.", has_lines=True),
)

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_SERVER = re.compile(
    rf"https://(?P<host>{_NAME.pattern}|\[[0-9a-fA-F:.]{{2,45}}\])(:(?P<port>[0-9]{{1,5}}))?(?P<path>(/[\w.~-]+)*/?)",
    re.ASCII,
)
_TOKEN = re.compile(r"[!-~]*")
_LAST_PORT = 65_535
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
    found = _SERVER.fullmatch(server)
    if found is None or int(found["port"] or 443) > _LAST_PORT:
        raise Unavailable(f"The server of a cluster is written as 'https://HOST:PORT', not {server[:200]!r}.")
    if tls_name and _NAME.fullmatch(tls_name) is None:
        raise Unavailable(f"tls-server-name is the name of a host, not {tls_name[:200]!r}.")
    if not ca.isascii():
        raise Unavailable("The ca is no PEM.")
    if _TOKEN.fullmatch(token) is None:
        raise Unavailable("The token has blanks or line breaks in it.")
    host, port, path = found["host"].strip("[]"), int(found["port"] or 443), found["path"].rstrip("/")
    return Access(host, port, path, ca, tls_name or host, token, certificate, key)


def _of_kubeconfig(content: Mapping[str, Any]) -> Access:
    """Return what the current context of a kubeconfig says."""
    context = _named(content, "context", _text(content, "current-context"), _OF_A_CONTEXT)
    cluster = _named(content, "cluster", _text(context, "cluster"), _OF_A_CLUSTER)
    user = _named(content, "user", _text(context, "user"), _OF_A_USER)
    certificate, key = _pem(user, "client-certificate-data"), _pem(user, "client-key-data")
    token = _text(user, "token")
    if not token and not (certificate and key):
        raise Unavailable(f"The kubeconfig's user {context.get('user')!r} has no token and no certificate.")
    ca, tls_name = _pem(cluster, "certificate-authority-data"), _text(cluster, "tls-server-name")
    return _access(_text(cluster, "server"), ca, tls_name, token, certificate, key)


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
        # A mapping that merges others by aliases is written out while it is read, with all that is in them.
        if any(isinstance(each, yaml.AliasEvent) for each in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise Unavailable("The kubeconfig has aliases in it; write out what they stand for.")
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        # What the parser complains may have the key in it.
        raise Unavailable("The kubeconfig is no YAML.") from None
    if not isinstance(found, dict):
        raise Unavailable("The kubeconfig has no clusters, users and contexts in it.")
    return found


def _text(content: Mapping[str, Any], name: str) -> str:
    """Return a text; what is none is not made one."""
    found = content.get(name, "")
    if not isinstance(found, str):
        raise Unavailable(f"The kubeconfig's {name} is no text.")
    return found


def _pem(content: Mapping[str, Any], name: str) -> str:
    try:
        return base64.b64decode(_text(content, name), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise Unavailable(f"The kubeconfig's {name} is no PEM in Base64.") from None
