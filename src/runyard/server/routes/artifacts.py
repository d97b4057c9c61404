"""MLflow's routes about artifacts: of runs, and below the workspace as its clients address them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from anyio.to_thread import run_sync
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from runyard.auth.permissions import Permission
from runyard.errors import InvalidParameter
from runyard.protocol.messages.artifacts import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    CreateMultipartUploadAnswer,
    CreatePresignedDownloadUrl,
    CreatePresignedUploadUrl,
    ListArtifacts,
    ListArtifactsAnswer,
    ListProxiedArtifacts,
    ListProxiedArtifactsAnswer,
    PartCredential,
    PresignedDownloadUrlAnswer,
    WireFile,
)
from runyard.protocol.messages.common import Empty
from runyard.protocol.wire import missing
from runyard.server.answers import json_response
from runyard.server.downloads import download_response
from runyard.server.routing import Routes
from runyard.server.uploads import receive_file
from runyard.services import artifact_parts, artifacts, reach
from runyard.services.artifacts import ArtifactDownload, ArtifactUpload, Declared, ListedArtifact
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/2.0/mlflow/artifacts"
_PROXY = "/api/2.0/mlflow-artifacts"
_MAX_PAGE_UPLOAD_BYTES = 10 * 1024 * 1024  # what MLflow's pages may send


@routes.get(
    f"{_BASE}/list", permits=Permission.READ, of=reach.run, summary="List a directory of a run's artifacts."
)
def list_artifacts(call: Call, body: ListArtifacts) -> ListArtifactsAnswer:
    """Answer what lies directly in a directory of a run."""
    root_uri = artifacts.artifact_uri_of_run(call, body.run_id)
    listed = artifacts.list_directory(call, root_uri, body.path)
    return ListArtifactsAnswer(root_uri=root_uri, files=wire_files(listed) or UNSET)


@routes.post(
    f"{_BASE}/presigned-download-url",
    permits=Permission.READ,
    of=reach.run,
    summary="Get an address to download an artifact from, where storage has its own.",
)
def create_presigned_download_url(call: Call, body: CreatePresignedDownloadUrl) -> Empty:
    """Refuse: clients then download from the server."""
    artifacts.refuse_presigned_download(call, body.run_id, body.path, body.expiration)


@routes.post(
    f"{_BASE}/presigned-upload-url",
    permits=Permission.CONTRIBUTE,
    of=reach.run_or_model,
    summary="Get an address to upload an artifact to, where storage has its own.",
)
def create_presigned_upload_url(call: Call, body: CreatePresignedUploadUrl) -> Empty:
    """Refuse: clients then upload to the server."""
    artifacts.refuse_presigned_upload(call, body.run_id, body.model_id, body.path)


@routes.get(
    f"{_PROXY}/artifacts",
    permits=Permission.READ,
    of=reach.artifact_path,
    summary="List a directory of the workspace.",
)
def list_proxied_artifacts(call: Call, body: ListProxiedArtifacts) -> ListProxiedArtifactsAnswer:
    """Answer what lies directly in a directory of the workspace."""
    return ListProxiedArtifactsAnswer(files=wire_files(artifacts.list_proxied(call, body.path)) or UNSET)


@routes.get(
    f"{_PROXY}/artifacts/{{artifact_path:path}}",
    permits=Permission.READ,
    of=reach.artifact_path,
    summary="Download an artifact.",
)
async def download_artifact(call: Call, http: Request, artifact_path: str) -> Response:
    """Send a file of the workspace, or a range of its bytes."""

    def opened() -> ArtifactDownload:
        return artifacts.open_proxied(call, artifact_path)

    return await _download(call, http, opened, artifact_path)


@routes.put(
    f"{_PROXY}/artifacts/{{artifact_path:path}}",
    permits=Permission.CONTRIBUTE,
    of=reach.artifact_path,
    summary="Upload an artifact.",
)
async def upload_artifact(call: Call, http: Request, artifact_path: str) -> Empty | Response:
    """Write the body to a file of the workspace while it arrives."""

    def begin(declared: Declared) -> ArtifactUpload:
        return artifacts.begin_proxied_upload(call, artifact_path, declared)

    is_at_hand = artifacts.is_at_hand(call)
    size_bytes = await receive_file(http, begin, call.settings.max_upload_bytes, is_at_hand=is_at_hand)
    call.operation.traffic.artifact_bytes += size_bytes
    return json_response(Empty())


@routes.delete(
    f"{_PROXY}/artifacts/{{artifact_path:path}}",
    permits=Permission.MANAGE,
    of=reach.artifact_path,
    summary="Delete artifacts.",
)
def delete_artifact(call: Call, artifact_path: str) -> Empty:
    """Delete a file or a directory of the workspace."""
    artifacts.delete_proxied(call, artifact_path)
    return Empty()


@routes.post(
    f"{_PROXY}/mpu/create/{{artifact_path:path}}",
    permits=Permission.CONTRIBUTE,
    of=reach.artifact_path,
    summary="Begin an upload in parts, where storage takes them.",
)
def create_multipart_upload(
    call: Call, body: CreateMultipartUpload, artifact_path: str
) -> CreateMultipartUploadAnswer:
    """Answer addresses of the storage's own, or refuse: clients then upload in one piece."""
    begun = artifact_parts.begin_parts(call, artifact_path, body.path, body.num_parts or 1)
    return CreateMultipartUploadAnswer(
        upload_id=begun.upload_id,
        credentials=[
            PartCredential(url=url, part_number=number, headers={})
            for number, url in enumerate(begun.addresses, 1)
        ],
    )


@routes.post(
    f"{_PROXY}/mpu/complete/{{artifact_path:path}}",
    permits=Permission.CONTRIBUTE,
    of=reach.artifact_path,
    summary="End an upload in parts.",
)
def complete_multipart_upload(call: Call, body: CompleteMultipartUpload, artifact_path: str) -> Empty:
    """Make a file of the parts that the storage has."""
    etags = {part.part_number or 0: part.etag or "" for part in body.parts}
    artifact_parts.finish_parts(call, artifact_path, body.path, body.upload_id or "", etags)
    return Empty()


@routes.post(
    f"{_PROXY}/mpu/abort/{{artifact_path:path}}",
    permits=Permission.CONTRIBUTE,
    of=reach.artifact_path,
    summary="Drop an upload in parts.",
)
def abort_multipart_upload(call: Call, body: AbortMultipartUpload, artifact_path: str) -> Empty:
    """Give up an upload in parts."""
    artifact_parts.drop_parts(call, artifact_path, body.path, body.upload_id or "")
    return Empty()


@routes.get(
    f"{_PROXY}/presigned/{{artifact_path:path}}",
    permits=Permission.READ,
    of=reach.artifact_path,
    summary="Get an address to download an artifact in parts, where storage has its own.",
)
def get_presigned_download_url(call: Call, artifact_path: str) -> PresignedDownloadUrlAnswer:
    """Answer an address of the storage's own, or refuse: clients then download from here in one piece."""
    address = artifacts.proxied_download_address(call, artifact_path)
    size_bytes = UNSET if address.size_bytes is None else address.size_bytes
    return PresignedDownloadUrlAnswer(url=address.url, headers={}, file_size=size_bytes)


@routes.get("/get-artifact", permits=Permission.READ, of=reach.run, summary="Download an artifact of a run.")
async def get_artifact(call: Call, http: Request) -> Response:
    """Send a file of the run that the query names."""
    run_id = http.query_params.get("run_id") or http.query_params.get("run_uuid")
    path = http.query_params.get("path")
    if not run_id or not path:
        raise missing("path" if run_id else "run_id")
    artifacts.check_file_path(path)

    def opened() -> ArtifactDownload:
        return artifacts.open_file(call, artifacts.artifact_uri_of_run(call, run_id), path)

    return await _download(call, http, opened, path)


@routes.post(
    "/ajax-api/2.0/mlflow/upload-artifact",
    permits=Permission.CONTRIBUTE,
    of=reach.run,
    summary="Upload a small artifact of a run, as MLflow's pages do.",
)
async def upload_artifact_of_run(call: Call, http: Request) -> Empty | Response:
    """Write the body to a file of the run that the query names."""
    run_id, path = http.query_params.get("run_uuid"), http.query_params.get("path")
    if not run_id or not path:
        raise InvalidParameter(f"Request must specify {'path' if run_id else 'run_uuid'}.")
    artifacts.check_file_path(path)
    content = await http.body()
    if not content:
        raise InvalidParameter("Request must specify data.")
    if len(content) > _MAX_PAGE_UPLOAD_BYTES:
        raise InvalidParameter("Artifact size is too large. Max size is 10MB.")

    def store() -> None:
        with artifacts.begin_upload(call, artifacts.artifact_uri_of_run(call, run_id), path) as upload:
            upload.write(content)
            upload.commit()

    await run_sync(store)
    call.operation.traffic.artifact_bytes += len(content)
    return json_response(Empty())


def wire_files(listed: Iterable[ListedArtifact]) -> list[WireFile]:
    """Return files and directories as MLflow lists them."""
    return [
        WireFile(path=item.path, is_dir=True)
        if item.size_bytes is None
        else WireFile(path=item.path, is_dir=False, file_size=item.size_bytes)
        for item in listed
    ]


async def _download(call: Call, http: Request, opened: Callable[[], ArtifactDownload], path: str) -> Response:
    """Send the file that ``opened`` opens, from this thread if it is small and at hand."""
    if not artifacts.is_at_hand(call):
        return download_response(http, await run_sync(opened), _name_of(path))
    return download_response(http, opened(), _name_of(path), is_at_hand=True)


def _name_of(path: str) -> str:
    return path.rpartition("/")[2]
