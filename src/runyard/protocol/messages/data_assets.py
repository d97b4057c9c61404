"""Runyard's own messages about data assets."""

from __future__ import annotations

from runyard.entities.data_asset import (
    DataAsset,
    DataContent,
    DataFormat,
    DataKind,
    DataSource,
    Reading,
    SourceKind,
)
from runyard.protocol.messages.common import Int64, Wire
from runyard.protocol.wire import choice


class WireDataSource(Wire, omit_defaults=False):
    """Where data lies; `kind` is `url`, `datastore` or `upload`.

    The address is a URL; a path in the datastore; or, of an upload, `data-assets/` with 32 hexadecimal
    digits, a folder of the workspace that files were uploaded to, with a SHA-256 of the sender's over them.
    """

    kind: str
    address: str
    datastore: str = ""
    sha256: str = ""


class WireReading(Wire, omit_defaults=False):
    """How rows are read; `format` is `delimited`, `json_lines` or `parquet`."""

    format: str
    separator: str = ","
    header: bool = True
    encoding: str = "utf-8"
    include_path: bool = False
    drops_invalid_lines: bool = False
    column_types: dict[str, str] = {}
    partition_format: str = ""
    timestamp_column: str = ""
    partition_timestamp_column: str = ""


class RegisterDataAsset(Wire):
    """Body of ``POST /api/v1/data-assets``; `kind` is `file` or `tabular`, which alone has a `reading`."""

    name: str
    kind: str
    sources: list[WireDataSource]
    reading: WireReading | None = None
    description: str = ""
    tags: dict[str, str] = {}
    as_new_version: bool = False


class DataAssetVersion(Wire):
    """Query of ``GET`` and ``DELETE /api/v1/data-assets/{name}``; left out, the latest, or all of them."""

    version: Int64 | None = None


class ListDataAssets(Wire):
    """Query of ``GET /api/v1/data-assets`` and of ``GET /api/v1/data-assets/{name}/versions``."""

    max_results: Int64 = 100
    page_token: str | None = None


class ChangeDataAsset(Wire):
    """Body of ``PATCH /api/v1/data-asset-versions/{asset_id}``; what is left out stays as it is."""

    description: str | None = None
    tags: dict[str, str] | None = None


class WireDataAsset(Wire, omit_defaults=False):
    """A version of a data asset."""

    name: str
    version: int
    latest_version: int
    asset_id: str
    kind: str
    sources: list[WireDataSource]
    reading: WireReading | None
    content_sha256: str
    description: str
    tags: dict[str, str]
    created_ms: int
    created_by: str


class DataAssetAnswer(Wire, omit_defaults=False):
    """One version of a data asset."""

    data_asset: WireDataAsset


class RegisteredDataAssetAnswer(Wire, omit_defaults=False):
    """What was registered; ``is_new`` is false where the latest version was that already."""

    data_asset: WireDataAsset
    is_new: bool


class ListDataAssetsAnswer(Wire, omit_defaults=False):
    """A page of data assets, or of versions of one."""

    data_assets: list[WireDataAsset]
    next_page_token: str | None = None


class DeletedDataAssetsAnswer(Wire, omit_defaults=False):
    """How many versions were deleted."""

    deleted: int


def data_content(kind: str, sources: list[WireDataSource], reading: WireReading | None) -> DataContent:
    """Return what a message says of data.

    Raises:
        InvalidParameter: A word is none of those that there are.
    """
    return DataContent(
        choice(DataKind, kind, "kind"),
        tuple(
            DataSource(
                choice(SourceKind, each.kind, "sources.kind"), each.address, each.datastore, each.sha256
            )
            for each in sources
        ),
        None
        if reading is None
        else Reading(
            choice(DataFormat, reading.format, "reading.format"),
            reading.separator,
            reading.header,
            reading.encoding,
            reading.include_path,
            reading.drops_invalid_lines,
            reading.column_types,
            reading.partition_format,
            reading.timestamp_column,
            reading.partition_timestamp_column,
        ),
    )


def wire_data_asset(asset: DataAsset) -> WireDataAsset:
    """Return a data asset as Runyard writes it."""
    content = asset.content
    return WireDataAsset(
        name=asset.name,
        version=asset.version,
        latest_version=asset.latest_version,
        asset_id=asset.asset_id,
        kind=content.kind.value,
        sources=[
            WireDataSource(
                kind=each.kind.value, address=each.address, datastore=each.datastore, sha256=each.sha256
            )
            for each in content.sources
        ],
        reading=_wire_reading(content.reading),
        content_sha256=content.sha256(),
        description=asset.description,
        tags=dict(asset.tags),
        created_ms=asset.created_ms,
        created_by=asset.created_by,
    )


def _wire_reading(reading: Reading | None) -> WireReading | None:
    if reading is None:
        return None
    return WireReading(
        format=reading.format.value,
        separator=reading.separator,
        header=reading.header,
        encoding=reading.encoding,
        include_path=reading.include_path,
        drops_invalid_lines=reading.drops_invalid_lines,
        column_types=dict(reading.column_types),
        partition_format=reading.partition_format,
        timestamp_column=reading.timestamp_column,
        partition_timestamp_column=reading.partition_timestamp_column,
    )
