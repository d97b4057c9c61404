"""Taking over registered models of elsewhere: their versions keep their numbers, stages, aliases and times.

A model that came by an import carries the tag :data:`IMPORT_TAG` and takes what its source has registered
since. What is here stays as it is, and a version that was deleted here does not come back: only numbers
above the last one are new. So the calls of an import that was killed are good twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from runyard.entities.registered_model import ModelVersion, RegisteredModel, is_prompt
from runyard.errors import AlreadyExists, InvalidParameter, NotFound
from runyard.protocol import registry_names as names
from runyard.protocol.limits import check_length
from runyard.services.call import Call
from runyard.services.imports import IMPORT_TAG, check_imported_time, check_source
from runyard.services.model_sources import Origin, origin_of_prompt, resolve_origin

MAX_VERSIONS = 100
MAX_NUMBER = 2**31 - 1

Described = tuple[ModelVersion, str | None]
"""A version, and where its files lie below the artifacts of its run, if that is where they are."""


def import_registered_model(
    call: Call, source: str, model: RegisteredModel, versions: Sequence[Described]
) -> tuple[int, list[str]]:
    """Keep a model with some of its versions; return how many are new, and what is wrong with others.

    Raises:
        AlreadyExists: A model has the name that did not come from ``source``.
        InvalidParameter: Something of the model can't be, or its versions are too many or out of order.
    """
    check_source(source)
    _check_model(model, [version for version, _ in versions])
    store = call.stores.metadata.registered_models
    with call.stores.atomic():
        here = _begun(call, source, model)
        taken = [_taken(call, model, version, path, here.aliases) for version, path in versions]
        new = taken.count(True)
        if new:
            # The same description again: what is wanted is the time of the change there.
            store.describe_registered_model(here.workspace, here.name, here.description, model.updated_ms)
    return new, [each for each in taken if isinstance(each, str)]


def _begun(call: Call, source: str, model: RegisteredModel) -> RegisteredModel:
    store = call.stores.metadata.registered_models
    store.add_registered_model(replace(model, tags={**model.tags, IMPORT_TAG: source}))
    found = store.get_registered_model(call.workspace.name, model.name)
    if found.tags.get(IMPORT_TAG) != source:
        raise AlreadyExists(
            f"A registered model '{model.name}' is here already, and it did not come from {source}. Rename "
            "one of them."
        )
    return found


def _taken(
    call: Call, model: RegisteredModel, version: ModelVersion, path: str | None, known: Mapping[str, int]
) -> bool | str:
    """Return whether a version is new here, or what is wrong with it."""
    try:
        _check_version(version)
        return _take(call, model, version, path, known)
    except (InvalidParameter, NotFound) as error:
        return f"Version {version.version} of '{model.name}': {error.message}"


def _take(
    call: Call, model: RegisteredModel, version: ModelVersion, path: str | None, known: Mapping[str, int]
) -> bool:
    """Keep a version, if it is new; an alias that is here already points where somebody let it point."""
    origin = _origin(call, model, version, path)
    kept = replace(
        version,
        source=origin.source,
        storage_location=origin.storage_location,
        kept_at=origin.kept_at,
        run_id=origin.run_id,
        model_id=origin.model_id,
    )
    if not call.stores.metadata.model_versions.import_model_version(kept):
        return False
    for alias in version.aliases:
        if alias not in known:
            store = call.stores.metadata.registered_models
            store.set_alias(call.workspace.name, model.name, alias, version.version)
    return True


def _origin(call: Call, model: RegisteredModel, version: ModelVersion, path: str | None) -> Origin:
    if is_prompt(version.tags) or model.is_prompt:
        return origin_of_prompt(version.source, version.run_id)
    run_id = version.run_id or None
    if version.model_id:
        return resolve_origin(call, f"models:/{version.model_id}", run_id, version.model_id)
    if path is None:
        return resolve_origin(call, version.source, run_id, None)
    run = call.stores.metadata.runs.get_run(call.workspace.name, version.run_id)
    place = f"{run.artifact_uri.rstrip('/')}/{path}" if path else run.artifact_uri
    return resolve_origin(call, place, run_id, None)


def _check_model(model: RegisteredModel, versions: Sequence[ModelVersion]) -> None:
    names.check_model_name(model.name)
    names.check_registry_tags(model.tags)
    check_length(model.description, names.MAX_DESCRIPTION_LENGTH, "description")
    check_imported_time(model.created_ms, "creation_timestamp")
    check_imported_time(model.updated_ms, "last_updated_timestamp")
    if len(versions) > MAX_VERSIONS:
        raise InvalidParameter(f"'versions' has {len(versions)} entries; at most {MAX_VERSIONS} are allowed.")
    numbers = [version.version for version in versions]
    if numbers != sorted(set(numbers)) or not all(0 < number <= MAX_NUMBER for number in numbers):
        raise InvalidParameter(f"'versions' must have numbers from 1 to {MAX_NUMBER} that rise.")


def _check_version(version: ModelVersion) -> None:
    names.check_registry_tags(version.tags)
    check_length(version.description or "", names.MAX_DESCRIPTION_LENGTH, "description")
    check_length(version.run_link, names.MAX_RUN_LINK_LENGTH, "run_link")
    check_imported_time(version.created_ms, "creation_timestamp")
    check_imported_time(version.updated_ms, "last_updated_timestamp")
    if len(version.aliases) > names.MAX_ALIASES:
        raise InvalidParameter(f"'aliases' has more than {names.MAX_ALIASES} entries.")
    for alias in version.aliases:
        names.check_new_alias(alias)
