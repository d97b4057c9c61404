"""MLflow's messages about workspaces (since 3.10)."""

from __future__ import annotations

from runyard.entities.workspace import Workspace, WorkspaceDeletion
from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import Wire

_WHY_NOT = {
    "default_artifact_root": "files of all workspaces lie where the server's setting artifact_store says",
    "trace_archival_config.location": "traces are not archived: they stay where they were logged",
    "trace_archival_config.retention": "traces are not archived: they stay until they are deleted",
}


class TraceArchivalConfig(Wire):
    """Where MLflow would move old traces, and when."""

    location: str | None = None
    retention: str | None = None


class WorkspaceFields(Wire):
    """What MLflow's bodies say of a workspace: an empty text clears a field, none leaves it as it is."""

    description: str | None = None
    default_artifact_root: str | None = None
    trace_archival_config: TraceArchivalConfig | None = None

    def named(self) -> dict[str, str]:
        """Return what is said, by the names that MLflow has for it."""
        archival = self.trace_archival_config or TraceArchivalConfig()
        fields = {
            "description": self.description,
            "default_artifact_root": self.default_artifact_root,
            "trace_archival_config.location": archival.location,
            "trace_archival_config.retention": archival.retention,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def check(self) -> None:
        """Refuse what a workspace has no place for.

        Raises:
            InvalidParameter: A field is set that can't be; to clear one, by an empty text, changes nothing.
        """
        for name, value in self.named().items():
            if name in _WHY_NOT and value.strip():
                raise InvalidParameter(
                    f"'{name}' can't be set for a workspace of this server: {_WHY_NOT[name]}."
                )


class MlflowCreateWorkspace(WorkspaceFields, kw_only=True):
    """Body of ``POST /api/3.0/mlflow/workspaces``."""

    name: str


class MlflowUpdateWorkspace(WorkspaceFields):
    """Body of ``PATCH /api/3.0/mlflow/workspaces/{workspace_name}``."""


class MlflowDeleteWorkspace(Wire):
    """Query of ``DELETE /api/3.0/mlflow/workspaces/{workspace_name}``."""

    mode: str = WorkspaceDeletion.RESTRICT.value


class MlflowWorkspace(Wire):
    """A workspace as MLflow writes it."""

    name: str = ""
    description: str | None = None


class MlflowWorkspaceAnswer(Wire):
    """One workspace."""

    workspace: MlflowWorkspace


class MlflowListWorkspacesAnswer(Wire):
    """The workspaces that the caller may read."""

    workspaces: list[MlflowWorkspace] = []


def deletion_of(text: str) -> WorkspaceDeletion:
    """Return the mode of deletion that a request names, in MLflow's words if it is none."""
    try:
        return WorkspaceDeletion(text)
    except ValueError:
        known = ", ".join(mode.value for mode in WorkspaceDeletion)
        raise InvalidParameter(f"Invalid deletion mode '{text[:100]}'. Must be one of: {known}") from None


def mlflow_workspace(workspace: Workspace) -> MlflowWorkspace:
    """Return a workspace as MLflow writes it."""
    return MlflowWorkspace(name=workspace.name, description=workspace.description)
