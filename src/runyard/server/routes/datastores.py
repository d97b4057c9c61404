"""Runyard's own routes about datastores and the files in them, which all pass through the server."""

from __future__ import annotations

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from runyard.auth.permissions import Permission
from runyard.entities.datastore import Datastore, DatastoreKind
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.datastores import (
    DatastoreAnswer,
    ListDatastoreFiles,
    ListDatastoreFilesAnswer,
    ListDatastoresAnswer,
    RegisterDatastore,
    UploadedAnswer,
    WireDatastoreFile,
    credential_of,
    place_of,
    wire_datastore,
)
from runyard.protocol.wire import choice, invalid
from runyard.server.answers import json_response
from runyard.server.downloads import download_response
from runyard.server.routing import Routes
from runyard.server.uploads import receive_file
from runyard.services import datastore_files, datastores
from runyard.services.artifacts import ArtifactUpload, Declared
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/v1/datastores"
_ONE = f"{_BASE}/{{datastore}}"
_FILE = f"{_ONE}/files/{{file_path:path}}"
_FLAGS = {"": False, "false": False, "true": True}


@routes.get(_BASE, permits=Permission.READ, summary="List the datastores of the workspace.")
def list_datastores(call: Call) -> ListDatastoresAnswer:
    """Answer those that each workspace has first."""
    default = datastores.default_datastore(call)
    found = [wire_datastore(each, default) for each in datastores.list_datastores(call)]
    return ListDatastoresAnswer(datastores=found, default=default)


@routes.post(
    _BASE, permits=Permission.CONTRIBUTE, summary="Register a place for files by a name.", is_audited=True
)
def register_datastore(call: Call, body: RegisterDatastore) -> DatastoreAnswer:
    """Keep a datastore, once it was reached."""
    wanted = datastores.NewDatastore(
        name=body.name,
        kind=choice(DatastoreKind, body.kind, "kind"),
        place=place_of(body),
        credential=credential_of(body),
        description=body.description,
        overwrite=body.overwrite,
        skip_validation=body.skip_validation,
    )
    return _answer(call, datastores.register_datastore(call, wanted))


@routes.get(_ONE, permits=Permission.READ, summary="Get a datastore.")
def get_datastore(call: Call, datastore: str) -> DatastoreAnswer:
    """Answer one datastore."""
    return _answer(call, datastores.get_datastore(call, datastore))


@routes.delete(
    _ONE, permits=Permission.CONTRIBUTE, summary="Forget a datastore; its files stay.", is_audited=True
)
def unregister_datastore(call: Call, datastore: str) -> Empty:
    """Forget where it is and its credential."""
    datastores.unregister_datastore(call, datastore)
    return Empty()


@routes.post(
    f"{_ONE}/set-default",
    permits=Permission.CONTRIBUTE,
    summary="Make a datastore the workspace's default one.",
    is_audited=True,
)
def set_default_datastore(call: Call, datastore: str) -> DatastoreAnswer:
    """Answer the new default."""
    return _answer(call, datastores.set_default_datastore(call, datastore))


@routes.get(f"{_ONE}/files", permits=Permission.READ, summary="List a folder of a datastore.")
def list_files(call: Call, body: ListDatastoreFiles, datastore: str) -> ListDatastoreFilesAnswer:
    """Answer a page of what lies directly in it."""
    page = datastore_files.list_files(call, datastore, body.path, body.max_results, body.page_token)
    files = [
        WireDatastoreFile(path=each.path, is_dir=each.size_bytes is None, size_bytes=each.size_bytes)
        for each in page.files
    ]
    return ListDatastoreFilesAnswer(files=files, next_page_token=page.next_name)


@routes.get(_FILE, permits=Permission.READ, summary="Download a file of a datastore.")
async def download_file(call: Call, http: Request, datastore: str, file_path: str) -> Response:
    """Send a file, or a range of its bytes."""
    download = await run_sync(datastore_files.open_file, call, datastore, file_path)
    return download_response(http, download, file_path.rpartition("/")[2])


@routes.put(
    _FILE,
    permits=Permission.CONTRIBUTE,
    for_jobs=True,
    summary="Upload a file to a datastore; with `overwrite=true` in place of one that is there.",
)
async def upload_file(call: Call, http: Request, datastore: str, file_path: str) -> UploadedAnswer | Response:
    """Write the body to a file while it arrives."""
    overwrite = _flag(http, "overwrite")

    def begin(declared: Declared) -> ArtifactUpload:
        return datastore_files.begin_upload(call, datastore, file_path, declared, overwrite=overwrite)

    size_bytes = await receive_file(http, begin, call.settings.max_upload_bytes)
    call.operation.traffic.artifact_bytes += size_bytes
    return json_response(UploadedAnswer(size_bytes=size_bytes))


@routes.delete(_FILE, permits=Permission.MANAGE, summary="Delete a file or a folder of a datastore for good.")
def delete_files(call: Call, datastore: str, file_path: str) -> Empty:
    """Delete what lies at a path."""
    datastore_files.delete_files(call, datastore, file_path)
    return Empty()


def _answer(call: Call, datastore: Datastore) -> DatastoreAnswer:
    return DatastoreAnswer(datastore=wire_datastore(datastore, datastores.default_datastore(call)))


def _flag(http: Request, name: str) -> bool:
    text = http.query_params.get(name, "")
    if text not in _FLAGS:
        raise invalid(name, text, "Expected true or false.")
    return _FLAGS[text]
