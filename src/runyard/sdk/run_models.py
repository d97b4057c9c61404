"""The models that MLflow logged in a run, as folders of the run.

MLflow 3 keeps the files of such a model beside those of the run; MLflow 2 had them among them, and so have
the scripts that were written for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import msgspec

from runyard.protocol.messages.artifacts import WireFile
from runyard.protocol.messages.logged_models import (
    ListLoggedModelArtifacts,
    ListLoggedModelArtifactsAnswer,
    SearchLoggedModels,
    SearchLoggedModelsAnswer,
    WireLoggedModelInfo,
)
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.downloads import StoredFile
from runyard.sdk.pages import pages

_LOGGED = f"{MLFLOW}/logged-models"


def models_of_run(connection: Connection, experiment_id: str, run_id: str) -> dict[str, WireLoggedModelInfo]:
    """Return the models that were logged in a run by their names: the last one of each."""
    wanted = SearchLoggedModels(experiment_ids=[experiment_id], filter=f"source_run_id = '{run_id}'")

    def ask(page_token: str | None) -> SearchLoggedModelsAnswer:
        search = msgspec.structs.replace(wanted, page_token=page_token)
        return connection.post(f"{_LOGGED}/search", search, SearchLoggedModelsAnswer, is_repeatable=True)

    found = [each.info for answer in pages(ask) for each in answer.models or ()]
    # The search has the newest first, and those of one millisecond in its own order: the first stays.
    last: dict[str, WireLoggedModelInfo] = {}
    for model in found:
        last.setdefault(model.name, model)
    return last


def files_of_model(connection: Connection, model: WireLoggedModelInfo, below: str) -> Iterator[StoredFile]:
    """Yield the files of a model below one of its folders, or that one file, named as in its run."""
    listed = _listed(connection, model, below)
    if below and not listed:
        listed = [each for each in _listed(connection, model, below.rpartition("/")[0]) if each.path == below]
    for each in listed:
        # A server that lists a folder inside itself must not keep us walking for ever.
        if not each.is_dir:
            yield _stored(model, each)
        elif each.path != below and each.path.startswith(f"{below}/" if below else ""):
            yield from files_of_model(connection, model, each.path)


def _listed(connection: Connection, model: WireLoggedModelInfo, folder: str) -> list[WireFile]:
    query = ListLoggedModelArtifacts(artifact_directory_path=folder or None)
    address = f"{_LOGGED}/{quote(model.model_id, safe='')}/artifacts/directories"
    return list(connection.get(address, ListLoggedModelArtifactsAnswer, query).files or ())


def _stored(model: WireLoggedModelInfo, file: WireFile) -> StoredFile:
    address = f"/ajax-api/2.0/mlflow/logged-models/{quote(model.model_id, safe='')}/artifacts/files"
    query = (("artifact_file_path", file.path),)
    return StoredFile(f"{model.name}/{file.path}", address, query, file.file_size or None)
