"""MLflow's messages about registered models and the aliases of their versions."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from runyard.entities.registered_model import ModelVersion, RegisteredModel
from runyard.protocol.messages.common import Int64, KeyValue, Wire, key_values

READY = "READY"
"""The status of every version: what MLflow calls registration is over when it answers."""


class WireModelVersion(Wire, omit_defaults=False):
    """A version on the wire."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    current_stage: str
    source: str
    run_id: str
    status: str
    run_link: str
    description: str | UnsetType = UNSET
    model_id: str | UnsetType = UNSET
    tags: list[KeyValue] | UnsetType = UNSET
    aliases: list[str] | UnsetType = UNSET


class WireAlias(Wire, omit_defaults=False):
    """An alias and the version that it points to."""

    alias: str
    version: str


class WireRegisteredModel(Wire, omit_defaults=False):
    """A registered model on the wire."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | UnsetType = UNSET
    latest_versions: list[WireModelVersion] | UnsetType = UNSET
    tags: list[KeyValue] | UnsetType = UNSET
    aliases: list[WireAlias] | UnsetType = UNSET


class CreateRegisteredModel(Wire):
    """Body of ``registered-models/create``."""

    name: str
    tags: list[KeyValue] = []
    description: str = ""


class ModelName(Wire):
    """A registered model, by its name."""

    name: str


class UpdateRegisteredModel(Wire):
    """Body of ``registered-models/update``."""

    name: str
    description: str = ""


class RenameRegisteredModel(Wire):
    """Body of ``registered-models/rename``."""

    name: str
    new_name: str


class SearchRegisteredModels(Wire):
    """Query of ``registered-models/search``."""

    filter: str | None = None
    max_results: Int64 = 100
    order_by: list[str] = []
    page_token: str | None = None


class ListRegisteredModels(Wire):
    """Query of ``registered-models/list``, which clients of MLflow 1 send."""

    max_results: Int64 = 100
    page_token: str | None = None


class GetLatestVersions(Wire):
    """Query or body of ``registered-models/get-latest-versions``."""

    name: str
    stages: list[str] = []


class SetRegisteredModelTag(Wire):
    """Body of ``registered-models/set-tag``."""

    name: str
    key: str
    value: str = ""


class DeleteRegisteredModelTag(Wire):
    """Body of ``registered-models/delete-tag``."""

    name: str
    key: str


class NamedAlias(Wire):
    """An alias of a registered model, by their names."""

    name: str
    alias: str


class SetAlias(Wire):
    """Body of ``POST registered-models/alias``."""

    name: str
    alias: str
    version: str


class RegisteredModelAnswer(Wire, omit_defaults=False):
    """One registered model."""

    registered_model: WireRegisteredModel


class SearchRegisteredModelsAnswer(Wire):
    """A page of registered models."""

    registered_models: list[WireRegisteredModel] | UnsetType = UNSET
    next_page_token: str | UnsetType = UNSET


class ModelVersionAnswer(Wire, omit_defaults=False):
    """One version."""

    model_version: WireModelVersion


class ModelVersionsAnswer(Wire):
    """Some versions, or a page of them."""

    model_versions: list[WireModelVersion] | UnsetType = UNSET
    next_page_token: str | UnsetType = UNSET


def wire_registered_model(model: RegisteredModel) -> WireRegisteredModel:
    """Return a registered model as MLflow writes it."""
    aliases = [WireAlias(alias=alias, version=str(version)) for alias, version in model.aliases.items()]
    return WireRegisteredModel(
        name=model.name,
        creation_timestamp=model.created_ms,
        last_updated_timestamp=model.updated_ms,
        description=model.description or UNSET,
        latest_versions=[wire_model_version(version) for version in model.latest_versions] or UNSET,
        tags=key_values(model.tags) or UNSET,
        aliases=aliases or UNSET,
    )


def wire_model_version(version: ModelVersion) -> WireModelVersion:
    """Return a version as MLflow writes it, with the logged model's id, which MLflow leaves out."""
    return WireModelVersion(
        name=version.name,
        version=str(version.version),
        creation_timestamp=version.created_ms,
        last_updated_timestamp=version.updated_ms,
        current_stage=version.stage.value,
        description=UNSET if version.description is None else version.description,
        source=version.source,
        run_id=version.run_id,
        status=READY,
        run_link=version.run_link,
        model_id=version.model_id or UNSET,
        tags=key_values(version.tags) or UNSET,
        aliases=list(version.aliases) or UNSET,
    )
