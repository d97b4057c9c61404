"""What can be done with data assets: register versions, get, list, describe, delete."""

from __future__ import annotations

import codecs
import re
import uuid
from collections.abc import Mapping
from urllib.parse import urlsplit

from runyard.entities.data_asset import (
    UPLOADS,
    DataAsset,
    DataContent,
    DataKind,
    DataSource,
    Reading,
    SourceKind,
)
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol import asset_limits as limits
from runyard.protocol.limits import check_length, check_page_size
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.protocol.wire import invalid
from runyard.services.artifacts import list_proxied
from runyard.services.call import Call
from runyard.stores.artifacts.paths import ArtifactPath
from runyard.stores.metadata.base_data_assets import RegisteredAsset

MAX_PAGE = 1_000
MAX_SOURCES = 1_000
MAX_ADDRESS_LENGTH = 2_000
MAX_DATASTORE_LENGTH = 255
MAX_SEPARATOR_LENGTH = 10
MAX_ENCODING_LENGTH = 50
MAX_COLUMNS = 10_000
MAX_COLUMN_LENGTH = 1_000
MAX_TYPE_LENGTH = 100
MAX_CONTENT_LENGTH = 1_000_000

_UPLOAD = re.compile(rf"{UPLOADS}/[0-9a-f]{{32}}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def register_data_asset(
    call: Call,
    name: str,
    content: DataContent,
    words: tuple[str, Mapping[str, str]] = ("", {}),
    *,
    as_new_version: bool = False,
) -> RegisteredAsset:
    """Keep data as the next version of a name, or return its latest version if it is that already.

    Args:
        call: Who registers, where.
        name: The name.
        content: Where the data lies and how it is read.
        words: Description and tags of the version.
        as_new_version: Whether the name may have a version that is something else.

    Raises:
        InvalidParameter: The name or a part of it can't be.
        NotFound: Nothing was uploaded where it says.
        AlreadyExists: The name has a version that is something else, and may not.
    """
    description, tags = words
    limits.check_data_name(name)
    limits.check_description(description)
    limits.check_asset_tags(tags)
    check_content(content)
    for folder in content.folders():
        if not list_proxied(call, folder):
            raise NotFound(f"Nothing was uploaded to '{folder}'.")
    made = DataAsset(
        workspace=call.workspace.name,
        name=name,
        version=0,
        asset_id=str(uuid.uuid4()),
        content=content,
        created_ms=call.now_ms(),
        created_by="" if call.caller is None else call.caller.name,
        description=description,
        tags=tags,
    )
    with call.stores.atomic():
        _check_not_removed(call, content)
        return call.stores.metadata.data_assets.register(made, as_new_version=as_new_version)


def get_data_asset(call: Call, name: str, version: int | None = None) -> DataAsset:
    """Return a version of a data asset, the latest one unless it is named."""
    limits.check_data_name(name)
    return call.stores.metadata.data_assets.get_asset(call.workspace.name, name, version)


def get_data_asset_by_id(call: Call, asset_id: str) -> DataAsset:
    """Return the version of a data asset that has this id."""
    return call.stores.metadata.data_assets.get_asset_by_id(call.workspace.name, asset_id)


def list_data_assets(call: Call, limit: int, page_token: str | None) -> Page[DataAsset]:
    """Return a page of the workspace's data assets in their latest versions, by name."""
    check_page_size(limit, MAX_PAGE)
    offset = parse_page_token(page_token)
    found = call.stores.metadata.data_assets.list_assets(call.workspace.name, limit + 1, offset)
    return page_of(found, limit, offset)


def list_versions(call: Call, name: str, limit: int, page_token: str | None) -> Page[DataAsset]:
    """Return a page of a data asset's versions, the highest number first."""
    limits.check_data_name(name)
    check_page_size(limit, MAX_PAGE)
    offset = parse_page_token(page_token)
    found = call.stores.metadata.data_assets.list_versions(call.workspace.name, name, limit + 1, offset)
    return page_of(found, limit, offset)


def change_data_asset(
    call: Call, asset_id: str, description: str | None, tags: Mapping[str, str] | None
) -> DataAsset:
    """Change what is said of a version, and return it."""
    limits.check_description(description or "")
    limits.check_asset_tags(tags or {})
    store = call.stores.metadata.data_assets
    with call.stores.atomic():
        found = store.get_asset_by_id(call.workspace.name, asset_id)
        store.describe(
            asset_id,
            found.description if description is None else description,
            found.tags if tags is None else tags,
        )
        return store.get_asset_by_id(call.workspace.name, asset_id)


def delete_data_asset(call: Call, name: str, version: int | None) -> int:
    """Delete a version, or all of them, for good; return how many.

    What was uploaded for them, and nothing else needs, goes with the next collection.
    """
    limits.check_data_name(name)
    with call.stores.atomic():
        store = call.stores.metadata.data_assets
        return store.delete(call.workspace.name, name, version, call.now_ms())


def check_content(content: DataContent) -> None:
    """Refuse data at a place that can't be, or that can't be read so.

    Raises:
        InvalidParameter: Names the part, and what it may be.
    """
    if not content.sources:
        raise InvalidParameter("'sources' is empty: say where the data lies.")
    limits.check_count(content.sources, MAX_SOURCES, "sources")
    for source in content.sources:
        _check_source(source)
    if (content.kind is DataKind.TABULAR) != (content.reading is not None):
        raise InvalidParameter("'reading' says how rows are read: tabular data has one, files have none.")
    if content.reading is not None:
        _check_reading(content.reading)
    check_length(content.as_json(), MAX_CONTENT_LENGTH, "data asset")


def _check_not_removed(call: Call, content: DataContent) -> None:
    """Refuse a folder that belonged to something that was deleted: its files go, or have gone already."""
    for folder in content.folders():
        path = ArtifactPath((call.workspace.name, *folder.split("/")))
        if call.stores.metadata.trash.is_removed(call.workspace, path):
            raise NotFound(f"What was uploaded to '{folder}' was deleted. Upload it again.")


def _check_source(source: DataSource) -> None:
    limits.check_line(source.address, MAX_ADDRESS_LENGTH, "sources.address")
    if source.kind is not SourceKind.DATASTORE and source.datastore:
        raise InvalidParameter("'sources.datastore' is named where the kind is 'datastore' alone.")
    if source.kind is not SourceKind.UPLOAD and source.sha256:
        raise InvalidParameter("'sources.sha256' is given where the kind is 'upload' alone.")
    if source.kind is SourceKind.URL:
        _check_url(source.address)
    elif source.kind is SourceKind.DATASTORE:
        limits.check_line(source.datastore, MAX_DATASTORE_LENGTH, "sources.datastore")
        if ".." in source.address.split("/") or "\\" in source.address:
            raise invalid("sources.address", source.address, "A path below the datastore is expected.")
    else:
        if _UPLOAD.fullmatch(source.address) is None:
            raise invalid(
                "sources.address", source.address, f"'{UPLOADS}/' and 32 hexadecimal digits are expected."
            )
        if _SHA256.fullmatch(source.sha256) is None:
            raise invalid("sources.sha256", source.sha256[:100], "64 hexadecimal digits are expected.")


def _check_url(address: str) -> None:
    """Refuse what is no address of the web, or has a secret in it; only clients ever open it."""
    try:
        parts = urlsplit(address)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise invalid("sources.address", address, "It is no URL.") from None
    if parts.scheme not in ("http", "https") or not is_whole or " " in address:
        raise invalid("sources.address", address, "An http(s) URL is expected; else name a datastore.")
    if parts.username is not None or parts.password is not None:
        raise InvalidParameter(
            "'sources.address' has a name or a password in it, which all who read the workspace could read."
        )


def _check_reading(reading: Reading) -> None:
    if not reading.separator or len(reading.separator) > MAX_SEPARATOR_LENGTH:
        raise invalid(
            "reading.separator",
            reading.separator[:100],
            f"1 to {MAX_SEPARATOR_LENGTH} characters are expected.",
        )
    limits.check_line(reading.encoding, MAX_ENCODING_LENGTH, "reading.encoding")
    try:
        codecs.lookup(reading.encoding)
    except LookupError:
        raise invalid("reading.encoding", reading.encoding, "It is no encoding, as 'utf-8' is one.") from None
    limits.check_count(reading.column_types, MAX_COLUMNS, "reading.column_types")
    for column, type_word in reading.column_types.items():
        check_length(column, MAX_COLUMN_LENGTH, "reading.column_types")
        limits.check_line(type_word, MAX_TYPE_LENGTH, "reading.column_types")
