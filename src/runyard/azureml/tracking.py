"""What ``azureml.mlflow`` offers: ways between MLflow's runs and the workspace."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from runyard.errors import InvalidParameter
from runyard.sdk.addresses import without_workspace
from runyard.sdk.connection import connection_of
from runyard.sdk.model import Model
from runyard.sdk.run import Run
from runyard.sdk.workspace import Workspace

_DEFAULT = "default"


def get_portal_url(run: Any) -> str:
    """Return the address of a run's page in the Studio; no server is asked.

    Args:
        run: A run of MLflow's, as ``mlflow.start_run`` gives it, or of Runyard's.

    Raises:
        InvalidParameter: It is no run, or MLflow logs to no server.

    Example:
        >>> get_portal_url(run).endswith(f"/#/experiments/{run.experiment.id}/runs/{run.id}")
        True
    """
    if isinstance(run, Run):
        return run.get_portal_url()
    run_id = _id_of(run)
    return f"{_tracked()}/#/experiments/{run.info.experiment_id}/runs/{run_id}"


def get_mlflow_tracking_uri(workspace: Workspace) -> str:
    """Return the address of a workspace for ``mlflow.set_tracking_uri``.

    Raises:
        InvalidParameter: It is no workspace, as its name is none.

    Example:
        >>> get_mlflow_tracking_uri(ws).startswith("http://127.0.0.1:")
        True
    """
    connection_of(workspace)
    return workspace.get_mlflow_tracking_uri()


def register_model(
    run: Any, name: str, path: str, tags: Mapping[str, str] | None = None, **options: Any
) -> Model:
    """Register files of a run as the next version of a model, and return it.

    Args:
        run: As in :func:`get_portal_url`.
        name: The model's name.
        path: A file or a folder of the run.
        tags: What may change.
        **options: Further arguments of :meth:`runyard.Run.register_model`.

    Raises:
        InvalidParameter: As :func:`get_portal_url`.
        NotFound: The workspace that MLflow logs to has no such run, or the run no such file.

    Example:
        >>> _ = run.upload_file("model/weights.txt", "code/train.py")
        >>> register_model(run, "ridge", "model", tags={"stage": "tried"}).tags
        {'stage': 'tried'}
    """
    return _run_of(run).register_model(name, path, tags=tags, **options)


def _run_of(run: Any) -> Run:
    if isinstance(run, Run):
        return run
    run_id, address = _id_of(run), _tracked()
    url = without_workspace(address)
    name = unquote(address[len(url) :].rpartition("/")[2]) or _DEFAULT
    return Workspace.get(name, url=url).get_run(run_id)


def _id_of(run: Any) -> str:
    run_id = getattr(getattr(run, "info", None), "run_id", None)
    if not isinstance(run_id, str):
        raise InvalidParameter(f"'run' must be a run of MLflow's or of Runyard's, not {type(run).__name__}.")
    return run_id


def _tracked() -> str:
    """Return the address that MLflow logs to."""
    address = str(importlib.import_module("mlflow").get_tracking_uri())
    if not address.startswith(("http://", "https://")):
        raise InvalidParameter(
            f"MLflow logs to {address!r}, which is no server. "
            "Call mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri()) before the run begins."
        )
    return address.rstrip("/")
