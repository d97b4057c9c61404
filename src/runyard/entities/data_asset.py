"""A data asset: where data lies and how it is read, kept by name and in versions. SDKs call it a dataset."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import Enum

UPLOADS = "data-assets"
"""The folder of a workspace that holds what was uploaded for data assets, each upload in one of its own."""

# Else what was registered before these were there would not be what it was.
_ADDED_LATER = ("partition_format", "timestamp_column", "partition_timestamp_column")


class DataKind(Enum):
    """Whether it is files, or rows that are in them."""

    FILE = "file"
    TABULAR = "tabular"


class SourceKind(Enum):
    """Where data lies: at an address of the web, in a datastore, or with the workspace's artifacts."""

    URL = "url"
    DATASTORE = "datastore"
    UPLOAD = "upload"


class DataFormat(Enum):
    """How rows lie in files."""

    DELIMITED = "delimited"
    JSON_LINES = "json_lines"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class DataSource:
    """One place where data lies.

    Args:
        kind: What sort of place.
        address: A URL; a path in a datastore, which may have ``*`` in it; a folder of the workspace.
        datastore: The datastore's name.
        sha256: Of an upload: over the names and contents of its files.
    """

    kind: SourceKind
    address: str
    datastore: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are read from files.

    Args:
        format: What the files are.
        separator: What stands between the values of a line.
        header: Whether the first line of each file names the columns.
        encoding: Of text.
        include_path: Whether a column ``Path`` says which file a row is from.
        drops_invalid_lines: Whether lines that can't be read are passed over; else they are an error.
        column_types: The types of columns, by pandas' words; what is left out is found by looking.
        partition_format: What the ends of paths say of the rows, as ``/{team}/{when:yyyy/MM}/data.csv``.
        timestamp_column: The column that says when a row was.
        partition_timestamp_column: The one of the path that says it roughly.
    """

    format: DataFormat
    separator: str = ","
    header: bool = True
    encoding: str = "utf-8"
    include_path: bool = False
    drops_invalid_lines: bool = False
    column_types: Mapping[str, str] = field(default_factory=dict)
    partition_format: str = ""
    timestamp_column: str = ""
    partition_timestamp_column: str = ""


@dataclass(frozen=True, slots=True)
class DataContent:
    """What makes two versions differ; ``reading`` is of tabular ones alone."""

    kind: DataKind
    sources: tuple[DataSource, ...]
    reading: Reading | None = None

    def as_json(self) -> str:
        """Return it as JSON; what later versions of Runyard added is left out where nothing is said."""
        content = asdict(self)
        if self.reading is not None:
            content["reading"] = {
                key: value for key, value in content["reading"].items() if value or key not in _ADDED_LATER
            }
        return json.dumps(content, sort_keys=True, separators=(",", ":"), default=_value)

    def sha256(self) -> str:
        """Return a hash that is the same for the same data; of an upload its content counts alone."""
        alike = tuple(
            replace(each, address="") if each.kind is SourceKind.UPLOAD else each for each in self.sources
        )
        return hashlib.sha256(replace(self, sources=alike).as_json().encode()).hexdigest()

    def folders(self) -> list[str]:
        """Return the folders of the workspace that it needs."""
        return sorted({each.address for each in self.sources if each.kind is SourceKind.UPLOAD})


@dataclass(frozen=True, slots=True)
class DataAsset:
    """A version of a data asset.

    Args:
        workspace: Where it is kept.
        name: Its name, unique in the workspace.
        version: Counts up from 1; a number is given once.
        asset_id: The version's id, unique on the server.
        content: Where the data lies and how it is read.
        created_ms: When it was registered.
        created_by: By whom.
        description: What it is.
        tags: Free key and value pairs.
        latest_version: The highest number that there is.
    """

    workspace: str
    name: str
    version: int
    asset_id: str
    content: DataContent
    created_ms: int
    created_by: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    latest_version: int = 0


def _value(word: Enum) -> str:
    return str(word.value)
