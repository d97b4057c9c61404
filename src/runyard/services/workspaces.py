"""What can be done with workspaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runyard.auth.permissions import Permission
from runyard.entities.workspace import DEFAULT_WORKSPACE, Workspace, WorkspaceUse
from runyard.errors import NotFound
from runyard.protocol import limits
from runyard.services.call import Call, system_now_ms
from runyard.stores.opening import Stores

UsedWorkspace = tuple[Workspace, WorkspaceUse]


def ensure_default_workspace(stores: Stores) -> None:
    """Make the workspace ``default`` if the server has none yet."""
    with stores.atomic(alone_for="default workspace"):
        try:
            stores.metadata.workspaces.get_workspace(DEFAULT_WORKSPACE)
        except NotFound:
            stores.metadata.workspaces.add_workspace(DEFAULT_WORKSPACE, "", {}, system_now_ms())


def create_workspace(call: Call, name: str, description: str, tags: Mapping[str, str]) -> UsedWorkspace:
    """Return a new workspace with its own ``Default`` experiment.

    Raises:
        AlreadyExists: A workspace has this name.
    """
    limits.check_workspace_name(name)
    limits.check_length(description, limits.MAX_VALUE_LENGTH, "description")
    limits.check_experiment_tags(tags)
    with call.stores.atomic():
        made = call.stores.metadata.workspaces.add_workspace(name, description, tags, call.now_ms())
        return _with_use(call, [made])[0]


def get_workspace(call: Call, name: str) -> UsedWorkspace:
    """Return a workspace that the caller may read, and how much it holds."""
    if call.caller is None or not call.caller.may_somewhere(Permission.READ, name):
        raise NotFound(f"Workspace '{name}' does not exist.")
    return _with_use(call, [call.stores.metadata.workspaces.get_workspace(name)])[0]


def list_workspaces(call: Call) -> list[UsedWorkspace]:
    """Return the workspaces that the caller may read."""
    found = call.stores.metadata.workspaces.list_workspaces()
    caller = call.caller
    readable = [
        item for item in found if caller is not None and caller.may_somewhere(Permission.READ, item.name)
    ]
    return _with_use(call, readable)


def _with_use(call: Call, workspaces: Sequence[Workspace]) -> list[UsedWorkspace]:
    use = call.stores.metadata.workspaces.measure_use([workspace.name for workspace in workspaces])
    return [(workspace, use[workspace.name]) for workspace in workspaces]
