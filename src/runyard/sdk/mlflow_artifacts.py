"""MLflow's artifacts behind a server, but that what is logged lies in the spool until it is uploaded."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import verify_artifact_path
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
from mlflow.tracking._tracking_service import utils as tracking

from runyard.sdk.mlflow_store import SpoolingStore
from runyard.sdk.spool.outbox import Outbox
from runyard.sdk.spool.records import FileLogged

_OF_A_RUN_OR_MODEL = re.compile(r"(?:.*/)?(?:models/(m-[0-9a-f]{32})|([0-9a-f]{32}))/artifacts(?:/(.*))?")


def open_repository(artifact_uri: str, **uris: Any) -> MlflowArtifactsRepository:
    """Return MLflow's repository for artifacts behind a server, with a spool if the tracking store has one.

    It is what MLflow's plugin group ``mlflow.artifact_repository`` knows for ``mlflow-artifacts``.
    """
    tracking_uri = uris.get("tracking_uri") or tracking.get_tracking_uri()
    repository = MlflowArtifactsRepository(artifact_uri, **uris)
    if urlsplit(artifact_uri).netloc or not tracking_uri.startswith("http"):
        return repository
    store = tracking._get_store(tracking_uri)
    if not isinstance(store, SpoolingStore):
        return repository
    return SpoolingRepository(store.outbox, artifact_uri, **uris)


class SpoolingRepository(MlflowArtifactsRepository):  # type: ignore[misc]  # MLflow has no types
    """Copies what is logged into a spool and returns; what reads waits, for a while, until that is uploaded.

    Args:
        outbox: Where to put what is logged.
        artifact_uri: The folder, ``mlflow-artifacts:/...``.
        uris: What MLflow gives beside it.
    """

    def __init__(self, outbox: Outbox, artifact_uri: str, **uris: Any) -> None:
        super().__init__(artifact_uri, **uris)
        self._outbox = outbox
        self._folder = unquote(urlsplit(artifact_uri).path).strip("/")

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Keep a copy of one file."""
        verify_artifact_path(artifact_path)
        local = Path(local_file)
        if not local.is_file():
            raise MlflowException(f"No such file: {local_file!r}")
        self._keep(local, posixpath.join(artifact_path or "", local.name))

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Keep a copy of all files below a folder."""
        verify_artifact_path(artifact_path)
        for folder, _, names in os.walk(Path(local_dir).absolute()):
            for name in sorted(names):
                local = Path(folder) / name
                below = local.relative_to(Path(local_dir).absolute()).as_posix()
                self._keep(local, posixpath.join(artifact_path or "", below))

    def list_artifacts(self, path: str | None = None) -> Any:
        """Return what lies in a folder once what was logged is uploaded."""
        self._outbox.flush()
        return super().list_artifacts(path)

    def download_artifacts(self, *arguments: Any, **named: Any) -> str:
        """Bring files here once what was logged is uploaded."""
        self._outbox.flush()
        downloaded: str = super().download_artifacts(*arguments, **named)
        return downloaded

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Delete files once what was logged is uploaded."""
        self._outbox.flush()
        super().delete_artifacts(artifact_path)

    def _keep(self, local: Path, path: str) -> None:
        owned = _OF_A_RUN_OR_MODEL.fullmatch(self._folder)
        record = FileLogged(folder=self._folder, path=path, content="")
        if owned is not None:
            model_id, run_id, below = owned.groups("")
            path = posixpath.join(below, path)
            record = FileLogged(self._folder, path, content="", run_id=run_id, model_id=model_id)
        self._outbox.add_file(local, record)
