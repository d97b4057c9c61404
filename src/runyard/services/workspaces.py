"""What can be done with workspaces."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from runyard.auth.permissions import Permission
from runyard.entities.workspace import DEFAULT_WORKSPACE, Workspace, WorkspaceDeletion, WorkspaceUse
from runyard.errors import InvalidState, NotFound, NotImplementedHere, Unavailable
from runyard.protocol import limits
from runyard.services import collection
from runyard.services.call import Call, system_now_ms
from runyard.stores.opening import Stores

WORKSPACE_DELETED_WITHIN_S = 20.0

UsedWorkspace = tuple[Workspace, WorkspaceUse]


def ensure_default_workspace(stores: Stores) -> None:
    """Make the workspace ``default`` if the server has none yet."""
    with stores.atomic(alone_for="default workspace"):
        try:
            stores.metadata.workspaces.get_workspace(DEFAULT_WORKSPACE)
        except NotFound:
            stores.metadata.workspaces.add_workspace(DEFAULT_WORKSPACE, None, {}, system_now_ms())


def create_workspace(
    call: Call, name: str, description: str | None, tags: Mapping[str, str]
) -> UsedWorkspace:
    """Return a new workspace with its own ``Default`` experiment.

    Raises:
        AlreadyExists: A workspace has this name.
    """
    limits.check_workspace_name(name)
    limits.check_length(description or "", limits.MAX_VALUE_LENGTH, "description")
    limits.check_experiment_tags(tags)
    with call.stores.atomic():
        made = call.stores.metadata.workspaces.add_workspace(name, description, tags, call.now_ms())
        return _with_use(call, [made])[0]


def describe_workspace(call: Call, name: str, description: str) -> Workspace:
    """Give a workspace another description and return it.

    Raises:
        InvalidParameter: It is too long.
        NotFound: There is no such workspace.
    """
    limits.check_length(description, limits.MAX_VALUE_LENGTH, "description")
    with call.stores.atomic():
        call.stores.metadata.workspaces.describe_workspace(name, description)
        return call.stores.metadata.workspaces.get_workspace(name)


def change_workspace(
    call: Call, name: str, description: str | None, tags: Mapping[str, str] | None
) -> UsedWorkspace:
    """Give a workspace another description or other tags, and return it; None leaves one as it is.

    Raises:
        InvalidParameter: One is too long.
        NotFound: There is no such workspace.
    """
    limits.check_length(description or "", limits.MAX_VALUE_LENGTH, "description")
    limits.check_experiment_tags(tags or {})
    kept = call.stores.metadata.workspaces
    with call.stores.atomic():
        if description is not None:
            kept.describe_workspace(name, description)
        if tags is not None:
            kept.tag_workspace(name, tags)
        return _with_use(call, [kept.get_workspace(name)])[0]


def get_workspace(call: Call, name: str) -> UsedWorkspace:
    """Return a workspace that the caller may read, and how much it holds."""
    if call.caller is None or not call.caller.may_somewhere(Permission.READ, name):
        raise NotFound(f"Workspace '{name}' not found")
    return _with_use(call, [call.stores.metadata.workspaces.get_workspace(name)])[0]


def list_workspaces(call: Call) -> list[UsedWorkspace]:
    """Return the workspaces that the caller may read."""
    found = call.stores.metadata.workspaces.list_workspaces()
    caller = call.caller
    readable = [
        item for item in found if caller is not None and caller.may_somewhere(Permission.READ, item.name)
    ]
    return _with_use(call, readable)


def delete_workspace(call: Call, name: str, mode: WorkspaceDeletion) -> None:
    """Take a workspace away for good: with all that it holds, or only if that is nothing.

    Raises:
        InvalidParameter: It is the default one.
        InvalidState: It holds something, and only an empty one was to be deleted.
        NotFound: There is none of that name.
        NotImplementedHere: What it holds was to be moved elsewhere.
        Unavailable: It is not over in time; the same call goes on with it.
    """
    collection.check_removable(name)
    if mode is WorkspaceDeletion.SET_DEFAULT:
        raise NotImplementedHere(
            f"mode SET_DEFAULT is not offered: nothing moves to '{DEFAULT_WORKSPACE}', as files and grants "
            "belong to one workspace. Delete what is in it first (RESTRICT), or all of it for good (CASCADE)."
        )
    if mode is WorkspaceDeletion.RESTRICT:
        _claim_if_empty(call, name)
    until_s = time.monotonic() + WORKSPACE_DELETED_WITHIN_S
    while not collection.delete_workspace(call, name).is_done:
        if time.monotonic() > until_s:
            raise Unavailable(f"Workspace '{name}' is not wholly deleted yet; the same call goes on with it.")


def _claim_if_empty(call: Call, name: str) -> None:
    """Have a workspace removed if nothing is in it; who adds to it waits, or was counted."""
    metadata = call.stores.metadata
    with call.stores.atomic():
        if not metadata.trash.claim_workspace(name, call.now_ms()):
            raise NotFound(f"Workspace '{name}' not found")
        held = metadata.workspaces.count_contents(name)
        if held:
            told = ", ".join(f"{count} {kind}" for kind, count in held.items())
            raise InvalidState(
                f"Cannot delete workspace '{name}': it still contains {told}, counting the trash. "
                "Remove them for good before deleting the workspace, or delete it with mode CASCADE."
            )


def _with_use(call: Call, workspaces: Sequence[Workspace]) -> list[UsedWorkspace]:
    use = call.stores.metadata.workspaces.measure_use([workspace.name for workspace in workspaces])
    return [(workspace, use[workspace.name]) for workspace in workspaces]
