"""The routes about versions of registered models. A role in the whole workspace is needed for each."""

from __future__ import annotations

from functools import partial

from anyio.to_thread import run_sync
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from runyard.auth.permissions import Permission
from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import Empty, mapping
from runyard.protocol.messages.model_versions import (
    CreateModelVersion,
    DeleteModelVersionTag,
    DownloadUriAnswer,
    ListVersionFiles,
    NamedVersion,
    SearchModelVersions,
    SetModelVersionTag,
    TransitionStage,
    UpdateModelVersion,
    VersionFilesAnswer,
)
from runyard.protocol.messages.registered_models import (
    ModelVersionAnswer,
    ModelVersionsAnswer,
    wire_model_version,
)
from runyard.protocol.messages.registry_removal import (
    RemovedVersionsAnswer,
    RemoveModelVersions,
    WireNumbered,
)
from runyard.server.downloads import download_response
from runyard.server.routes.artifacts import wire_files
from runyard.server.routing import Routes
from runyard.services import model_versions, registry_removal
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/2.0/mlflow/model-versions"


@routes.post(
    f"{_BASE}/create", permits=Permission.CONTRIBUTE, for_jobs=True, summary="Register a version of a model."
)
def create_model_version(call: Call, body: CreateModelVersion) -> ModelVersionAnswer:
    """Register a version."""
    new = model_versions.NewVersion(
        name=body.name,
        source=body.source,
        run_id=body.run_id,
        model_id=body.model_id,
        run_link=body.run_link,
        description=body.description,
        tags=mapping(body.tags),
    )
    version = model_versions.create_model_version(call, new)
    return ModelVersionAnswer(model_version=wire_model_version(version))


@routes.get(f"{_BASE}/get", permits=Permission.READ, summary="Get a version of a model.")
def get_model_version(call: Call, body: NamedVersion) -> ModelVersionAnswer:
    """Answer a version with its tags and aliases."""
    version = model_versions.get_model_version(call, body.name, body.version)
    return ModelVersionAnswer(model_version=wire_model_version(version))


@routes.patch(
    f"{_BASE}/update", permits=Permission.CONTRIBUTE, for_jobs=True, summary="Describe a version of a model."
)
def update_model_version(call: Call, body: UpdateModelVersion) -> ModelVersionAnswer:
    """Change a version's description."""
    version = model_versions.describe_model_version(call, body.name, body.version, body.description)
    return ModelVersionAnswer(model_version=wire_model_version(version))


@routes.post(
    f"{_BASE}/transition-stage", permits=Permission.CONTRIBUTE, summary="Move a version to another stage."
)
def transition_stage(call: Call, body: TransitionStage) -> ModelVersionAnswer:
    """Move a version, and those that are in the stage to the archive if that is asked for."""
    version = model_versions.move_model_version(
        call, body.name, body.version, body.stage, archive_others=body.archive_existing_versions
    )
    return ModelVersionAnswer(model_version=wire_model_version(version))


@routes.delete(
    f"{_BASE}/delete",
    permits=Permission.CONTRIBUTE,
    is_audited=True,
    summary="Delete a version of a model for good.",
)
def delete_model_version(call: Call, body: NamedVersion) -> Empty:
    """Delete a version; MLflow has no trash for it."""
    model_versions.delete_model_version(call, body.name, body.version)
    return Empty()


@routes.get(
    f"{_BASE}/get-download-uri", permits=Permission.READ, summary="Get where the files of a version are."
)
def get_download_uri(call: Call, body: NamedVersion) -> DownloadUriAnswer:
    """Answer where clients find a version's files."""
    version = model_versions.get_model_version(call, body.name, body.version)
    return DownloadUriAnswer(artifact_uri=version.storage_location)


@routes.get(f"{_BASE}/search", permits=Permission.READ, summary="Search versions of models.")
def search_model_versions(call: Call, body: SearchModelVersions) -> ModelVersionsAnswer:
    """Answer a page of versions."""
    page = model_versions.search_model_versions(
        call, body.filter, body.order_by, body.max_results, body.page_token
    )
    return ModelVersionsAnswer(
        model_versions=[wire_model_version(version) for version in page.items] or UNSET,
        next_page_token=page.next_token or UNSET,
    )


@routes.post(
    f"{_BASE}/set-tag", permits=Permission.CONTRIBUTE, for_jobs=True, summary="Set a tag of a version."
)
def set_model_version_tag(call: Call, body: SetModelVersionTag) -> Empty:
    """Set a tag."""
    model_versions.set_model_version_tag(call, body.name, body.version, body.key, body.value)
    return Empty()


@routes.delete(f"{_BASE}/delete-tag", permits=Permission.CONTRIBUTE, summary="Delete a tag of a version.")
def delete_model_version_tag(call: Call, body: DeleteModelVersionTag) -> Empty:
    """Delete a tag."""
    model_versions.delete_model_version_tag(call, body.name, body.version, body.key)
    return Empty()


@routes.get(
    "/model-versions/get-artifact",
    permits=Permission.READ,
    summary="Download a file of a version of a model.",
)
async def download_version_artifact(call: Call, http: Request) -> Response:
    """Send a file of a version."""
    asked = http.query_params
    for name in ("name", "version", "path"):
        if not asked.get(name):
            raise InvalidParameter(f'Request must include the "{name}" query parameter.')
    path = asked["path"]
    opened = partial(model_versions.open_version_file, call, asked["name"], asked["version"], path)
    return download_response(http, await run_sync(opened), path.rpartition("/")[2])


@routes.get(
    "/api/v1/model-versions/files",
    permits=Permission.READ,
    summary="List a directory of a version of a model.",
)
def list_version_files(call: Call, body: ListVersionFiles) -> VersionFilesAnswer:
    """Answer what lies directly in a directory of a version."""
    listed = model_versions.list_version_files(call, body.name, body.version, body.path)
    return VersionFilesAnswer(files=wire_files(listed))


@routes.post(
    "/api/v1/model-versions/delete",
    permits=Permission.CONTRIBUTE,
    is_audited=True,
    summary="Delete many versions of models for good.",
)
def delete_model_versions(call: Call, body: RemoveModelVersions) -> RemovedVersionsAnswer:
    """Delete versions by number or by a search."""
    named = [registry_removal.Numbered(each.name, each.version) for each in body.versions]
    deleted = registry_removal.delete_model_versions(call, named, body.filter, is_dry_run=body.dry_run)
    return RemovedVersionsAnswer(
        versions=[WireNumbered(name=each.name, version=each.version) for each in deleted]
    )
