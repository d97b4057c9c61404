"""Registering a version of a model: of files of a run, or of files of this machine.

Files of this machine need a home first. It is a logged model of MLflow's, in an experiment that is there for
that alone: any MLflow client reads such a version, and its files stay as long as the version does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from runyard.entities.logged_model import FILES_EXPERIMENT, FILES_TAG
from runyard.errors import AlreadyExists, InvalidParameter, NotFound, RunyardError
from runyard.protocol.messages.common import Empty, KeyValue, key_values
from runyard.protocol.messages.logged_models import (
    CreateLoggedModel,
    FinalizeLoggedModel,
    GetLoggedModel,
    LoggedModelAnswer,
    WireLoggedModel,
)
from runyard.protocol.messages.model_versions import CreateModelVersion
from runyard.protocol.messages.registered_models import (
    CreateRegisteredModel,
    ModelVersionAnswer,
    RegisteredModelAnswer,
    WireModelVersion,
)
from runyard.protocol.registry_names import check_model_name
from runyard.sdk.arguments import optional_text
from runyard.sdk.artifact_uploads import files_below, proxied_folder, upload
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.experiment_records import named_experiment
from runyard.sdk.logged_values import PROPERTY_PREFIX
from runyard.sdk.model_search import FRAMEWORK_TAG, FRAMEWORK_VERSION_TAG

_LOGGED = f"{MLFLOW}/logged-models"


class NewVersion(NamedTuple):
    """What is said of a version that is registered.

    Args:
        name: The registered model's; it is made if there is none.
        tags: The version's tags, its properties among them.
        description: What it is.
    """

    name: str
    tags: Mapping[str, str]
    description: str


def new_version(
    name: str,
    tags: Mapping[str, str] | None,
    properties: Mapping[str, str] | None,
    description: str | None,
    framework: tuple[str | None, str | None] = (None, None),
) -> NewVersion:
    """Return what is said of a version that is registered, in the form that the registry has for it."""
    known = {str(key): str(value) for key, value in (tags or {}).items()}
    known |= {f"{PROPERTY_PREFIX}{key}": str(value) for key, value in (properties or {}).items()}
    for key, value in zip((FRAMEWORK_TAG, FRAMEWORK_VERSION_TAG), framework, strict=True):
        if value:
            known[key] = str(value)
    return NewVersion(name, known, optional_text(description, "description") or "")


def register_files(
    connection: Connection, new: NewVersion, files: Sequence[tuple[str, Path]]
) -> WireModelVersion:
    """Register files of this machine, and return the version; if that fails, nothing of them stays.

    Raises:
        InvalidParameter: No model can have this name, or a tag can't be.
        RunyardError: What the server raised.
    """
    check_model_name(new.name, "model_name")
    experiment = named_experiment(connection, FILES_EXPERIMENT)
    wanted = CreateLoggedModel(
        experiment_id=experiment.experiment_id,
        name=_plain(new.name),
        tags=[KeyValue(key=FILES_TAG, value="true")],
    )
    made = connection.post(_LOGGED, wanted, LoggedModelAnswer).model.info
    try:
        upload(connection, proxied_folder(f"model {made.model_id!r}", made.artifact_uri), files)
        finalize = FinalizeLoggedModel(status="LOGGED_MODEL_READY")
        connection.tell(f"{_LOGGED}/{made.model_id}", finalize, "PATCH")
        return register_source(connection, new, f"models:/{made.model_id}", model_id=made.model_id)
    except BaseException:
        with contextlib.suppress(RunyardError):
            drop_files(connection, made.model_id)
        raise


def register_source(
    connection: Connection,
    new: NewVersion,
    source: str,
    *,
    run_id: str | None = None,
    model_id: str | None = None,
) -> WireModelVersion:
    """Register what is at the server already, and return the version.

    Raises:
        InvalidParameter: The source can't be, or no model can have this name.
        NotFound: The source names what is not there.
    """
    check_model_name(new.name, "model_name")
    with contextlib.suppress(AlreadyExists):
        wanted = CreateRegisteredModel(name=new.name)
        connection.post(f"{MLFLOW}/registered-models/create", wanted, RegisteredModelAnswer)
    version = CreateModelVersion(
        name=new.name,
        source=source,
        run_id=run_id,
        model_id=model_id,
        tags=key_values(new.tags),
        description=new.description,
    )
    path = f"{MLFLOW}/model-versions/create"
    return connection.post(path, version, ModelVersionAnswer).model_version


def drop_files(connection: Connection, model_id: str) -> None:
    """Let go of the files that a version had, if they were registered from a machine for it.

    What another version names stays nevertheless.

    Raises:
        RunyardError: What the server raised.
    """
    address = f"{_LOGGED}/{quote(model_id, safe='')}"
    try:
        found: WireLoggedModel = connection.get(address, LoggedModelAnswer, GetLoggedModel()).model
    except NotFound:
        return
    tags = found.info.tags or []
    if any(tag.key == FILES_TAG for tag in tags):
        connection.delete(address, Empty(), Empty)


def local_files(model_path: Path, child_paths: Sequence[str] | None = None) -> list[tuple[str, Path]]:
    """Return the files of this machine that make a model, by their paths in it.

    Args:
        model_path: A file, or a folder.
        child_paths: Only these files and folders of the folder.

    Raises:
        InvalidParameter: There is nothing there, or a child is not in the folder.
    """
    if model_path.is_file():
        return [(model_path.name, model_path)]
    if not model_path.exists():
        raise InvalidParameter(f"model_path={str(model_path)!r}: there is no such file or folder here.")
    files = files_below(model_path)
    if child_paths is None:
        return files
    wanted = [child.strip("/") for child in child_paths]
    kept = [
        file for file in files if any(file[0] == child or file[0].startswith(f"{child}/") for child in wanted)
    ]
    for child in wanted:
        if not any(name == child or name.startswith(f"{child}/") for name, _ in kept):
            raise InvalidParameter(f"child_paths has {child!r}, which is not in {str(model_path)!r}.")
    return kept


def _plain(name: str) -> str:
    """Return a name that a logged model may have too: MLflow forbids it a few signs more."""
    return "".join("-" if sign in "/:.%\"'" else sign for sign in name)
