"""What can be done with registered models, prompts among them; each change is announced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from runyard.entities import registry_change
from runyard.entities.registered_model import ModelVersion, RegisteredModel, Stage, is_prompt
from runyard.errors import AlreadyExists, InvalidParameter, NotFound
from runyard.protocol import registry_names as names
from runyard.protocol.filter_tokens import shortened
from runyard.protocol.limits import check_key, check_length, check_page_size
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.protocol.registry_filters import parse_registered_model_filter, parse_registered_model_order
from runyard.services.call import Call
from runyard.services.registry_events import announce
from runyard.services.twin_names import check_no_twin
from runyard.stores.metadata.base import Search

MAX_MODELS_PAGE = 1000


def create_registered_model(
    call: Call, name: str, tags: Mapping[str, str], description: str
) -> RegisteredModel:
    """Return a new registered model, or a prompt if its tags say so.

    Raises:
        AlreadyExists: A model or a prompt has this name.
        InvalidParameter: The name, a tag or the description can't be.
    """
    names.check_model_name(name)
    names.check_registry_tags(tags)
    check_length(description, names.MAX_DESCRIPTION_LENGTH, "description")
    now_ms = call.now_ms()
    model = RegisteredModel(call.workspace.name, name, now_ms, now_ms, description, dict(tags))
    with call.stores.atomic():
        check_no_twin("Registered Model", name, partial(_is_there, call))
        if not call.stores.metadata.registered_models.add_registered_model(model):
            raise _taken(name, get_registered_model(call, name).is_prompt, is_prompt(tags))
        announce(call, registry_change.model_created(model))
    return model


def _is_there(call: Call, name: str) -> bool:
    try:
        call.stores.metadata.registered_models.get_registered_model(call.workspace.name, name)
    except NotFound:
        return False
    return True


def get_registered_model(call: Call, name: str) -> RegisteredModel:
    """Return a registered model; in a transaction that may write, it is held.

    Raises:
        InvalidParameter: No model can have this name.
        NotFound: The workspace has none of it.
    """
    names.check_model_name(name)
    return call.stores.metadata.registered_models.get_registered_model(call.workspace.name, name)


def describe_registered_model(call: Call, name: str, description: str) -> RegisteredModel:
    """Give a model another description and return it."""
    check_length(description, names.MAX_DESCRIPTION_LENGTH, "description")
    store = call.stores.metadata.registered_models
    with call.stores.atomic():
        get_registered_model(call, name)
        store.describe_registered_model(call.workspace.name, name, description, call.now_ms())
        return get_registered_model(call, name)


def rename_registered_model(call: Call, name: str, new_name: str) -> RegisteredModel:
    """Give a model another name, with which its versions stay, and return it.

    Raises:
        AlreadyExists: Another model has that name.
    """
    names.check_model_name(new_name, "new_name")
    store = call.stores.metadata.registered_models
    with call.stores.atomic():
        get_registered_model(call, name)
        check_no_twin("Registered Model", new_name, lambda twin: twin != name and _is_there(call, twin))
        store.rename_registered_model(call.workspace.name, name, new_name, call.now_ms())
        if new_name != name:
            announce(call, registry_change.model_renamed(name, new_name))
        return get_registered_model(call, new_name)


def delete_registered_model(call: Call, name: str) -> None:
    """Delete a model for good with all its versions; their files go with the next collection, if unneeded."""
    with call.stores.atomic():
        get_registered_model(call, name)
        store = call.stores.metadata.registered_models
        store.delete_registered_model(call.workspace.name, name, call.now_ms())
        announce(call, registry_change.model_deleted(name))


def set_registered_model_tag(call: Call, name: str, key: str, value: str) -> None:
    """Set a tag of a model, over an older value."""
    names.check_registry_tags({key: value})
    with call.stores.atomic():
        get_registered_model(call, name)
        store = call.stores.metadata.registered_models
        store.set_registered_model_tag(call.workspace.name, name, key, value)
        if get_registered_model(call, name).is_prompt:
            announce(call, registry_change.prompt_tag_set(name, key, value))


def delete_registered_model_tag(call: Call, name: str, key: str) -> None:
    """Delete a tag of a model; one that it has not is passed over, as MLflow does."""
    check_key(key, "key")
    with call.stores.atomic():
        model = get_registered_model(call, name)
        store = call.stores.metadata.registered_models
        is_gone = store.delete_registered_model_tag(call.workspace.name, name, key)
        if is_gone and model.is_prompt:
            announce(call, registry_change.prompt_tag_deleted(name, key))


def set_alias(call: Call, name: str, alias: str, version: str) -> None:
    """Let an alias point to a version, wherever it pointed before.

    Raises:
        InvalidParameter: No alias can be called this.
        NotFound: There is no such model or version.
    """
    names.check_model_name(name)
    names.check_new_alias(alias)
    number, metadata = names.version_number(version), call.stores.metadata
    with call.stores.atomic():
        metadata.model_versions.get_model_version(call.workspace.name, name, number)
        model = get_registered_model(call, name)
        if len(model.aliases) >= names.MAX_ALIASES and alias not in model.aliases:
            raise InvalidParameter(f"A registered model may have {names.MAX_ALIASES} aliases.")
        metadata.registered_models.set_alias(call.workspace.name, name, alias, number)
        announce(call, registry_change.alias_set(model, alias, number))


def delete_alias(call: Call, name: str, alias: str) -> None:
    """Delete an alias; one that is not there is passed over, as MLflow does."""
    names.check_alias(alias)
    with call.stores.atomic():
        model = get_registered_model(call, name)
        if call.stores.metadata.registered_models.delete_alias(call.workspace.name, name, alias):
            announce(call, registry_change.alias_deleted(model, alias))


def get_aliased(call: Call, name: str, alias: str) -> ModelVersion:
    """Return the version that an alias points to; ``latest`` is the one with the highest number.

    Raises:
        InvalidParameter: The model has no such alias, as MLflow says it.
        NotFound: There is no such model.
    """
    names.check_model_name(name)
    names.check_alias(alias)
    workspace, metadata = call.workspace.name, call.stores.metadata
    with call.stores.database.reading_together():
        model = metadata.registered_models.get_registered_model(workspace, name)
        if alias.lower() == names.LATEST:
            latest = metadata.model_versions.find_latest_version(workspace, name)
            if latest is None:
                raise NotFound(f"Latest version not found for model {name}.")
            return latest
        if alias not in model.aliases:
            raise InvalidParameter(f"Registered model alias {shortened(alias)} not found.")
        return metadata.model_versions.get_model_version(workspace, name, model.aliases[alias])


def get_latest_versions(call: Call, name: str, stages: Sequence[str]) -> list[ModelVersion]:
    """Return the latest version in each of the stages, or in each that there is, with their aliases."""
    wanted = {names.stage_named(stage) for stage in stages} or set(Stage)
    workspace, store = call.workspace.name, call.stores.metadata.model_versions
    with call.stores.database.reading_together():
        model = get_registered_model(call, name)
        found = [version for version in model.latest_versions if version.stage in wanted]
        return [store.get_model_version(workspace, name, version.version) for version in found]


def search_registered_models(
    call: Call, filter_text: str | None, order_by: Sequence[str], limit: int, page_token: str | None
) -> Page[RegisteredModel]:
    """Return a page of models, or of prompts if the filter asks for them, by name unless ordered otherwise.

    A page may be of none, as MLflow allows here alone: its token tells whether there are any.

    Raises:
        InvalidParameter: The filter, the order, the limit or the page token can't be.
    """
    if limit != 0:
        check_page_size(limit, MAX_MODELS_PAGE)
    offset = parse_page_token(page_token)
    search = Search(
        workspace=call.workspace.name,
        filter=parse_registered_model_filter(filter_text),
        order=parse_registered_model_order(order_by),
        limit=limit + 1,
        offset=offset,
    )
    with call.stores.database.reading_together():
        found = call.stores.metadata.registered_models.search_registered_models(search)
    return page_of(found, limit, offset)


def _taken(name: str, is_old_a_prompt: bool, is_new_a_prompt: bool) -> AlreadyExists:
    kinds = ("registered model", "prompt")
    if is_old_a_prompt != is_new_a_prompt:
        return AlreadyExists(
            f"Tried to create a {kinds[is_new_a_prompt]} with name {name!r}, but the name is already taken "
            f"by a {kinds[is_old_a_prompt]}. MLflow does not allow creating a model and a prompt with the "
            "same name."
        )
    return AlreadyExists(
        f"{'Prompt' if is_new_a_prompt else 'Registered Model'} (name={name}) already exists."
    )
