"""Runyard's own routes about the code of jobs, and about what their environments have of the server's own."""

from __future__ import annotations

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from runyard.auth.permissions import Permission
from runyard.protocol.messages.jobs import ListSnapshotFilesAnswer, SnapshotAnswer, WireSnapshotFile
from runyard.server.answers import json_response
from runyard.server.downloads import download_response
from runyard.server.routing import Routes
from runyard.server.uploads import receive_file
from runyard.services import snapshot_files, snapshots
from runyard.services.artifacts import ArtifactUpload, Declared
from runyard.services.assignments import own_wheel_named
from runyard.services.call import Call

routes = Routes()
_ONE = "/api/v1/snapshots/{sha256}"
_WHEEL = "application/octet-stream"


@routes.get(_ONE, permits=Permission.READ, summary="Ask whether the code of a job is kept already.")
def get_snapshot(call: Call, sha256: str) -> SnapshotAnswer:
    """Answer its size."""
    found = snapshots.get_snapshot(call, sha256)
    return SnapshotAnswer(sha256=found.sha256, size_bytes=found.size_bytes)


@routes.get(f"{_ONE}/content", permits=Permission.READ, summary="Download the code of a job.")
async def download_snapshot(call: Call, http: Request, sha256: str) -> Response:
    """Send the archive, or a range of its bytes."""
    download = await run_sync(snapshots.open_snapshot, call, sha256)
    return download_response(http, download, f"{sha256}.tar.gz")


@routes.get(f"{_ONE}/files", permits=Permission.READ, summary="List the files of a job's code.")
def list_snapshot_files(call: Call, sha256: str) -> ListSnapshotFilesAnswer:
    """Answer their names and sizes."""
    listing = snapshot_files.list_code(call, sha256)
    files = [WireSnapshotFile(each.path, each.size_bytes, each.is_executable) for each in listing.files]
    return ListSnapshotFilesAnswer(files=files, is_cut=listing.is_cut)


@routes.get(
    f"{_ONE}/files/{{file_path:path}}",
    permits=Permission.READ,
    summary="Download one file of a job's code, of up to 8 MiB.",
)
async def download_snapshot_file(call: Call, http: Request, sha256: str, file_path: str) -> Response:
    """Send what is in the archive at that path."""
    download = await run_sync(snapshot_files.open_code, call, sha256, file_path)
    return download_response(http, download, file_path)


@routes.put(
    _ONE,
    permits=Permission.CONTRIBUTE,
    summary="Upload the code of a job, a tar compressed by gzip, by the SHA-256 of that.",
)
async def upload_snapshot(call: Call, http: Request, sha256: str) -> SnapshotAnswer | Response:
    """Keep the body if it has that hash."""

    def begin(declared: Declared) -> ArtifactUpload:
        return snapshots.begin_upload(call, sha256, declared)

    size_bytes = await receive_file(http, begin, call.settings.max_snapshot_bytes)
    call.operation.traffic.artifact_bytes += size_bytes
    return json_response(SnapshotAnswer(sha256=sha256, size_bytes=size_bytes))


@routes.get(
    "/api/v1/agent/{file_name}",
    permits=Permission.READ,
    summary="Download the wheel of Runyard's SDK that environments of jobs elsewhere are made with.",
)
async def download_sdk(call: Call, http: Request, file_name: str) -> Response:
    """Send it whole."""
    return Response(await run_sync(own_wheel_named, call.settings, file_name), media_type=_WHEEL)
