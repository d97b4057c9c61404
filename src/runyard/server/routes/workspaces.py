"""Routes about workspaces: Runyard's own, and MLflow's for the same ones."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.entities.workspace import DEFAULT_WORKSPACE
from runyard.errors import InvalidParameter
from runyard.protocol import limits
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.mlflow_workspaces import (
    MlflowCreateWorkspace,
    MlflowDeleteWorkspace,
    MlflowListWorkspacesAnswer,
    MlflowUpdateWorkspace,
    MlflowWorkspaceAnswer,
    deletion_of,
    mlflow_workspace,
)
from runyard.protocol.messages.workspaces import (
    ChangeWorkspace,
    CreateWorkspace,
    ListWorkspacesAnswer,
    WorkspaceAnswer,
    wire_workspace,
)
from runyard.server.routing import Routes
from runyard.services import reach, workspaces
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/v1/workspaces"
_MLFLOW = "/api/3.0/mlflow/workspaces"
_MLFLOW_ONE = f"{_MLFLOW}/{{workspace_name}}"


@routes.get(_BASE, permits=Permission.IDENTIFY, summary="List the workspaces that the caller may read.")
def list_workspaces(call: Call) -> ListWorkspacesAnswer:
    """Answer the workspaces."""
    found = workspaces.list_workspaces(call)
    return ListWorkspacesAnswer(workspaces=[wire_workspace(*used) for used in found])


@routes.post(_BASE, permits=Permission.ADMINISTER, summary="Create a workspace.")
def create_workspace(call: Call, body: CreateWorkspace) -> WorkspaceAnswer:
    """Create a workspace."""
    made = workspaces.create_workspace(call, body.name, body.description or None, body.tags)
    return WorkspaceAnswer(workspace=wire_workspace(*made))


@routes.get(f"{_BASE}/{{name}}", permits=Permission.READ, of=reach.anywhere, summary="Get a workspace.")
def get_workspace(call: Call, name: str) -> WorkspaceAnswer:
    """Answer one workspace and how much it holds."""
    return WorkspaceAnswer(workspace=wire_workspace(*workspaces.get_workspace(call, name)))


@routes.patch(
    f"{_BASE}/{{name}}",
    permits=Permission.MANAGE,
    workspace_in="name",
    summary="Describe and tag a workspace.",
)
def change_workspace(call: Call, body: ChangeWorkspace, name: str) -> WorkspaceAnswer:
    """Change what is said of a workspace."""
    changed = workspaces.change_workspace(call, name, body.description, body.tags)
    return WorkspaceAnswer(workspace=wire_workspace(*changed))


@routes.get(_MLFLOW, permits=Permission.IDENTIFY, summary="List the workspaces that the caller may read.")
def list_mlflow_workspaces(call: Call) -> MlflowListWorkspacesAnswer:
    """Answer the workspaces as MLflow writes them."""
    found = workspaces.list_workspaces(call)
    return MlflowListWorkspacesAnswer(workspaces=[mlflow_workspace(workspace) for workspace, _ in found])


@routes.post(_MLFLOW, permits=Permission.ADMINISTER, summary="Create a workspace.", status=201)
def create_mlflow_workspace(call: Call, body: MlflowCreateWorkspace) -> MlflowWorkspaceAnswer:
    """Create a workspace."""
    if body.name == DEFAULT_WORKSPACE:
        raise InvalidParameter(f"The '{DEFAULT_WORKSPACE}' workspace is reserved and cannot be created")
    limits.check_mlflow_workspace_name(body.name)
    body.check()
    made, _ = workspaces.create_workspace(call, body.name, body.description, {})
    return MlflowWorkspaceAnswer(workspace=mlflow_workspace(made))


@routes.get(
    _MLFLOW_ONE,
    permits=Permission.READ,
    of=reach.anywhere,
    workspace_in="workspace_name",
    summary="Get a workspace.",
)
def get_mlflow_workspace(call: Call, workspace_name: str) -> MlflowWorkspaceAnswer:
    """Answer one workspace."""
    found, _ = workspaces.get_workspace(call, workspace_name)
    return MlflowWorkspaceAnswer(workspace=mlflow_workspace(found))


@routes.patch(
    _MLFLOW_ONE,
    permits=Permission.MANAGE,
    workspace_in="workspace_name",
    summary="Change the description of a workspace.",
)
def update_mlflow_workspace(
    call: Call, body: MlflowUpdateWorkspace, workspace_name: str
) -> MlflowWorkspaceAnswer:
    """Change a workspace."""
    if not body.named():
        raise InvalidParameter("Workspace update must have at least one key")
    body.check()
    if body.description is None:
        return get_mlflow_workspace(call, workspace_name)
    changed = workspaces.describe_workspace(call, workspace_name, body.description)
    return MlflowWorkspaceAnswer(workspace=mlflow_workspace(changed))


@routes.delete(
    _MLFLOW_ONE,
    permits=Permission.ADMINISTER,
    status=204,
    summary="Take a workspace away for good: an empty one, or with `mode` CASCADE all that it holds.",
)
def delete_mlflow_workspace(call: Call, body: MlflowDeleteWorkspace, workspace_name: str) -> Empty:
    """Delete a workspace."""
    with limits.missing_mlflow_workspace(workspace_name):
        workspaces.delete_workspace(call, workspace_name, deletion_of(body.mode))
    return Empty()
