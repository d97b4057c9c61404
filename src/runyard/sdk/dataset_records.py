"""What a server keeps of datasets: asked for, registered, changed and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from runyard.errors import InvalidParameter, NotFound, Unavailable
from runyard.protocol.asset_limits import check_data_name
from runyard.protocol.messages.data_assets import (
    ChangeDataAsset,
    DataAssetAnswer,
    DataAssetVersion,
    DeletedDataAssetsAnswer,
    ListDataAssets,
    ListDataAssetsAnswer,
    RegisterDataAsset,
    RegisteredDataAssetAnswer,
    WireDataAsset,
)
from runyard.sdk.addresses import one_segment
from runyard.sdk.arguments import text
from runyard.sdk.connection import connection_of
from runyard.sdk.data_sources import Uploads
from runyard.sdk.pages import pages

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

_BASE = "/api/v1/data-assets"
_BY_ID = "/api/v1/data-asset-versions"
_PAGE_SIZE = 1_000
_LONGEST_NUMBER = 9


def get_record(workspace: Workspace, name: str, version: str | int | None = None) -> WireDataAsset:
    """Return a version of a dataset, the latest unless it is named.

    Raises:
        NotFound: The workspace has no such dataset or version.
    """
    query = DataAssetVersion(version=_number(version))
    return connection_of(workspace).get(_path(name), DataAssetAnswer, query).data_asset


def get_record_by_id(workspace: Workspace, dataset_id: str) -> WireDataAsset:
    """Return the version of a dataset that has this id.

    Raises:
        NotFound: The workspace has none.
    """
    return connection_of(workspace).get(_of_id(dataset_id), DataAssetAnswer).data_asset


def change_record(workspace: Workspace, dataset_id: str, wanted: ChangeDataAsset) -> WireDataAsset:
    """Change what is said of a version of a dataset, and return it."""
    return connection_of(workspace).change("PATCH", _of_id(dataset_id), wanted, DataAssetAnswer).data_asset


def list_records(workspace: Workspace, name: str | None = None) -> Iterator[WireDataAsset]:
    """Yield the latest versions of a workspace's datasets, or all versions of one, the last one first."""
    path = _BASE if name is None else f"{_path(name)}/versions"

    def ask(page_token: str | None) -> ListDataAssetsAnswer:
        query = ListDataAssets(max_results=_PAGE_SIZE, page_token=page_token)
        return connection_of(workspace).get(path, ListDataAssetsAnswer, query)

    for answer in pages(ask):
        yield from answer.data_assets


def delete_dataset(workspace: Workspace, name: str, version: str | int | None = None) -> int:
    """Delete a version of a dataset, or all of them, for good; return how many.

    Raises:
        NotFound: The workspace has no such dataset or version.
    """
    query = DataAssetVersion(version=_number(version))
    return connection_of(workspace).delete(_path(name), query, DeletedDataAssetsAnswer).deleted


def register_record(workspace: Workspace, wanted: RegisterDataAsset, uploads: Uploads) -> WireDataAsset:
    """Register a dataset, and take back what was uploaded for it if nothing comes of that."""
    try:
        answer = connection_of(workspace).post(_BASE, wanted, RegisteredDataAssetAnswer, is_repeatable=True)
    except Unavailable:
        raise  # it may have been registered: what was uploaded stays
    except BaseException:
        uploads.take_back()
        raise
    uploads.take_back(frozenset(source.address for source in answer.data_asset.sources))
    return answer.data_asset


def _path(name: str) -> str:
    check_data_name(text(name, "name"))
    return f"{_BASE}/{quote(name, safe='')}"


def _number(version: str | int | None) -> int | None:
    if version is None or version == "latest":
        return None
    text = str(version)
    if not text.isascii() or not text.isdecimal() or len(text) > _LONGEST_NUMBER:
        raise InvalidParameter(f"A version of a dataset is a number or 'latest', not {version!r}.")
    return int(text)


def _of_id(dataset_id: str) -> str:
    if "/" in text(dataset_id, "id"):  # no id has one, and an address has it between two others
        raise NotFound(f"There is no dataset of the id {dataset_id!r}.")
    return f"{_BY_ID}/{one_segment(dataset_id, 'id')}"
