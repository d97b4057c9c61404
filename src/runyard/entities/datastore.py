"""A datastore: a place for files that a workspace knows by a name, in the server's own store or elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

BLOB_STORE: Final = "workspaceblobstore"
"""The folder for files that each workspace has in the server's own artifact store; the default one."""

ARTIFACT_STORE: Final = "workspaceartifactstore"
"""The files of a workspace's runs and models, where they are."""


class DatastoreKind(str, Enum):
    """What keeps the files."""

    FOLDER = "folder"
    S3 = "s3"
    AZURE_BLOB = "azure_blob"
    GCS = "gcs"


@dataclass(frozen=True, slots=True)
class Place:
    """Where files are; what does not belong to a kind is empty.

    Args:
        bucket: The bucket, or Azure's container.
        prefix: The folder in it that is the datastore's root.
        endpoint: The service's address, where it is not the cloud's own.
        region: The region of an S3 bucket.
        account: Azure's storage account.
        folder: A folder of the server; empty for one in the server's own artifact store.
    """

    bucket: str = ""
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    account: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Datastore:
    """A datastore of a workspace.

    Args:
        name: Its name, unique in its workspace.
        kind: What keeps the files.
        place: Where.
        description: Free text.
        created_ms: When it was registered, in milliseconds since the epoch.
        created_by: By whom; empty for those that each workspace has.
        updated_ms: When it was registered last.
        sealed: The credential, encrypted; empty where none is needed.
    """

    name: str
    kind: DatastoreKind
    place: Place = Place()
    description: str = ""
    created_ms: int = 0
    created_by: str = ""
    updated_ms: int = 0
    sealed: str = field(default="", repr=False)

    @property
    def is_built_in(self) -> bool:
        """Whether each workspace has it, and nobody registers or removes it."""
        return self.name in BUILT_IN


BUILT_IN: Final = {
    name: Datastore(name, DatastoreKind.FOLDER, description=description)
    for name, description in (
        (ARTIFACT_STORE, "The files of this workspace's runs and models."),
        (BLOB_STORE, "Files of this workspace, on the server."),
    )
}
