"""What can be done with the versions of registered models; each change is announced."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runyard.entities import registry_change
from runyard.entities.registered_model import MODEL_VERSIONS_TAG, ModelVersion, is_prompt
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol import registry_names as names
from runyard.protocol.limits import check_key, check_length, check_page_size
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.protocol.registry_filters import parse_model_version_filter, parse_model_version_order
from runyard.services import artifacts
from runyard.services.artifacts import ArtifactDownload, ListedArtifact
from runyard.services.call import Call
from runyard.services.model_sources import check_pattern, origin_of_prompt, resolve_origin
from runyard.services.registered_models import get_registered_model
from runyard.services.registry_events import announce
from runyard.stores.artifacts.paths import PROXY_SCHEME
from runyard.stores.metadata.base import Search

MAX_VERSIONS_PAGE = 200_000


@dataclass(frozen=True, slots=True)
class NewVersion:
    """What a client says of a version that it registers; ``None`` where it said nothing."""

    name: str
    source: str
    run_id: str | None = None
    model_id: str | None = None
    run_link: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


def create_model_version(call: Call, new: NewVersion) -> ModelVersion:
    """Return the next version of a model. The logged model that it is of, if any, is tagged with it.

    Raises:
        InvalidParameter: Its source is not the caller's to name, or a tag or text can't be.
        NotFound: There is no such model, or the source names one that is not there.
    """
    names.check_model_name(new.name)
    names.check_registry_tags(new.tags)
    check_length(new.description, names.MAX_DESCRIPTION_LENGTH, "description")
    check_length(new.run_link, names.MAX_RUN_LINK_LENGTH, "run_link")
    with call.stores.atomic():
        if is_prompt(new.tags):
            origin = origin_of_prompt(new.source, new.run_id)
        else:
            check_pattern(call, new.source)
            origin = resolve_origin(call, new.source, new.run_id, new.model_id)
        now_ms = call.now_ms()
        version = call.stores.metadata.model_versions.add_model_version(
            ModelVersion(
                workspace=call.workspace.name,
                name=new.name,
                version=0,
                created_ms=now_ms,
                updated_ms=now_ms,
                source=origin.source,
                storage_location=origin.storage_location,
                kept_at=origin.kept_at,
                run_id=origin.run_id,
                model_id=origin.model_id,
                run_link=new.run_link,
                description=new.description,
                tags=dict(new.tags),
            )
        )
        if version.model_id:
            _tag_logged_model(call, version)
        announce(call, registry_change.version_created(version))
    return version


def get_model_version(call: Call, name: str, version: str) -> ModelVersion:
    """Return a version; in a transaction that may write, it is held.

    Raises:
        InvalidParameter: No model can have this name, or ``version`` is no number.
        NotFound: There is no such version.
    """
    names.check_model_name(name)
    number = names.version_number(version)
    if not number:
        raise NotFound(f"Model Version (name={name}, version={version[:100]}) not found")
    return call.stores.metadata.model_versions.get_model_version(call.workspace.name, name, number)


def describe_model_version(call: Call, name: str, version: str, description: str | None) -> ModelVersion:
    """Give a version another description, or none, and return it."""
    check_length(description or "", names.MAX_DESCRIPTION_LENGTH, "description")
    store = call.stores.metadata.model_versions
    with call.stores.atomic():
        found = get_model_version(call, name, version)
        store.describe_model_version(call.workspace.name, name, found.version, description, call.now_ms())
        return get_model_version(call, name, version)


def move_model_version(
    call: Call, name: str, version: str, stage: str, *, archive_others: bool
) -> ModelVersion:
    """Move a version to a stage and return it; those that are there may be archived.

    Raises:
        InvalidParameter: There is no such stage, or others are to be archived from one that is not in use.
    """
    to, store = names.stage_named(stage), call.stores.metadata.model_versions
    if archive_others and to not in names.ACTIVE_STAGES:
        raise InvalidParameter(
            f"Model version transition cannot archive existing model versions because '{stage}' is not an "
            f"Active stage. Valid stages are {[each.value for each in names.ACTIVE_STAGES]}"
        )
    workspace, now_ms = call.workspace.name, call.now_ms()
    with call.stores.atomic():
        found = get_model_version(call, name, version)
        if archive_others:
            store.archive_others(workspace, name, found.version, to, now_ms)
        store.move_model_version(workspace, name, found.version, to, now_ms)
        announce(call, registry_change.version_moved(found, to))
        return get_model_version(call, name, version)


def delete_model_version(call: Call, name: str, version: str) -> None:
    """Delete a version for good; its number is never given again."""
    with call.stores.atomic():
        found = get_model_version(call, name, version)
        store = call.stores.metadata.model_versions
        store.delete_model_version(call.workspace.name, name, found.version, call.now_ms())
        announce(call, registry_change.version_deleted(name, found.version))


def set_model_version_tag(call: Call, name: str, version: str, key: str, value: str) -> None:
    """Set a tag of a version, over an older value."""
    names.check_registry_tags({key: value})
    with call.stores.atomic():
        found = get_model_version(call, name, version)
        store = call.stores.metadata.model_versions
        store.set_model_version_tags(call.workspace.name, name, found.version, {key: value})
        model = get_registered_model(call, name)
        announce(call, registry_change.version_tag_set(model, found.version, key, value))


def delete_model_version_tag(call: Call, name: str, version: str, key: str) -> None:
    """Delete a tag of a version; one that it has not is passed over, as MLflow does."""
    check_key(key, "key")
    with call.stores.atomic():
        found = get_model_version(call, name, version)
        store = call.stores.metadata.model_versions
        if store.delete_model_version_tag(call.workspace.name, name, found.version, key):
            model = get_registered_model(call, name)
            announce(call, registry_change.version_tag_deleted(model, found.version, key))


def search_model_versions(
    call: Call, filter_text: str | None, order_by: Sequence[str], limit: int, page_token: str | None
) -> Page[ModelVersion]:
    """Return a page of versions, the last changed first, or in the order that is asked for.

    Raises:
        InvalidParameter: The filter, the order, the limit or the page token can't be.
    """
    if limit < 1:
        raise InvalidParameter(
            f"Invalid value for max_results. It must be a positive integer, but got {limit}"
        )
    check_page_size(limit, MAX_VERSIONS_PAGE)
    offset = parse_page_token(page_token)
    search = Search(
        workspace=call.workspace.name,
        filter=parse_model_version_filter(filter_text),
        order=parse_model_version_order(order_by),
        limit=limit + 1,
        offset=offset,
    )
    with call.stores.database.reading_together():
        found = call.stores.metadata.model_versions.search_model_versions(search)
    return page_of(found, limit, offset)


def open_version_file(call: Call, name: str, version: str, path: str) -> ArtifactDownload:
    """Open a file of a version; whoever gets it closes it.

    Raises:
        InvalidParameter: A path that can't be, or files that are kept where the server doesn't look.
        NotFound: There is no such version or file.
    """
    artifacts.check_file_path(path)
    kept = _kept(get_model_version(call, name, version))
    try:
        return artifacts.open_file(call, kept, path)
    except NotFound:
        folder, _, base = kept.rpartition("/")
        if path != base:
            raise
        return artifacts.open_file(call, folder, base)


def list_version_files(call: Call, name: str, version: str, path: str) -> list[ListedArtifact]:
    """Return what lies directly in a directory of a version; a version may be a single file.

    Raises:
        InvalidParameter: A path that can't be, or files that are kept where the server doesn't look.
        NotFound: There is no such version.
    """
    kept = _kept(get_model_version(call, name, version))
    listed = artifacts.list_directory(call, kept, path)
    folder, _, base = kept.rpartition("/")
    if listed or path or "/" not in folder:
        return listed
    beside = artifacts.list_directory(call, folder)
    return [item for item in beside if item.path == base and item.size_bytes is not None]


def _kept(version: ModelVersion) -> str:
    return f"{PROXY_SCHEME}:/{version.kept_at}" if version.kept_at else version.storage_location


def _tag_logged_model(call: Call, version: ModelVersion) -> None:
    """Note on a logged model that it was registered, in the tag and the form that MLflow has for it."""
    store = call.stores.metadata.logged_models
    try:
        model = store.get_logged_model(call.workspace.name, version.model_id)
    except NotFound:  # deleted since the version was registered that this one is a copy of
        return
    registered = _listed(model.tags.get(MODEL_VERSIONS_TAG, "[]"))
    named = {"name": version.name, "version": version.version}
    if named in registered:
        return
    registered.append(named)
    while len(value := json.dumps(registered)) > names.MAX_TAG_VALUE_LENGTH:
        registered = registered[len(registered) // 10 + 1 :]
    store.set_model_tags(version.model_id, {MODEL_VERSIONS_TAG: value})


def _listed(text: str) -> list[Any]:
    """Return the list that a tag holds; anybody may have written something else into it."""
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return listed if isinstance(listed, list) else []
