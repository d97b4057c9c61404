"""Runyard's own messages about datastores; a credential goes in and never comes out."""

from __future__ import annotations

from typing import ClassVar

from runyard.entities.datastore import Datastore, Place
from runyard.protocol.messages.common import Int64, Wire


class WireCredential(Wire, forbid_unknown_fields=True):
    """What a datastore's requests are signed with: those of one kind, the rest left out.

    What is not known is refused: with a wrong name, requests would go out unsigned.
    """

    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str = ""
    account_key: str = ""
    sas_token: str = ""
    service_account_key: str = ""

    def __repr__(self) -> str:
        return "WireCredential(...)"


class RegisterDatastore(Wire):
    """Body of ``POST /api/v1/datastores``; `kind` is `folder`, `s3`, `azure_blob` or `gcs`.

    `bucket` is Azure's container. A folder without `folder` lies in the server's own artifact store.
    """

    __wire_unsaid__: ClassVar[frozenset[str]] = frozenset({"credential"})

    name: str
    kind: str
    bucket: str = ""
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    account: str = ""
    folder: str = ""
    credential: WireCredential | None = None
    description: str = ""
    overwrite: bool = False
    skip_validation: bool = False


class ListDatastoreFiles(Wire):
    """Query of ``GET /api/v1/datastores/{datastore}/files``."""

    path: str = ""
    max_results: Int64 = 1000
    page_token: str = ""


class WireDatastore(Wire, omit_defaults=False):
    """A datastore without its credential; `is_built_in` says that each workspace has it."""

    name: str
    kind: str
    bucket: str
    prefix: str
    endpoint: str
    region: str
    account: str
    folder: str
    has_credential: bool
    description: str
    is_built_in: bool
    is_default: bool
    created_ms: int
    created_by: str
    updated_ms: int


class DatastoreAnswer(Wire, omit_defaults=False):
    """One datastore."""

    datastore: WireDatastore


class ListDatastoresAnswer(Wire, omit_defaults=False):
    """All datastores of a workspace, and the name of the default one."""

    datastores: list[WireDatastore]
    default: str


class WireDatastoreFile(Wire, omit_defaults=False):
    """A file or a folder by its path in the datastore; a folder has no size."""

    path: str
    is_dir: bool
    size_bytes: int | None


class ListDatastoreFilesAnswer(Wire, omit_defaults=False):
    """A page of what lies directly in a folder, sorted; without a token it is the last."""

    files: list[WireDatastoreFile]
    next_page_token: str | None


class UploadedAnswer(Wire, omit_defaults=False):
    """How large the file is that was stored."""

    size_bytes: int


def wire_datastore(datastore: Datastore, default: str) -> WireDatastore:
    """Return a datastore as Runyard writes it."""
    place = datastore.place
    return WireDatastore(
        name=datastore.name,
        kind=datastore.kind.value,
        bucket=place.bucket,
        prefix=place.prefix,
        endpoint=place.endpoint,
        region=place.region,
        account=place.account,
        folder=place.folder,
        has_credential=bool(datastore.sealed),
        description=datastore.description,
        is_built_in=datastore.is_built_in,
        is_default=datastore.name == default,
        created_ms=datastore.created_ms,
        created_by=datastore.created_by,
        updated_ms=datastore.updated_ms,
    )


def place_of(body: RegisterDatastore) -> Place:
    """Return the place that a request names."""
    return Place(
        bucket=body.bucket,
        prefix=body.prefix,
        endpoint=body.endpoint,
        region=body.region,
        account=body.account,
        folder=body.folder,
    )


def credential_of(body: RegisterDatastore) -> dict[str, str]:
    """Return what a request signs with, by name, without what was left out."""
    given = body.credential
    if given is None:
        return {}
    return {name: value for name in given.__struct_fields__ if (value := getattr(given, name))}
