"""A workspace: the place that holds experiments and runs, and the address that MLflow logs to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runyard.errors import AlreadyExists, InvalidParameter, NotFound, NotImplementedHere
from runyard.protocol.messages.workspaces import (
    ChangeWorkspace,
    CreateWorkspace,
    ListWorkspacesAnswer,
    WireWorkspace,
    WorkspaceAnswer,
)
from runyard.sdk.addresses import default_url, server_url
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import optional_text, pairs, text
from runyard.sdk.azure_options import check_azure_options
from runyard.sdk.configuration import FILE_NAMES, Configuration, find_configuration, write_configuration
from runyard.sdk.connection import connect
from runyard.sdk.credentials import find_credential
from runyard.sdk.databricks.link import HasDatabricksLinks
from runyard.sdk.dataset import HasDatasets
from runyard.sdk.environment import HasEnvironments
from runyard.sdk.evaluation_datasets import HasEvaluation
from runyard.sdk.grants import HasGrants
from runyard.sdk.logged_models import HasLoggedModels
from runyard.sdk.mlflow_auth import announce
from runyard.sdk.quotas import HasQuota
from runyard.sdk.registered_models import HasRegisteredModels
from runyard.sdk.representation import html_table, link
from runyard.sdk.traces import HasTraces
from runyard.sdk.usage import HasUsage
from runyard.sdk.workspace_compute import HasComputeTargets
from runyard.sdk.workspace_datastores import HasDatastores
from runyard.sdk.workspace_details import assumed
from runyard.sdk.workspace_experiments import HasExperiments
from runyard.sdk.workspace_models import HasModels
from runyard.sdk.workspace_record import WorkspaceRecord
from runyard.sdk.workspace_runs import HasRuns
from runyard.sdk.workspace_trash import HasTrash

WorkspacesByName = dict[str, list["Workspace"]]


@names_arguments
class Workspace(
    WorkspaceRecord,
    HasTrash,
    HasUsage,
    HasQuota,
    HasDatabricksLinks,
    HasDatastores,
    HasEnvironments,
    HasExperiments,
    HasGrants,
    HasRuns,
    HasDatasets,
    HasModels,
    HasLoggedModels,
    HasRegisteredModels,
    HasTraces,
    HasEvaluation,
    HasComputeTargets,
):
    """A workspace on a Runyard server.

    Opening one asks the server whether it exists. Most programs open theirs with :meth:`from_config`.

    Args:
        subscription_id: Kept for Azure's clients; any text.
        resource_group: As ``subscription_id``.
        workspace_name: Name of the workspace.
        url: Address of the server; by default ``RUNYARD_URL``, else that of this person's running
            server, else ``http://127.0.0.1:5000``.
        **azure_options: Further keywords of Azure's first SDK are taken and have no effect.

    Raises:
        NotFound: The server has no such workspace.
        Unavailable: No server answers at the address.

    Example:
        >>> ws = Workspace.from_config()
        >>> mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())
        >>> Experiment(ws, "diabetes")
        Experiment('diabetes', workspace='lab')
    """

    def __init__(
        self,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        workspace_name: str = "default",
        *,
        url: str | None = None,
        **azure_options: Any,
    ) -> None:
        check_azure_options("Workspace", azure_options)
        self._settle(
            subscription_id, resource_group, workspace_name, server_url(url) if url else default_url()
        )
        self._described = self._fetch()

    def _settle(self, subscription_id: str | None, resource_group: str | None, name: str, url: str) -> None:
        self._url = url
        if not text(name, "name"):
            raise InvalidParameter("name must not be empty: a workspace has a name.")
        self._name = name
        self._subscription_id = subscription_id
        self._resource_group = resource_group
        self._connection = connect(url).below(f"/workspaces/{quote(name, safe='')}")

    @classmethod
    def _of(
        cls, described: WireWorkspace, subscription_id: str | None, resource_group: str | None, url: str
    ) -> Workspace:
        """Return the workspace that the server has just described, without asking again."""
        opened = cls.__new__(cls)
        opened._settle(subscription_id, resource_group, described.name, url)
        opened._described = described
        return opened

    @classmethod
    def _assumed(cls, name: str, url: str) -> Workspace:
        """Return a workspace that is only believed to be there, for who can't ask."""
        return cls._of(assumed(name), None, None, url)

    @staticmethod
    def from_config(path: str | os.PathLike[str] | None = None, auth: object = None) -> Workspace:
        """Open the workspace that the nearest configuration file names.

        From ``path`` upward it looks into ``.runyard/``, ``.azureml/``, ``aml_config/`` and the folder
        itself for ``config.json`` (or ``project.json``), then into the home of this person's server. So
        on the machine of a running ``runyard up`` it needs no configuration at all, and elsewhere
        ``RUNYARD_URL`` will do. A file without ``runyard_url``, as Azure writes it, opens the workspace of
        that name on the default server.

        Args:
            path: The folder to start from, by default the working directory; or the file itself.
            auth: Taken for Azure's scripts; no effect.

        Raises:
            NotFound: There is no configuration, and the message lists where it looked; or the
                server has no such workspace.
            InvalidParameter: The file can't be read.
            Unavailable: No server answers at the address.

        Example:
            >>> Workspace.from_config().name
            'lab'
        """
        found = find_configuration(path)
        return Workspace(
            found.subscription_id, found.resource_group, found.workspace_name, url=found.runyard_url
        )

    @staticmethod
    def get(
        name: str,
        auth: object = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        *,
        url: str | None = None,
        **azure_options: Any,
    ) -> Workspace:
        """Open a workspace by its name.

        Args:
            name: Name of the workspace.
            auth: Taken for Azure's scripts; no effect.
            subscription_id: Any text; the workspace keeps it.
            resource_group: Any text; the workspace keeps it.
            location: Taken for Azure's scripts; no effect.
            url: Address of the server; see :class:`Workspace`.
            **azure_options: Further keywords of Azure's first SDK; no effect.

        Raises:
            NotFound: The server has no such workspace.
            Unavailable: No server answers at the address.

        Example:
            >>> Workspace.get("default", url="http://127.0.0.1:5000")
            Workspace('default', url='http://127.0.0.1:5000')
        """
        check_azure_options("Workspace.get", azure_options)
        return Workspace(subscription_id, resource_group, name, url=url)

    @staticmethod
    def create(
        name: str,
        auth: object = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        *,
        url: str | None = None,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        exist_ok: bool = False,
        **azure_options: Any,
    ) -> Workspace:
        """Make a workspace and open it.

        Args:
            name: Lower-case letters, digits and dashes, at most 63.
            auth: Taken for Azure's scripts; no effect.
            subscription_id: Any text; the workspace keeps it.
            resource_group: Any text; the workspace keeps it.
            location: Taken for Azure's scripts; no effect.
            url: Address of the server; see :class:`Workspace`.
            description: Free text.
            tags: Free key and value pairs.
            exist_ok: Open the workspace when there is one of that name.
            **azure_options: Further keywords of Azure's first SDK; no effect.

        Raises:
            AlreadyExists: There is a workspace of that name, and ``exist_ok`` is false.
            InvalidParameter: The name is not of that form.
            Forbidden: The credential is not an administrator's.
            Unavailable: No server answers at the address.

        Example:
            >>> vision = Workspace.create("vision", tags={"team": "robots"}, exist_ok=True)
            >>> vision.tags
            {'team': 'robots'}
        """
        check_azure_options("Workspace.create", azure_options)
        address = server_url(url) if url else default_url()
        wanted = CreateWorkspace(
            name=name, description=text(description, "description"), tags=dict(pairs(tags or {}, "tags"))
        )
        try:
            connect(address).post("/api/v1/workspaces", wanted, WorkspaceAnswer)
        except AlreadyExists:
            if not exist_ok:
                raise
        return Workspace(subscription_id, resource_group, name, url=address)

    @staticmethod
    def list(
        subscription_id: str | None = None,
        auth: object = None,
        resource_group: str | None = None,
        *,
        url: str | None = None,
    ) -> WorkspacesByName:
        """Return the workspaces of a server that the caller may see, by name.

        Each value is a list, as Azure's SDK has it, where several resource groups may use one name. Here
        names are unique, so each list holds one workspace.

        Args:
            subscription_id: Any text; the workspaces keep it.
            auth: Taken for Azure's scripts; no effect.
            resource_group: Any text; the workspaces keep it.
            url: Address of the server; see :class:`Workspace`.

        Raises:
            Unavailable: No server answers at the address.

        Example:
            >>> "default" in Workspace.list()
            True
        """
        address = server_url(url) if url else default_url()
        answer = connect(address).get("/api/v1/workspaces", ListWorkspacesAnswer)
        return {
            described.name: [Workspace._of(described, subscription_id, resource_group, address)]
            for described in answer.workspaces
        }

    def write_config(self, path: str | os.PathLike[str] | None = None, file_name: str | None = None) -> None:
        """Write ``.azureml/config.json``, from which :meth:`from_config` opens this workspace again.

        The file holds no secret and may be committed. Azure's clients can read it too.

        Args:
            path: The folder to write below, by default the working directory.
            file_name: Another name than ``config.json``.

        Raises:
            InvalidParameter: ``file_name`` is not a plain name, or ``path`` is a file.

        Example:
            >>> ws.write_config("project")
            >>> Workspace.from_config("project").name
            'lab'
        """
        configuration = Configuration(self._name, self.subscription_id, self.resource_group, self._url)
        write_configuration(configuration, Path(path or "."), file_name or FILE_NAMES[0])

    def get_details(self) -> dict[str, Any]:
        """Return what the server knows of this workspace, under the names that Azure's SDK uses.

        ``url``, ``trackingUri``, ``experimentCount``, ``runCount`` and ``isDefault`` are Runyard's own.

        Raises:
            NotFound: The workspace does not exist any more.
            Unavailable: No server answers at the address.

        Example:
            >>> ws.get_details()["runCount"]
            0
        """
        self._described = self._fetch()
        return self.describe()

    def update(
        self,
        friendly_name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        **azure_options: Any,
    ) -> Workspace:
        """Change what is said of the workspace, and return it; what is left out stays as it is.

        Args:
            friendly_name: Must be its name, if it is given: a workspace has no second one.
            description: Free text.
            tags: Free key and value pairs, in place of those that it has.
            **azure_options: Further keywords of Azure's first SDK; no effect.

        Raises:
            NotImplementedHere: ``friendly_name`` is another name.
            Forbidden: The caller does not own the workspace.
            NotFound: The workspace does not exist any more.

        Example:
            >>> ws.update(description="Robots that see.", tags={"team": "robots"}).tags
            {'team': 'robots'}
        """
        check_azure_options("Workspace.update", azure_options)
        if friendly_name not in (None, self._name):
            raise NotImplementedHere(
                f"friendly_name={friendly_name!r} has no counterpart: a workspace has one name, "
                f"{self._name!r}. Say more of it by description or tags."
            )
        wanted = ChangeWorkspace(
            description=optional_text(description, "description"),
            tags=None if tags is None else dict(pairs(tags, "tags")),
        )
        path = f"/api/v1/workspaces/{quote(self._name, safe='')}"
        self._described = self._connection.change("PATCH", path, wanted, WorkspaceAnswer).workspace
        return self

    def get_mlflow_tracking_uri(self) -> str:
        """Return the address to give to ``mlflow.set_tracking_uri``.

        It names this workspace alone and holds no secret. When a credential is known, MLflow's client in
        this process is told to use it: Runyard's plugin then supplies a token for this server's
        host, renews it before it expires, and gives it to no other host. A client elsewhere gets the
        two lines that ``runyard token`` prints.

        Example:
            >>> ws.get_mlflow_tracking_uri()
            'http://127.0.0.1:5000/workspaces/lab'
        """
        announce(self._url, find_credential(self._url))
        return self.tracking_uri

    def _fetch(self) -> WireWorkspace:
        try:
            answer = self._connection.get(f"/api/v1/workspaces/{quote(self._name, safe='')}", WorkspaceAnswer)
        except NotFound as error:
            raise NotFound(f"There is no workspace {self._name!r} at {self._url}. ({error})") from None
        return answer.workspace

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Workspace) and self.tracking_uri == other.tracking_uri

    def __hash__(self) -> int:
        return hash(self.tracking_uri)

    def __repr__(self) -> str:
        return f"Workspace({self._name!r}, url={self._url!r})"

    def _repr_html_(self) -> str:
        described = self._described
        return html_table(
            [
                ("Workspace", self._name),
                ("Description", described.description),
                ("Studio", link(f"{self.tracking_uri}/", self.tracking_uri)),
                ("Experiments", str(described.experiment_count)),
                ("Runs", str(described.run_count)),
            ]
        )
