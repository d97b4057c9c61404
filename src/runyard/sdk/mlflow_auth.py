"""The plugin that gives MLflow's client a token for Runyard's addresses, and for no others."""

from __future__ import annotations

import io
import logging
import os
import threading
from typing import Any

import requests
from requests.auth import AuthBase

from runyard.errors import RunyardError
from runyard.sdk.addresses import origin
from runyard.sdk.credentials import find_credential
from runyard.sdk.spool.trust import lend_trust
from runyard.sdk.transport import Credential

PROVIDER_NAME = "runyard"

_AUTH_VARIABLE = "MLFLOW_TRACKING_AUTH"
_OTHER_CREDENTIALS = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_AWS_SIGV4")

_log = logging.getLogger("runyard.mlflow")
_lock = threading.Lock()
_announced: dict[str, Credential] = {}


class RunyardAuthProvider:
    """What MLflow's plugin group ``mlflow.request_auth_provider`` knows as ``runyard``.

    With ``MLFLOW_TRACKING_AUTH=runyard`` MLflow asks it before each request. It is no subclass of
    MLflow's own ``RequestAuthProvider``: MLflow calls these two methods and asks for no more, and so this
    module needs no MLflow to be imported.
    """

    def get_name(self) -> str:
        """Return the name that ``MLFLOW_TRACKING_AUTH`` gives."""
        return PROVIDER_NAME

    def get_auth(self) -> AuthBase:
        """Return what sets the token, by the address of each request."""
        return HostBoundAuth()


class HostBoundAuth(AuthBase):
    """Adds a token that is valid now to requests to the host that it is for; others pass untouched.

    The host is scheme, name and port together. It is that of a workspace whose tracking URI this
    process has asked for, or of ``MLFLOW_TRACKING_URI``, for processes that inherited their environment.
    A header that MLflow was told to send (``MLFLOW_TRACKING_TOKEN``) stays.
    """

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the header on a request that is ready to go, if it goes to the right host."""
        credential = credential_for(prepared.url or "")
        if credential is not None and "Authorization" not in prepared.headers:
            token = credential.token()
            if token:
                prepared.headers["Authorization"] = f"Bearer {token}"
                prepared.hooks["response"].append(_Renewing(credential, token, prepared))
        return prepared


class _Renewing:
    """Sends a request once more with another token if the server refuses the first.

    The server may have ended a token before its time, as when another key signs them in a hurry.
    """

    def __init__(self, credential: Credential, token: str, prepared: requests.PreparedRequest) -> None:
        self._credential = credential
        self._token = token
        self._origin = origin(prepared.url or "")
        self._begins_at = _position(prepared.body)

    def __call__(self, response: requests.Response, **how: Any) -> requests.Response:
        sent = response.request
        # Where a redirect led elsewhere, requests has taken the header off, and it must stay off.
        is_ours = origin(sent.url or "") == self._origin and sent.headers.get("Authorization") == (
            f"Bearer {self._token}"
        )
        if response.status_code != requests.codes.unauthorized or not is_ours or self._begins_at is None:
            return response
        another = self._another()
        if another is None:
            return response
        again = sent.copy()
        body: Any = again.body
        if isinstance(body, io.IOBase):
            body.seek(self._begins_at)
        again.headers["Authorization"] = f"Bearer {another}"
        response.content  # noqa: B018 - reads it to the end, so that its connection can be used again
        response.close()
        answer: requests.Response = response.connection.send(again, **how)
        answer.history.append(response)
        answer.request = again
        return answer

    def _another(self) -> str | None:
        try:
            return self._credential.renewed(self._token)
        except RunyardError:  # the server's refusal says more than why there is no other token
            return None


def _position(body: object) -> int | None:
    """Return where a body begins in its file; ``None`` for one that can't be sent a second time."""
    if isinstance(body, io.IOBase):
        return body.tell() if body.seekable() else None
    return 0 if body is None or isinstance(body, str | bytes) else None


def announce(url: str, credential: Credential | None) -> None:
    """Let MLflow's client in this process use ``credential`` for the host of ``url``.

    It sets ``MLFLOW_TRACKING_AUTH`` unless that, or another credential of MLflow's, is set already, and
    names to MLflow the authority that ``RUNYARD_CA`` names.

    Args:
        url: Any address of the host.
        credential: Where the token comes from; None changes nothing.
    """
    if credential is None:
        return
    with _lock:
        _announced[origin(url)] = credential
    lend_trust()
    if not any(os.environ.get(name) for name in _OTHER_CREDENTIALS):
        os.environ.setdefault(_AUTH_VARIABLE, PROVIDER_NAME)


def announce_known(url: str) -> None:
    """Let MLflow's client use what this person has for the host of ``url``, as from ``runyard login``.

    What is for no host in particular, which is ``RUNYARD_TOKEN`` without ``RUNYARD_URL``, goes only to the
    host of ``MLFLOW_TRACKING_URI``. A credential that can't be read is said and not raised: the address
    may be one that needs none.

    Args:
        url: An address that MLflow's client is about to talk to.
    """
    is_bound = bool(os.environ.get("RUNYARD_URL")) or not os.environ.get("RUNYARD_TOKEN")
    try:
        announce(url, credential_for(url) or (find_credential(url) if is_bound else None))
    except RunyardError as error:
        _log.warning("MLflow's client gets no credential of Runyard's for %s: %s", url, error)


def credential_for(url: str) -> Credential | None:
    """Return the credential that this process has for the host of ``url``; None if it has none.

    Args:
        url: Any address of the host.
    """
    with _lock:
        announced = _announced.get(origin(url))
    if announced is not None:
        return announced
    tracking_uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    return find_credential(tracking_uri) if origin(tracking_uri) == origin(url) else None
