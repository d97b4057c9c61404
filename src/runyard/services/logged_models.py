"""What can be done with logged models: create, finish, describe, search, delete."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

from runyard.entities.logged_model import LoggedModel, LoggedModelStatus
from runyard.entities.run_names import random_name
from runyard.errors import AlreadyExists, InvalidParameter, NotFound
from runyard.protocol import limits
from runyard.protocol.logged_model_filters import parse_logged_model_filter
from runyard.protocol.messages.logged_models import SearchLoggedModels
from runyard.protocol.ordering import ModelOrderKey, parse_logged_model_order
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.protocol.wire import missing
from runyard.services.call import Call
from runyard.services.experiments import get_active_experiment, readable
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_logged_models import MeasuredOn

DEFAULT_MODELS_PAGE = 100
MAX_MODELS_PAGE = 50_000
MAX_MODEL_NAME_LENGTH = 500
MAX_MODEL_KEY_LENGTH = 255
MAX_MODEL_VALUE_LENGTH = 100_000

_NOT_IN_A_NAME = ("/", ":", ".", "%", '"', "'")


@dataclass(frozen=True, slots=True)
class NewLoggedModel:
    """What a client says of a model that it begins to log."""

    experiment_id: str
    name: str | None = None
    model_type: str = ""
    source_run_id: str = ""
    params: Mapping[str, str] | None = None
    tags: Mapping[str, str] | None = None
    model_id: str | None = None


def create_logged_model(call: Call, new: NewLoggedModel) -> LoggedModel:
    """Return a new pending model, with a name drawn at random if none was given.

    An id of the client's own that was seen before, with the same content, means the model that it made then,
    as it stands now: the client got no answer and asks again.

    Raises:
        AlreadyExists: Another model has the client's id.
        InvalidParameter: The experiment is deleted, or a name, param or tag can't be.
        NotFound: There is no such experiment.
    """
    name = new.name or random_name()
    _check_name(name)
    limits.check_length(new.model_type, MAX_MODEL_NAME_LENGTH, "model_type")
    limits.check_length(new.source_run_id, MAX_MODEL_KEY_LENGTH, "source_run_id")
    _check_pairs(new.params or {}, "params")
    _check_pairs(new.tags or {}, "tags")
    if new.model_id is None:
        return _add_logged_model(call, new, name)
    limits.check_model_id(new.model_id)
    try:
        return _add_logged_model(call, new, name)
    except AlreadyExists:
        # The same request may have come through another server meanwhile: now it is seen.
        return _add_logged_model(call, new, name)


def _add_logged_model(call: Call, new: NewLoggedModel, name: str) -> LoggedModel:
    with call.stores.atomic():
        experiment = get_active_experiment(call, new.experiment_id)
        model_id = new.model_id or f"m-{uuid.uuid4().hex}"
        now_ms = call.now_ms()
        model = LoggedModel(
            model_id=model_id,
            workspace=call.workspace.name,
            experiment_id=experiment.experiment_id,
            name=name,
            artifact_uri=f"{experiment.artifact_location.rstrip('/')}/models/{model_id}/artifacts",
            created_ms=now_ms,
            updated_ms=now_ms,
            status=LoggedModelStatus.PENDING,
            model_type=new.model_type,
            source_run_id=new.source_run_id,
            params=dict(new.params or {}),
            tags=dict(new.tags or {}),
        )
        begun = _begun_before(call, new, model) if new.model_id is not None else None
        if begun is not None:
            return begun
        call.stores.metadata.logged_models.add_logged_model(model)
    return model


def _begun_before(call: Call, new: NewLoggedModel, asked: LoggedModel) -> LoggedModel | None:
    """Return the model that the same request has made before, as it stands now, if there is one."""
    try:
        model = get_logged_model(call, asked.model_id, or_deleted=True)
    except NotFound:
        return None
    is_same = (
        new.name in (None, "", model.name)
        and model.experiment_id == asked.experiment_id
        and (model.model_type, model.source_run_id) == (asked.model_type, asked.source_run_id)
        # Params may have been added since, and tags may have changed.
        and asked.params.items() <= model.params.items()
    )
    if not is_same:
        raise AlreadyExists(f"Logged model with ID '{asked.model_id}' already exists.")
    return model


def get_logged_model(call: Call, model_id: str, or_deleted: bool = False) -> LoggedModel:
    """Return a model with all that hangs on it."""
    return call.stores.metadata.logged_models.get_logged_model(call.workspace.name, model_id, or_deleted)


def finalize_logged_model(call: Call, model_id: str, status: LoggedModelStatus) -> LoggedModel:
    """Note that a model's files are complete, or that they never will be, and return the model."""
    with call.stores.atomic():
        model = get_logged_model(call, model_id, or_deleted=True)
        now_ms = call.now_ms()
        call.stores.metadata.logged_models.set_model_status(model_id, status, now_ms)
    return replace(model, status=status, updated_ms=now_ms)


def delete_logged_model(call: Call, model_id: str) -> None:
    """Move a model to the trash; its files stay."""
    with call.stores.atomic():
        get_logged_model(call, model_id, or_deleted=True)
        call.stores.metadata.logged_models.delete_logged_model(model_id, call.now_ms())


def log_model_params(call: Call, model_id: str, params: Mapping[str, str]) -> None:
    """Add params to a model; the same value again changes nothing.

    Raises:
        InvalidParameter: The model has another value for one of them already.
    """
    _check_pairs(params, "params")
    with call.stores.atomic():
        old = get_logged_model(call, model_id, or_deleted=True).params
        for key, value in params.items():
            if old.get(key, value) != value:
                raise InvalidParameter(
                    f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                    f"value='{old[key]}' for model ID='{model_id}'. Attempted logging new value '{value}'."
                )
        call.stores.metadata.logged_models.add_model_params(model_id, params)


def set_model_tags(call: Call, model_id: str, tags: Mapping[str, str]) -> None:
    """Set tags of a model, over older values."""
    _check_pairs(tags, "tags")
    with call.stores.atomic():
        get_logged_model(call, model_id, or_deleted=True)
        call.stores.metadata.logged_models.set_model_tags(model_id, tags)


def delete_model_tag(call: Call, model_id: str, key: str) -> None:
    """Delete a tag of a model."""
    with call.stores.atomic():
        get_logged_model(call, model_id, or_deleted=True)
        if not call.stores.metadata.logged_models.delete_model_tag(model_id, key):
            raise NotFound(f"No tag with key {key!r} found for model with ID {model_id!r}.")


def search_logged_models(call: Call, asked: SearchLoggedModels) -> Page[LoggedModel]:
    """Return a page of active models, the last created first unless an order is asked for.

    A page token is good only for the search that it came from.
    """
    if asked.experiment_ids is None:
        raise missing("experiment_ids")
    if not all(dataset.dataset_name for dataset in asked.datasets):
        raise InvalidParameter("`dataset_name` in the `datasets` clause must be specified.")
    limit = asked.max_results or DEFAULT_MODELS_PAGE
    limits.check_page_size(limit, MAX_MODELS_PAGE)
    order = [
        ModelOrderKey(key.field_name, key.ascending, key.dataset_name, key.dataset_digest)
        for key in asked.order_by
    ]
    same = {
        "experiment_ids": asked.experiment_ids,
        "filter_string": asked.filter or None,
        "order_by": [_token_part(key) for key in order] or None,
    }
    offset = parse_page_token(asked.page_token, same)
    search = Search(
        workspace=call.workspace.name,
        experiment_ids=readable(call, asked.experiment_ids),
        filter=parse_logged_model_filter(asked.filter),
        order=parse_logged_model_order(order),
        limit=limit + 1,
        offset=offset,
    )
    measured_on = [MeasuredOn(each.dataset_name, each.dataset_digest or None) for each in asked.datasets]
    found = call.stores.metadata.logged_models.search_logged_models(search, measured_on)
    return page_of(found, limit, offset, same)


def _token_part(key: ModelOrderKey) -> dict[str, str | bool | None]:
    return {
        "field_name": key.field_name,
        "ascending": key.ascending is not False,
        "dataset_name": key.dataset_name or None,
        "dataset_digest": key.dataset_digest or None,
    }


def check_described(model: LoggedModel) -> None:
    """Refuse a model that comes from elsewhere and that nobody could have logged here."""
    limits.check_model_id(model.model_id)
    _check_name(model.name)
    limits.check_length(model.model_type, MAX_MODEL_NAME_LENGTH, "model_type")
    limits.check_length(model.source_run_id, MAX_MODEL_KEY_LENGTH, "source_run_id")
    _check_pairs(model.params, "params")
    _check_pairs(model.tags, "tags")


def _check_name(name: str) -> None:
    if any(sign in name for sign in _NOT_IN_A_NAME):
        raise InvalidParameter(
            f"Invalid model name ({name!r}) provided. Model name must be a non-empty string and cannot "
            f"contain the following characters: {_NOT_IN_A_NAME}"
        )
    limits.check_length(name, MAX_MODEL_NAME_LENGTH, "name")


def _check_pairs(pairs: Mapping[str, str], field: str) -> None:
    for key, value in pairs.items():
        if not key:
            raise InvalidParameter(f"A key in '{field}' must not be empty.")
        limits.check_length(key, MAX_MODEL_KEY_LENGTH, f"{field}.key")
        limits.check_length(value, MAX_MODEL_VALUE_LENGTH, f"{field}.value")
