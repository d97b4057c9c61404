"""Runyard's own routes about workspaces."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.protocol.messages.workspaces import (
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


@routes.get(_BASE, permits=Permission.IDENTIFY, summary="List the workspaces that the caller may read.")
def list_workspaces(call: Call) -> ListWorkspacesAnswer:
    """Answer the workspaces."""
    found = workspaces.list_workspaces(call)
    return ListWorkspacesAnswer(workspaces=[wire_workspace(*used) for used in found])


@routes.post(_BASE, permits=Permission.ADMINISTER, summary="Create a workspace.")
def create_workspace(call: Call, body: CreateWorkspace) -> WorkspaceAnswer:
    """Create a workspace."""
    made = workspaces.create_workspace(call, body.name, body.description, body.tags)
    return WorkspaceAnswer(workspace=wire_workspace(*made))


@routes.get(f"{_BASE}/{{name}}", permits=Permission.READ, of=reach.anywhere, summary="Get a workspace.")
def get_workspace(call: Call, name: str) -> WorkspaceAnswer:
    """Answer one workspace and how much it holds."""
    return WorkspaceAnswer(workspace=wire_workspace(*workspaces.get_workspace(call, name)))
