"""Logged models: what ``log_model`` of MLflow 3 keeps, registered or not."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from runyard.errors import NotFound
from runyard.protocol.messages.artifacts import WireFile
from runyard.protocol.messages.logged_models import (
    ListLoggedModelArtifacts,
    ListLoggedModelArtifactsAnswer,
    LoggedModelAnswer,
    SearchLoggedModels,
    SearchLoggedModelsAnswer,
    WireLoggedModel,
)
from runyard.sdk.addresses import named_segment
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import listed, text
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.downloads import DownloadProgress, fetch, path_below
from runyard.sdk.pages import pages

_MODELS = f"{MLFLOW}/logged-models"
_FILES = "/ajax-api/2.0/mlflow/logged-models"


@names_arguments
class LoggedModels:
    """The models that runs of a workspace have logged; they are logged by MLflow's client.

    Args:
        connection: Reaches the workspace.

    Example:
        >>> [each.info.name for each in ws.logged_models.search([experiment.id])]
        []
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def search(
        self, experiment_ids: Collection[str], filter_text: str | None = None
    ) -> Iterator[WireLoggedModel]:
        """Yield the logged models of experiments, the last made first.

        Args:
            experiment_ids: Where to look.
            filter_text: What to look for, in MLflow's grammar, as ``metrics.rmse < 60``.

        Raises:
            InvalidFilter: The filter does not follow the grammar.
            NotFound: One of the ids is no experiment's.

        Example:
            >>> list(ws.logged_models.search([experiment.id], "name = 'ridge'"))
            []
        """
        ids = list(listed(experiment_ids, "experiment_ids"))

        def page(token: str | None) -> SearchLoggedModelsAnswer:
            query = SearchLoggedModels(experiment_ids=ids, filter=filter_text, page_token=token)
            return self._connection.post(
                f"{_MODELS}/search", query, SearchLoggedModelsAnswer, is_repeatable=True
            )

        for answer in pages(page):
            yield from answer.models or ()

    def get(self, model_id: str) -> WireLoggedModel:
        """Return a logged model: its run, its params and metrics.

        Raises:
            NotFound: The workspace has no such model.

        Example:
            >>> ws.logged_models.get("m-" + "0" * 32)
            Traceback (most recent call last):
                ...
            runyard.errors.NotFound: ...
        """
        return self._connection.get(f"{_MODELS}/{_segment(model_id)}", LoggedModelAnswer).model

    def list_files(self, model_id: str) -> list[WireFile]:
        """Return all files of a logged model by their paths in it, sorted.

        Raises:
            NotFound: The workspace has no such model.

        Example:
            >>> ws.logged_models.list_files("m-" + "0" * 32)
            Traceback (most recent call last):
                ...
            runyard.errors.NotFound: ...
        """
        files: list[WireFile] = []
        waiting: list[str | None] = [None]
        while waiting:
            query = ListLoggedModelArtifacts(artifact_directory_path=waiting.pop())
            path = f"{_MODELS}/{_segment(model_id)}/artifacts/directories"
            answer = self._connection.get(path, ListLoggedModelArtifactsAnswer, query)
            files += [found for found in answer.files or () if not found.is_dir]
            waiting += [found.path for found in answer.files or () if found.is_dir]
        return sorted(files, key=lambda found: found.path)

    def download(self, model_id: str, target_dir: str | os.PathLike[str] = ".") -> list[str]:
        """Bring the files of a logged model to this machine, and return where they are.

        Args:
            model_id: The model.
            target_dir: The folder to put them into; what is there already is replaced.

        Raises:
            NotFound: The workspace has no such model, or it has no files.

        Example:
            >>> ws.logged_models.download("m-" + "0" * 32, "models")
            Traceback (most recent call last):
                ...
            runyard.errors.NotFound: ...
        """
        files = self.list_files(model_id)
        if not files:
            raise NotFound(f"The logged model {model_id!r} has no files.")
        targets = [path_below(Path(target_dir), file.path) for file in files]
        path = f"{_FILES}/{_segment(model_id)}/artifacts/files"
        with DownloadProgress() as progress:
            for file, target in zip(files, targets, strict=True):
                query = (("artifact_file_path", file.path),)
                fetch(self._connection, path, query, target, progress, file.path, file.file_size or None)
        return [str(target) for target in targets]


class HasLoggedModels:
    """What a workspace has for what ``log_model`` keeps."""

    _connection: Connection

    @property
    def logged_models(self) -> LoggedModels:
        """The models that its runs have logged, registered or not.

        Example:
            >>> [each.info.name for each in ws.logged_models.search([experiment.id])]
            []
        """
        return LoggedModels(self._connection)


def _segment(model_id: str) -> str:
    return named_segment(text(model_id, "model_id"), "logged model")
