"""What a workspace was when it was last read, in the words that Azure's SDK has for it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from runyard.protocol.messages.workspaces import SKU, WireWorkspace
from runyard.sdk.absent import NO_SERVICES, Absent
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import Connection
from runyard.sdk.workspace_details import details_of


@names_arguments
class WorkspaceRecord:
    """A workspace as it was when the server was last asked, and how it is reached."""

    _url: str
    _name: str
    _subscription_id: str | None
    _resource_group: str | None
    _connection: Connection
    _described: WireWorkspace

    add_private_endpoint = Absent(
        "Who reaches the server is said where it is started: `runyard serve --host`."
    )
    diagnose_workspace = Absent("`runyard doctor` looks for what is wrong.")
    images = Absent(NO_SERVICES)
    service_context = Absent("ws.connection calls the server, and ws.url is its address.")
    set_connection = Absent("Keep what a service is reached with in ws.secrets, and read it from there.")
    setup = Absent("Workspace.create(name, exist_ok=True) makes one, and ws.write_config() its file.")
    sync_keys = Absent("A datastore has a key of its own: register it with overwrite=True to change that.")
    webservices = Absent(NO_SERVICES)

    @property
    def name(self) -> str:
        """Name of the workspace.

        Example:
            >>> ws.name
            'lab'
        """
        return self._name

    @property
    def url(self) -> str:
        """Address of the server.

        Example:
            >>> ws.url
            'http://127.0.0.1:5000'
        """
        return self._url

    @property
    def subscription_id(self) -> str:
        """The subscription that the workspace was opened with; the server's own when it was none.

        Example:
            >>> ws.subscription_id
            '00000000-0000-0000-0000-000000000000'
        """
        return self._subscription_id or self._described.subscription_id

    @property
    def resource_group(self) -> str:
        """The resource group that the workspace was opened with; the server's own when it was none.

        Example:
            >>> ws.resource_group
            'runyard'
        """
        return self._resource_group or self._described.resource_group

    @property
    def location(self) -> str:
        """Where the workspace is: the server's host.

        Example:
            >>> ws.location
            '127.0.0.1'
        """
        return urlsplit(self._url).hostname or ""

    @property
    def tags(self) -> dict[str, str]:
        """The workspace's tags when it was opened, or at the last :meth:`get_details`.

        Example:
            >>> Workspace.create("vision", tags={"team": "robots"}, exist_ok=True).tags["team"]
            'robots'
        """
        return dict(self._described.tags)

    @property
    def sku(self) -> str:
        """The edition, as Azure's SDK has it: there is one.

        Example:
            >>> ws.sku
            'Basic'
        """
        return SKU

    @property
    def discovery_url(self) -> str:
        """The address that tells what answers there.

        Example:
            >>> ws.discovery_url
            'http://127.0.0.1:5000/api/v1/server'
        """
        return f"{self._url}/api/v1/server"

    @property
    def connection(self) -> Connection:
        """Calls to this workspace, for the other objects of the SDK.

        Example:
            >>> from runyard.protocol.messages.secrets import ListSecretsAnswer
            >>> ws.connection.get("/api/v1/secrets", ListSecretsAnswer).secrets
            []
        """
        return self._connection

    @property
    def tracking_uri(self) -> str:
        """The address of this workspace: that of the Studio, and what MLflow's client logs to.

        Example:
            >>> ws.tracking_uri
            'http://127.0.0.1:5000/workspaces/lab'
        """
        return f"{self._url}/workspaces/{quote(self._name, safe='')}"

    def describe(self) -> dict[str, Any]:
        """Return what :meth:`get_details` returns, as it was when the server was last asked.

        Example:
            >>> ws.describe()["friendlyName"]
            'lab'
        """
        return {
            "id": f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self._name}",
            "name": self._name,
            "workspaceid": self._name,
            "friendlyName": self._name,
            **details_of(self._described, self._url, self.tracking_uri, self.location),
        }
