"""MLflow's routes about logged models."""

from __future__ import annotations

from anyio.to_thread import run_sync
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from runyard.auth.permissions import Permission
from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import Empty, mapping
from runyard.protocol.messages.logged_models import (
    CreateLoggedModel,
    FinalizeLoggedModel,
    GetLoggedModel,
    ListLoggedModelArtifacts,
    ListLoggedModelArtifactsAnswer,
    LoggedModelAnswer,
    LogLoggedModelParams,
    SearchLoggedModels,
    SearchLoggedModelsAnswer,
    SetLoggedModelTags,
    model_status,
    wire_logged_model,
)
from runyard.server.downloads import download_response
from runyard.server.routes.artifacts import wire_files
from runyard.server.routing import Routes
from runyard.services import artifacts, logged_models, reach
from runyard.services.artifacts import ArtifactDownload
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/2.0/mlflow/logged-models"
_ONE = f"{_BASE}/{{model_id}}"


@routes.post(
    _BASE,
    permits=Permission.CONTRIBUTE,
    of=reach.experiment,
    for_jobs=True,
    summary="Begin to log a model; with a `model_id` of the client's own (`m-` and 32 hex digits) once, "
    "however often sent.",
)
def create_logged_model(call: Call, body: CreateLoggedModel) -> LoggedModelAnswer:
    """Make a pending model."""
    new = logged_models.NewLoggedModel(
        experiment_id=body.experiment_id,
        name=body.name,
        model_type=body.model_type,
        source_run_id=body.source_run_id,
        params=mapping(body.params),
        tags=mapping(body.tags),
        model_id=body.model_id,
    )
    return LoggedModelAnswer(model=wire_logged_model(logged_models.create_logged_model(call, new)))


@routes.post(f"{_BASE}/search", permits=Permission.READ, of=reach.searched, summary="Search logged models.")
def search_logged_models(call: Call, body: SearchLoggedModels) -> SearchLoggedModelsAnswer:
    """Answer a page of models."""
    page = logged_models.search_logged_models(call, body)
    return SearchLoggedModelsAnswer(
        models=[wire_logged_model(model) for model in page.items] or UNSET,
        next_page_token=page.next_token or UNSET,
    )


@routes.get(_ONE, permits=Permission.READ, of=reach.model, summary="Get a logged model.")
def get_logged_model(call: Call, body: GetLoggedModel, model_id: str) -> LoggedModelAnswer:
    """Answer a model with all that hangs on it."""
    model = logged_models.get_logged_model(call, model_id, body.allow_deleted.lower() == "true")
    return LoggedModelAnswer(model=wire_logged_model(model))


@routes.patch(
    _ONE,
    permits=Permission.CONTRIBUTE,
    of=reach.model,
    summary="Note that a model's files are complete, or failed.",
)
def finalize_logged_model(call: Call, body: FinalizeLoggedModel, model_id: str) -> LoggedModelAnswer:
    """Set a model's status."""
    _check_same(body.model_id, model_id)
    model = logged_models.finalize_logged_model(call, model_id, model_status(body.status))
    return LoggedModelAnswer(model=wire_logged_model(model))


@routes.delete(
    _ONE,
    permits=Permission.CONTRIBUTE,
    of=reach.model,
    is_audited=True,
    summary="Move a logged model to the trash.",
)
def delete_logged_model(call: Call, model_id: str) -> Empty:
    """Move a model to the trash."""
    logged_models.delete_logged_model(call, model_id)
    return Empty()


@routes.post(
    f"{_ONE}/params", permits=Permission.CONTRIBUTE, of=reach.model, summary="Add params to a logged model."
)
def log_model_params(call: Call, body: LogLoggedModelParams, model_id: str) -> Empty:
    """Add params to a model."""
    _check_same(body.model_id, model_id)
    logged_models.log_model_params(call, model_id, mapping(body.params))
    return Empty()


@routes.patch(
    f"{_ONE}/tags", permits=Permission.CONTRIBUTE, of=reach.model, summary="Set tags of a logged model."
)
def set_model_tags(call: Call, body: SetLoggedModelTags, model_id: str) -> Empty:
    """Set tags of a model."""
    _check_same(body.model_id, model_id)
    logged_models.set_model_tags(call, model_id, mapping(body.tags))
    return Empty()


@routes.delete(
    f"{_ONE}/tags/{{tag_key:path}}",
    permits=Permission.CONTRIBUTE,
    of=reach.model,
    summary="Delete a tag of a logged model.",
)
def delete_model_tag(call: Call, model_id: str, tag_key: str) -> Empty:
    """Delete a tag of a model; a key may have slashes in it."""
    logged_models.delete_model_tag(call, model_id, tag_key)
    return Empty()


@routes.get(
    f"{_ONE}/artifacts/directories",
    permits=Permission.READ,
    of=reach.model,
    summary="List a directory of a logged model's artifacts.",
)
def list_model_artifacts(
    call: Call, body: ListLoggedModelArtifacts, model_id: str
) -> ListLoggedModelArtifactsAnswer:
    """Answer what lies directly in a directory of a model."""
    root_uri = logged_models.get_logged_model(call, model_id).artifact_uri
    listed = artifacts.list_directory(call, root_uri, body.artifact_directory_path)
    return ListLoggedModelArtifactsAnswer(root_uri=root_uri, files=wire_files(listed) or UNSET)


@routes.get(
    "/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files",
    permits=Permission.READ,
    of=reach.model,
    summary="Download an artifact of a logged model.",
)
async def download_model_artifact(call: Call, http: Request, model_id: str) -> Response:
    """Send a file of a model."""
    path = http.query_params.get("artifact_file_path")
    if not path:
        raise InvalidParameter('Request must include the "artifact_file_path" query parameter.')

    def opened() -> ArtifactDownload:
        return artifacts.open_file(call, logged_models.get_logged_model(call, model_id).artifact_uri, path)

    return download_response(http, await run_sync(opened), path.rpartition("/")[2])


def _check_same(named: str | None, model_id: str) -> None:
    if named and named != model_id:
        raise InvalidParameter(f"The body names the model '{named}', the address '{model_id}'.")
