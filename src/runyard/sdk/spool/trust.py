"""Whose certificates count for what a spool sends: what MLflow's client would take, it takes."""

from __future__ import annotations

import os

from runyard.sdk.transport import Trust, usual_trust

_TRUE = ("true", "1")


def spool_trust() -> Trust:
    """Return what MLflow's variables say; what they leave open, ``RUNYARD_CA`` and its like say."""
    usual = usual_trust()
    authorities = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or usual.authorities
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in _TRUE:
        authorities = False
    return Trust(authorities, os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH") or None)
