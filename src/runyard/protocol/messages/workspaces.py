"""Runyard's own messages about workspaces and about the server."""

from __future__ import annotations

from runyard.entities.workspace import DEFAULT_WORKSPACE, Workspace, WorkspaceUse
from runyard.protocol.messages.common import Wire

SUBSCRIPTION_ID = "00000000-0000-0000-0000-000000000000"
RESOURCE_GROUP = "runyard"
SKU = "Basic"
"""What Azure's clients take for the edition of a workspace, of which there is one."""


class CreateWorkspace(Wire):
    """Body of ``POST /api/v1/workspaces``."""

    name: str
    description: str = ""
    tags: dict[str, str] = {}


class ChangeWorkspace(Wire):
    """Body of ``PATCH /api/v1/workspaces/{name}``; what is left out stays as it is."""

    description: str | None = None
    tags: dict[str, str] | None = None


class WireWorkspace(Wire, omit_defaults=False):
    """A workspace, with the two names that Azure's clients want beside it."""

    name: str
    description: str
    tags: dict[str, str]
    created_ms: int
    subscription_id: str
    resource_group: str
    experiment_count: int
    run_count: int
    is_default: bool


class WorkspaceAnswer(Wire):
    """One workspace."""

    workspace: WireWorkspace


class ListWorkspacesAnswer(Wire, omit_defaults=False):
    """The workspaces that the caller may see."""

    workspaces: list[WireWorkspace]


class ServerAnswer(Wire, omit_defaults=False):
    """What answers here: product, version, mode (``up`` or ``serve``), workspace, and what else it shows."""

    product: str
    version: str
    mode: str
    workspace: str
    has_mlflow_pages: bool = False


class ServerInfoAnswer(Wire, omit_defaults=False):
    """What MLflow's 3.x clients ask before they use newer features (``server-info``)."""

    store_type: str
    workspaces_enabled: bool
    trace_archival_enabled: bool
    multipart_uploads_enabled: bool
    multipart_downloads_enabled: bool
    presigned_upload_run_id_supported: bool
    presigned_upload_model_id_supported: bool
    features_enabled: dict[str, bool]


def wire_workspace(workspace: Workspace, use: WorkspaceUse) -> WireWorkspace:
    """Return a workspace as Runyard writes it."""
    return WireWorkspace(
        name=workspace.name,
        description=workspace.description or "",
        tags=dict(workspace.tags),
        created_ms=workspace.created_ms,
        subscription_id=SUBSCRIPTION_ID,
        resource_group=RESOURCE_GROUP,
        experiment_count=use.experiment_count,
        run_count=use.run_count,
        is_default=workspace.name == DEFAULT_WORKSPACE,
    )
