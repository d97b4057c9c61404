"""Folders that Microsoft's plugin of MLflow uploads to make a version of a model of them.

``mlflow.register_model("file://model", name)`` asks where the files of a container are to be written, by a
name that the plugin drew, and then for a version whose source is in that container. The files need a home
until the version is there, and as long as it is: a logged model, as for what Runyard's SDK registers of a
machine. Its id follows from the container, since the plugin asks for fifty files at a time and in parallel.
"""

from __future__ import annotations

import uuid

from runyard.entities.logged_model import FILES_EXPERIMENT, FILES_TAG, LoggedModelStatus
from runyard.errors import AlreadyExists, NotFound
from runyard.services.call import Call
from runyard.services.experiments import create_experiment, get_experiment_by_name
from runyard.services.logged_models import (
    NewLoggedModel,
    create_logged_model,
    finalize_logged_model,
    get_logged_model,
)
from runyard.stores.opening import Stores

KEPT_UNFINISHED_MS = 3 * 24 * 3600 * 1000
"""How long files stay that no version names: no upload takes as long."""

CONTAINERS = uuid.UUID("5f0c5a2e-6c0b-4d7c-9a3e-2f6f1c0d8b41")


def begin_upload(call: Call, container: str) -> str:
    """Return the id of the logged model that holds the files of a container; the first call makes it.

    Raises:
        InvalidParameter: No container can have this name, or the experiment of such files is in the trash.
    """
    model_id = _model_id(call, container)
    new = NewLoggedModel(_experiment_id(call), container, tags={FILES_TAG: "true"}, model_id=model_id)
    return create_logged_model(call, new).model_id


def end_upload(call: Call, container: str) -> str | None:
    """Return the id of the logged model of a container, which is whole now; None if there is none."""
    try:
        model = get_logged_model(call, _model_id(call, container))
    except NotFound:
        return None
    return finalize_logged_model(call, model.model_id, LoggedModelStatus.READY).model_id


def remove_unfinished(stores: Stores, now_ms: int) -> int:
    """Move uploads to the trash that broke off before a version named them; return how many.

    Those of Runyard's SDK too, which takes its own back unless it is killed.
    """
    before_ms = now_ms - KEPT_UNFINISHED_MS
    models = stores.metadata.logged_models
    return stores.database.retrying(
        lambda: models.delete_unfinished(FILES_EXPERIMENT, FILES_TAG, before_ms, now_ms)
    )


def _model_id(call: Call, container: str) -> str:
    return f"m-{uuid.uuid5(CONTAINERS, f'{call.workspace.name}/{container}').hex}"


def _experiment_id(call: Call) -> str:
    try:
        return get_experiment_by_name(call, FILES_EXPERIMENT).experiment_id
    except NotFound:
        pass
    try:
        return create_experiment(call, FILES_EXPERIMENT, None, {}).experiment_id
    except AlreadyExists:
        # Another request made it between our two questions.
        return get_experiment_by_name(call, FILES_EXPERIMENT).experiment_id
