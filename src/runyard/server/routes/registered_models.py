"""The routes about registered models and aliases. A role in the whole workspace is needed for each."""

from __future__ import annotations

from msgspec import UNSET

from runyard.auth.permissions import Permission
from runyard.protocol.messages.common import Empty, mapping
from runyard.protocol.messages.registered_models import (
    CreateRegisteredModel,
    DeleteRegisteredModelTag,
    GetLatestVersions,
    ListRegisteredModels,
    ModelName,
    ModelVersionAnswer,
    ModelVersionsAnswer,
    NamedAlias,
    RegisteredModelAnswer,
    RenameRegisteredModel,
    SearchRegisteredModels,
    SearchRegisteredModelsAnswer,
    SetAlias,
    SetRegisteredModelTag,
    UpdateRegisteredModel,
    wire_model_version,
    wire_registered_model,
)
from runyard.protocol.messages.registry_removal import RegisteredModelsAnswer, RemoveRegisteredModels
from runyard.server.routing import Routes
from runyard.services import registered_models, registry_removal
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/2.0/mlflow/registered-models"


@routes.post(
    f"{_BASE}/create",
    permits=Permission.CONTRIBUTE,
    for_jobs=True,
    summary="Make a registered model or a prompt.",
)
def create_registered_model(call: Call, body: CreateRegisteredModel) -> RegisteredModelAnswer:
    """Make a registered model."""
    model = registered_models.create_registered_model(call, body.name, mapping(body.tags), body.description)
    return RegisteredModelAnswer(registered_model=wire_registered_model(model))


@routes.get(f"{_BASE}/get", permits=Permission.READ, summary="Get a registered model.")
def get_registered_model(call: Call, body: ModelName) -> RegisteredModelAnswer:
    """Answer a model with its tags, aliases and latest versions."""
    model = registered_models.get_registered_model(call, body.name)
    return RegisteredModelAnswer(registered_model=wire_registered_model(model))


@routes.patch(f"{_BASE}/update", permits=Permission.CONTRIBUTE, summary="Describe a registered model.")
def update_registered_model(call: Call, body: UpdateRegisteredModel) -> RegisteredModelAnswer:
    """Change a model's description."""
    model = registered_models.describe_registered_model(call, body.name, body.description)
    return RegisteredModelAnswer(registered_model=wire_registered_model(model))


@routes.post(f"{_BASE}/rename", permits=Permission.CONTRIBUTE, summary="Rename a registered model.")
def rename_registered_model(call: Call, body: RenameRegisteredModel) -> RegisteredModelAnswer:
    """Give a model another name."""
    model = registered_models.rename_registered_model(call, body.name, body.new_name)
    return RegisteredModelAnswer(registered_model=wire_registered_model(model))


@routes.delete(
    f"{_BASE}/delete",
    permits=Permission.CONTRIBUTE,
    is_audited=True,
    summary="Delete a registered model for good, with its versions.",
)
def delete_registered_model(call: Call, body: ModelName) -> Empty:
    """Delete a model; MLflow has no trash for it."""
    registered_models.delete_registered_model(call, body.name)
    return Empty()


@routes.get(
    f"{_BASE}/search", permits=Permission.READ, summary="Search registered models, or prompts by their tag."
)
def search_registered_models(call: Call, body: SearchRegisteredModels) -> SearchRegisteredModelsAnswer:
    """Answer a page of models."""
    page = registered_models.search_registered_models(
        call, body.filter, body.order_by, body.max_results, body.page_token
    )
    return SearchRegisteredModelsAnswer(
        registered_models=[wire_registered_model(model) for model in page.items] or UNSET,
        next_page_token=page.next_token or UNSET,
    )


@routes.get(
    f"{_BASE}/list", permits=Permission.READ, summary="List registered models, as clients of MLflow 1 do."
)
def list_registered_models(call: Call, body: ListRegisteredModels) -> SearchRegisteredModelsAnswer:
    """Answer a page of models."""
    wanted = SearchRegisteredModels(max_results=body.max_results, page_token=body.page_token)
    return search_registered_models(call, wanted)


@routes.get(
    f"{_BASE}/get-latest-versions", permits=Permission.READ, summary="Get the latest version of each stage."
)
def get_latest_versions(call: Call, body: GetLatestVersions) -> ModelVersionsAnswer:
    """Answer the latest versions."""
    found = registered_models.get_latest_versions(call, body.name, body.stages)
    return ModelVersionsAnswer(model_versions=[wire_model_version(version) for version in found] or UNSET)


@routes.post(
    f"{_BASE}/get-latest-versions", permits=Permission.READ, summary="Get the latest version of each stage."
)
def post_latest_versions(call: Call, body: GetLatestVersions) -> ModelVersionsAnswer:
    """Answer the latest versions to clients that ask by POST."""
    return get_latest_versions(call, body)


@routes.post(
    f"{_BASE}/set-tag",
    permits=Permission.CONTRIBUTE,
    for_jobs=True,
    summary="Set a tag of a registered model.",
)
def set_registered_model_tag(call: Call, body: SetRegisteredModelTag) -> Empty:
    """Set a tag."""
    registered_models.set_registered_model_tag(call, body.name, body.key, body.value)
    return Empty()


@routes.delete(
    f"{_BASE}/delete-tag", permits=Permission.CONTRIBUTE, summary="Delete a tag of a registered model."
)
def delete_registered_model_tag(call: Call, body: DeleteRegisteredModelTag) -> Empty:
    """Delete a tag."""
    registered_models.delete_registered_model_tag(call, body.name, body.key)
    return Empty()


@routes.get(f"{_BASE}/alias", permits=Permission.READ, summary="Get the version that an alias points to.")
def get_model_version_by_alias(call: Call, body: NamedAlias) -> ModelVersionAnswer:
    """Answer a version by its alias."""
    version = registered_models.get_aliased(call, body.name, body.alias)
    return ModelVersionAnswer(model_version=wire_model_version(version))


@routes.post(
    f"{_BASE}/alias", permits=Permission.CONTRIBUTE, for_jobs=True, summary="Let an alias point to a version."
)
def set_registered_model_alias(call: Call, body: SetAlias) -> Empty:
    """Set an alias."""
    registered_models.set_alias(call, body.name, body.alias, body.version)
    return Empty()


@routes.delete(
    f"{_BASE}/alias", permits=Permission.CONTRIBUTE, summary="Delete an alias of a registered model."
)
def delete_registered_model_alias(call: Call, body: NamedAlias) -> Empty:
    """Delete an alias."""
    registered_models.delete_alias(call, body.name, body.alias)
    return Empty()


@routes.post(
    "/api/v1/registered-models/delete",
    permits=Permission.CONTRIBUTE,
    is_audited=True,
    summary="Delete many registered models for good, with their versions.",
)
def delete_registered_models(call: Call, body: RemoveRegisteredModels) -> RegisteredModelsAnswer:
    """Delete models by name or by a search."""
    names = registry_removal.delete_registered_models(call, body.names, body.filter, is_dry_run=body.dry_run)
    return RegisteredModelsAnswer(names=names)
