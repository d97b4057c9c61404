"""Runyard's own routes about data assets."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.protocol.messages.data_assets import (
    ChangeDataAsset,
    DataAssetAnswer,
    DataAssetVersion,
    DeletedDataAssetsAnswer,
    ListDataAssets,
    ListDataAssetsAnswer,
    RegisterDataAsset,
    RegisteredDataAssetAnswer,
    data_content,
    wire_data_asset,
)
from runyard.server.routing import Routes
from runyard.services import data_assets
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/v1/data-assets"
_BY_ID = "/api/v1/data-asset-versions/{asset_id}"


@routes.get(_BASE, permits=Permission.READ, summary="List the data assets of a workspace, by name.")
def list_data_assets(call: Call, body: ListDataAssets) -> ListDataAssetsAnswer:
    """Answer a page of data assets in their latest versions."""
    page = data_assets.list_data_assets(call, body.max_results, body.page_token)
    return ListDataAssetsAnswer(
        data_assets=[wire_data_asset(each) for each in page.items], next_page_token=page.next_token
    )


@routes.post(
    _BASE,
    permits=Permission.CONTRIBUTE,
    for_jobs=True,
    summary="Register data by name; what the latest version is already, is that version.",
)
def register_data_asset(call: Call, body: RegisterDataAsset) -> RegisteredDataAssetAnswer:
    """Keep a version of a data asset."""
    content = data_content(body.kind, body.sources, body.reading)
    words = (body.description, body.tags)
    made = data_assets.register_data_asset(
        call, body.name, content, words, as_new_version=body.as_new_version
    )
    return RegisteredDataAssetAnswer(data_asset=wire_data_asset(made.asset), is_new=made.is_new)


@routes.get(
    f"{_BASE}/{{name}}",
    permits=Permission.READ,
    summary="Get a version of a data asset, the latest unless it is named.",
)
def get_data_asset(call: Call, body: DataAssetVersion, name: str) -> DataAssetAnswer:
    """Answer one version."""
    return DataAssetAnswer(data_asset=wire_data_asset(data_assets.get_data_asset(call, name, body.version)))


@routes.delete(
    f"{_BASE}/{{name}}",
    permits=Permission.CONTRIBUTE,
    is_audited=True,
    summary="Delete a version of a data asset, or all of them, for good.",
)
def delete_data_asset(call: Call, body: DataAssetVersion, name: str) -> DeletedDataAssetsAnswer:
    """Delete versions."""
    return DeletedDataAssetsAnswer(deleted=data_assets.delete_data_asset(call, name, body.version))


@routes.get(
    f"{_BASE}/{{name}}/versions", permits=Permission.READ, summary="List the versions of a data asset."
)
def list_versions(call: Call, body: ListDataAssets, name: str) -> ListDataAssetsAnswer:
    """Answer a page of versions."""
    page = data_assets.list_versions(call, name, body.max_results, body.page_token)
    return ListDataAssetsAnswer(
        data_assets=[wire_data_asset(each) for each in page.items], next_page_token=page.next_token
    )


@routes.get(_BY_ID, permits=Permission.READ, summary="Get a version of a data asset by its id.")
def get_data_asset_by_id(call: Call, asset_id: str) -> DataAssetAnswer:
    """Answer one version."""
    return DataAssetAnswer(data_asset=wire_data_asset(data_assets.get_data_asset_by_id(call, asset_id)))


@routes.patch(_BY_ID, permits=Permission.CONTRIBUTE, summary="Describe and tag a version of a data asset.")
def change_data_asset(call: Call, body: ChangeDataAsset, asset_id: str) -> DataAssetAnswer:
    """Change what is said of a version."""
    changed = data_assets.change_data_asset(call, asset_id, body.description, body.tags)
    return DataAssetAnswer(data_asset=wire_data_asset(changed))
