"""Finding versions of registered models by what they have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from runyard.entities.registered_model import is_prompt
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.messages.common import mapping
from runyard.protocol.messages.model_versions import NamedVersion, SearchModelVersions
from runyard.protocol.messages.registered_models import (
    ModelVersionAnswer,
    ModelVersionsAnswer,
    SearchRegisteredModels,
    SearchRegisteredModelsAnswer,
    WireModelVersion,
)
from runyard.protocol.registry_names import check_model_name
from runyard.sdk.connection import MLFLOW, Connection, connection_of
from runyard.sdk.logged_values import PROPERTY_PREFIX
from runyard.sdk.pages import pages

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

FRAMEWORK_TAG, FRAMEWORK_VERSION_TAG = "runyard.framework", "runyard.framework_version"
VERSIONS = f"{MLFLOW}/model-versions"
_PAGE = 1000

Aliases = dict[tuple[str, str], list[str]]
"""The aliases of versions, by the name of the model and the number of the version."""

Labels = Mapping[str, str | None] | Sequence[str | Sequence[str]] | str | None
"""Tags or properties that models must have: by key, or by key and value."""


def find_version(
    workspace: Workspace, name: str, version: int | None, run_id: str | None, wanted: Mapping[str, str | None]
) -> WireModelVersion:
    """Return the version of a number, or the latest that has what is wanted.

    Raises:
        NotFound: There is none.
        InvalidParameter: No model can have this name.
    """
    check_model_name(name)
    if version is not None:
        query = NamedVersion(name=name, version=str(version))
        record = connection_of(workspace).get(f"{VERSIONS}/get", ModelVersionAnswer, query).model_version
        candidates = [record] if has_labels(record, wanted) and run_id in (None, record.run_id) else []
    else:
        candidates = [
            record for record in search_versions(workspace, name, run_id) if has_labels(record, wanted)
        ]
    if not candidates:
        what = "" if version is None else f" version {version}"
        more = " with what was asked for" if wanted or run_id else ""
        raise NotFound(f"Workspace {workspace.name!r} has no model {name!r}{what}{more}.")
    return max(candidates, key=lambda record: int(record.version))


def search_versions(workspace: Workspace, name: str | None, run_id: str | None) -> Iterator[WireModelVersion]:
    """Yield versions, the last changed first, prompts left out; pages are read as they are needed."""
    clauses = [
        f"{field} = '{value}'"
        for field, value in (("name", name), ("run_id", run_id))
        if value and "'" not in value and "\\" not in value
    ]
    connection = connection_of(workspace)
    aliases: Aliases | None = None

    def page(token: str | None) -> ModelVersionsAnswer:
        query = SearchModelVersions(filter=" AND ".join(clauses) or None, max_results=_PAGE, page_token=token)
        return connection.get(f"{VERSIONS}/search", ModelVersionsAnswer, query)

    for answer in pages(page):
        # As MLflow's, a search tells no aliases; those are the model's.
        if aliases is None and answer.model_versions:
            aliases = _aliases(connection, clauses[0] if name and clauses else None)
        for record in answer.model_versions or ():
            is_wanted = name in (None, record.name) and run_id in (None, record.run_id)
            if is_wanted and not is_prompt(mapping(record.tags or ())):
                record.aliases = (aliases or {}).get((record.name, record.version), [])
                yield record


def _aliases(connection: Connection, clause: str | None) -> Aliases:
    """Return the aliases of versions: of all models, or of those that a condition finds."""
    found: Aliases = {}

    def page(token: str | None) -> SearchRegisteredModelsAnswer:
        query = SearchRegisteredModels(filter=clause, max_results=_PAGE, page_token=token)
        return connection.get(f"{MLFLOW}/registered-models/search", SearchRegisteredModelsAnswer, query)

    for answer in pages(page):
        for model in answer.registered_models or ():
            for each in model.aliases or ():
                found.setdefault((model.name, each.version), []).append(each.alias)
    return found


def wanted_labels(tags: Labels, properties: Labels, framework: str | None) -> dict[str, str | None]:
    """Return the tags of the registry's that say what a caller asks for.

    Raises:
        InvalidParameter: They are neither keys nor pairs.
    """
    wanted = _labels(tags, "tags")
    wanted |= {f"{PROPERTY_PREFIX}{key}": value for key, value in _labels(properties, "properties").items()}
    return wanted | ({FRAMEWORK_TAG: framework} if framework else {})


def _labels(labels: Labels, field: str) -> dict[str, str | None]:
    if labels is None:
        return {}
    if isinstance(labels, str):
        return {labels: None}
    if isinstance(labels, Mapping):
        return {str(key): None if value is None else str(value) for key, value in labels.items()}
    found: dict[str, str | None] = {}
    for label in labels:
        if isinstance(label, str):
            found[label] = None
        elif len(label) == 2:
            found[str(label[0])] = str(label[1])
        else:
            raise InvalidParameter(f"{field} has {label!r}; it takes keys, and pairs of a key and a value.")
    return found


def has_labels(record: WireModelVersion, wanted: Mapping[str, str | None]) -> bool:
    """Tell whether a version has all of these tags."""
    tags = mapping(record.tags or ())
    return all(key in tags and value in (None, tags[key]) for key, value in wanted.items())


def split_id(id: str) -> tuple[str, int]:
    """Return name and number of an id, as of ``ridge:3``.

    Raises:
        InvalidParameter: It is none.
    """
    name, _, version = id.rpartition(":")
    if not name or not version.isdecimal():
        raise InvalidParameter(f"id={id!r} is none: it is name and version, as 'ridge:3'.")
    return name, int(version)
