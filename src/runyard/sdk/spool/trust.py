"""Whose certificates count for what a spool sends and for MLflow's client: both take the same."""

from __future__ import annotations

import os

from runyard.sdk.transport import Trust, usual_trust

_AUTHORITIES = "MLFLOW_TRACKING_SERVER_CERT_PATH"
_TRUE = ("true", "1")


def spool_trust() -> Trust:
    """Return what MLflow's variables say; what they leave open, ``RUNYARD_CA`` and its like say."""
    usual = usual_trust()
    authorities = os.environ.get(_AUTHORITIES) or usual.authorities
    if _is_blind():
        authorities = False
    return Trust(authorities, os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH") or None)


def lend_trust() -> None:
    """Let MLflow's client in this process take what ``RUNYARD_CA`` and its like say, if it was told nothing.

    It knows none of them but one, and tries a certificate that it can't take again for minutes: a training
    would stand still in the first call that does not go through the spool.
    """
    authorities = usual_trust().authorities
    # MLflow refuses to be told both.
    if isinstance(authorities, str) and not os.environ.get(_AUTHORITIES) and not _is_blind():
        os.environ[_AUTHORITIES] = authorities


def _is_blind() -> bool:
    return os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in _TRUE
