"""The files of runs as Azure's run history has them, and their bytes as Azure's storage has them."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from runyard.auth.permissions import Permission
from runyard.errors import TooLarge
from runyard.protocol import wire
from runyard.protocol.messages.azure import (
    CreateArtifacts,
    CreateArtifactsAnswer,
    ListArtifactsOfRunAnswer,
    WireAzureArtifact,
    WireContentInformation,
)
from runyard.server.addresses import base_url
from runyard.server.answers import Answer
from runyard.server.azure_requests import BLOBS
from runyard.server.bodies import read_whole
from runyard.server.downloads import download_response
from runyard.server.routing import Routes
from runyard.server.uploads import receive_file
from runyard.services import artifacts, azure_files, blocks, local_uploads, reach
from runyard.services.artifacts import ArtifactUpload, Declared
from runyard.services.azure_files import FilePlace
from runyard.services.call import Call
from runyard.services.signed_addresses import sign
from runyard.services.tokens import presented_in

routes = Routes()
_OF_RUN = "/history/v1.0/experiments/{experiment_id}/runs/{owner}/artifacts"
_BLOB = f"{BLOBS}/{{workspace_name}}/{{artifact_path:path}}"
_ORIGIN = "ExperimentRun"
_BLOCK_BLOB = (b"x-ms-blob-type", b"BlockBlob")


@routes.post(
    f"{_OF_RUN}/batch/metadata",
    permits=Permission.CONTRIBUTE,
    of=reach.owner_of_files,
    summary="Get addresses to write files of a run to, as Azure's run history gives them.",
)
async def create_artifacts(
    call: Call, http: Request, experiment_id: str, owner: str
) -> CreateArtifactsAnswer | Response:
    """Answer where each file is to be written; until it is, there is none."""
    paths = await _asked_paths(http)
    return Answer(wire.encode(await run_sync(_places_to_write, call, http, owner, paths)))


@routes.post(
    "/artifact/v2.0/artifacts/LocalUpload/{container}/batch/metadata",
    permits=Permission.CONTRIBUTE,
    summary="Get addresses to write a folder to that becomes a version of a model, as Azure gives them.",
)
async def create_upload(call: Call, http: Request, container: str) -> CreateArtifactsAnswer | Response:
    """Answer where each file is to be written; the version that names the container keeps them."""
    paths = await _asked_paths(http)

    def answer() -> CreateArtifactsAnswer:
        return _places_to_write(call, http, local_uploads.begin_upload(call, container), paths)

    return Answer(wire.encode(await run_sync(answer)))


async def _asked_paths(http: Request) -> list[str]:
    asked = wire.decode(CreateArtifacts, await read_whole(http.receive))
    return [each.path for each in asked.paths]


def _places_to_write(call: Call, http: Request, owner: str, paths: list[str]) -> CreateArtifactsAnswer:
    places = azure_files.places_of(call, owner, paths)
    return CreateArtifactsAnswer(
        artifacts={each.asked: _artifact(owner, each.asked) for each in places},
        artifact_content_information={
            each.asked: _content(call, http, owner, each, is_write=True) for each in places
        },
    )


@routes.get(
    _OF_RUN,
    permits=Permission.READ,
    of=reach.owner_of_files,
    summary="List the files of a run, as Azure's run history does.",
)
async def list_artifacts_of_run(
    call: Call, http: Request, experiment_id: str, owner: str
) -> ListArtifactsOfRunAnswer | Response:
    """Answer a page of the files of a run, in all its directories."""
    after = http.query_params.get("continuationToken", "")
    found, last = await run_sync(azure_files.list_files, call, owner, after)
    next_link = None
    if last:
        here = f"{base_url(call, http)}{quote(http.scope['path'])}"
        next_link = f"{here}?{urlencode({'continuationToken': last})}"
    answer = ListArtifactsOfRunAnswer(
        value=[_artifact(owner, path) for path in found], continuation_token=last or None, next_link=next_link
    )
    return Answer(wire.encode(answer))


@routes.get(
    f"{_OF_RUN}/contentinfo",
    permits=Permission.READ,
    of=reach.owner_of_files,
    summary="Get an address to read a file of a run from, as Azure's run history gives it.",
)
async def get_content_information(
    call: Call, http: Request, experiment_id: str, owner: str
) -> WireContentInformation | Response:
    """Answer where the file that the query names is read."""
    path = http.query_params.get("path")
    if not path:
        raise wire.missing("path")

    def answer() -> WireContentInformation:
        place = azure_files.place_of_existing(call, owner, path)
        return _content(call, http, owner, place, is_write=False)

    return Answer(wire.encode(await run_sync(answer)))


@routes.get(
    _BLOB,
    permits=Permission.READ,
    of=reach.artifact_path,
    workspace_in="workspace_name",
    summary="Read a file of a workspace as one of Azure's storage.",
)
async def read_blob(call: Call, http: Request, workspace_name: str, artifact_path: str) -> Response:
    """Send the file, or the range of it that ``x-ms-range`` asks for."""
    download = await run_sync(artifacts.open_proxied, call, artifact_path)
    response = download_response(_ranged(http), download, artifact_path.rpartition("/")[2])
    response.raw_headers.append(_BLOCK_BLOB)
    return response


@routes.put(
    _BLOB,
    permits=Permission.CONTRIBUTE,
    of=reach.artifact_path,
    workspace_in="workspace_name",
    status=201,
    content_type="",
    summary="Write a file of a workspace as one of Azure's storage.",
)
async def write_blob(call: Call, http: Request, workspace_name: str, artifact_path: str) -> Response:
    """Write the body to the file while it arrives, or to a block of it, or make the file of its blocks."""
    part = http.query_params.get("comp", "")
    if part == "blocklist":
        ids = blocks.read_block_list(await _read_list(http))
        size_bytes = await run_sync(blocks.put_together, call, artifact_path, ids)
        call.operation.traffic.artifact_bytes += size_bytes
        return _written()
    if part not in ("", "block"):
        raise wire.invalid("comp", part, "Expected block or blocklist.")

    def begin(declared: Declared) -> ArtifactUpload:
        if part == "block":
            return blocks.begin_block(call, artifact_path, http.query_params.get("blockid", ""), declared)
        return artifacts.begin_proxied_upload(call, artifact_path, declared)

    size_bytes = await receive_file(
        http, begin, call.settings.max_upload_bytes, is_at_hand=part == "" and artifacts.is_at_hand(call)
    )
    if part == "":
        call.operation.traffic.artifact_bytes += size_bytes
    return _written()


async def _read_list(http: Request) -> bytes:
    """Return the body that lists blocks: it comes to where files of any size do, and is none."""
    parts: list[bytes] = []
    async for part in http.stream():
        parts.append(part)
        if sum(map(len, parts)) > blocks.MAX_LIST_BYTES:
            raise TooLarge(f"The list of blocks is over {blocks.MAX_LIST_BYTES} bytes.")
    return b"".join(parts)


def _written() -> Response:
    return Response(status_code=201, headers={"x-ms-request-server-encrypted": "false"})


def _ranged(http: Request) -> Request:
    """Azure's clients ask for a range in a header of their own, which means the same as HTTP's."""
    asked = http.headers.get("x-ms-range")
    if asked is None:
        return http
    headers = [pair for pair in http.scope["headers"] if pair[0] != b"range"]
    return Request({**http.scope, "headers": [*headers, (b"range", asked.encode("latin-1"))]})


def _artifact(owner: str, path: str) -> WireAzureArtifact:
    container = f"dcid.{owner}"
    return WireAzureArtifact(
        artifact_id=f"{_ORIGIN}/{container}/{path}", origin=_ORIGIN, container=container, path=path
    )


def _content(
    call: Call, http: Request, owner: str, place: FilePlace, *, is_write: bool
) -> WireContentInformation:
    # A slash in the name of a file is escaped: where the host is a name, the clients take what follows the
    # last plain one for all of it.
    path = f"{BLOBS}/{quote(call.workspace.name)}/{quote(place.place, safe='')}"
    sent = presented_in(http.headers.get("authorization", ""))
    query = urlencode({"sig": sign(call, place.place, is_write=is_write, sent=sent)})
    return WireContentInformation(
        content_uri=f"{base_url(call, http)}{path}?{query}",
        origin=_ORIGIN,
        container=f"dcid.{owner}",
        path=place.asked,
    )
