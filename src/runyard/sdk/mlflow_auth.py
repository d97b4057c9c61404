"""The plugin that gives MLflow's client a token for Runyard's addresses, and for no others."""

from __future__ import annotations

import os
import threading

import requests
from requests.auth import AuthBase

from runyard.sdk.addresses import origin
from runyard.sdk.credentials import find_credential
from runyard.sdk.transport import Credential

PROVIDER_NAME = "runyard"

_AUTH_VARIABLE = "MLFLOW_TRACKING_AUTH"
_OTHER_CREDENTIALS = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_AWS_SIGV4")

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
        return prepared


def announce(url: str, credential: Credential | None) -> None:
    """Let MLflow's client in this process use ``credential`` for the host of ``url``.

    It sets ``MLFLOW_TRACKING_AUTH`` unless that, or another credential of MLflow's, is set already.

    Args:
        url: Any address of the host.
        credential: Where the token comes from; None changes nothing.
    """
    if credential is None:
        return
    with _lock:
        _announced[origin(url)] = credential
    if not any(os.environ.get(name) for name in _OTHER_CREDENTIALS):
        os.environ.setdefault(_AUTH_VARIABLE, PROVIDER_NAME)


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
