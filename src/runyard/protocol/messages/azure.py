"""What Microsoft's clients for Azure ML ask besides MLflow's protocol, in their words."""

from __future__ import annotations

from typing import Any

from runyard.entities.workspace import Workspace
from runyard.protocol.messages.common import Wire
from runyard.protocol.messages.workspaces import SKU, SUBSCRIPTION_ID

CLOUD = "Runyard"
STORAGE_SUFFIX = "core.windows.net"
"""Azure's own: the clients look for it in the address of a file before they read that."""
NO_SECRET = "none"
"""What stands for no credential where one of Microsoft's clients insists on some."""
LOCATION = "local"
ARM_WORKSPACE_TYPE = "Microsoft.MachineLearningServices/workspaces"
ARM_WORKSPACE_KIND = "Default"


class ManagedIdentityToken(Wire, omit_defaults=False):
    """A token, as Azure's service of managed identities writes it; times are text, in seconds."""

    access_token: str
    expires_on: str
    expires_in: str
    token_type: str
    resource: str


class RunTokenAnswer(Wire, rename="camel", omit_defaults=False):
    """A token for a run that goes on, as Azure's run history renews it."""

    token: str
    expiry_time_utc: str


class LogBatchAsyncAnswer(Wire, omit_defaults=False):
    """What is asked after until a batch is kept; empty, as it is kept already."""

    batch_tracking_id: str


class GetRunDataStatus(Wire):
    """Asks whether a batch is kept."""

    run_id: str
    batch_tracking_id: str = ""


class RunDataStatusAnswer(Wire, omit_defaults=False):
    """Whether a batch is kept."""

    is_complete: bool


class WireArtifactPath(Wire):
    """A file of a run, by its path."""

    path: str


class CreateArtifacts(Wire):
    """Body of ``artifacts/batch/metadata``: the files that a client is about to write."""

    paths: list[WireArtifactPath]


class WireAzureArtifact(Wire, rename="camel", omit_defaults=False):
    """A file of a run."""

    artifact_id: str
    origin: str
    container: str
    path: str


class WireContentInformation(Wire, rename="camel", omit_defaults=False):
    """Where a file is read or written, with a signature that makes this address good for an hour."""

    content_uri: str
    origin: str
    container: str
    path: str


class CreateArtifactsAnswer(Wire, rename="camel", omit_defaults=False):
    """Where the files are to be written, by their path."""

    artifacts: dict[str, WireAzureArtifact]
    artifact_content_information: dict[str, WireContentInformation]
    errors: dict[str, str] = {}


class ListArtifactsOfRunAnswer(Wire, rename="camel", omit_defaults=False):
    """A page of the files of a run, by path."""

    value: list[WireAzureArtifact]
    continuation_token: str | None
    next_link: str | None


class SubscriptionsAnswer(Wire, omit_defaults=False):
    """The subscriptions that there are: one."""

    value: list[dict[str, Any]]


class ArmWorkspacesAnswer(Wire, rename="camel", omit_defaults=False):
    """The workspaces that the caller may read, as Azure's resource manager writes them."""

    value: list[dict[str, Any]]
    next_link: str | None = None


def cloud_metadata(base_url: str, host: str) -> list[dict[str, Any]]:
    """Return the one cloud that there is, in the form of ``api-version=2019-05-01``.

    Args:
        base_url: The address of the server.
        host: Its name without a port, which the clients refuse in the place where people would sign in.
    """
    return [
        {
            "name": CLOUD,
            "portal": base_url,
            "resourceManager": f"{base_url}/arm/",
            "authentication": {
                "loginEndpoint": f"https://{host}",
                "audiences": [f"{base_url}/arm/"],
                "tenant": "common",
                "identityProvider": "AAD",
            },
            "graphAudience": base_url,
            "graph": base_url,
            "gallery": base_url,
            "batch": base_url,
            "media": base_url,
            "sqlManagement": base_url,
            "vmImageAliasDoc": base_url,
            "activeDirectoryDataLake": base_url,
            "suffixes": {
                "storage": STORAGE_SUFFIX,
                "keyVaultDns": "vault.runyard.invalid",
                "sqlServerHostname": "sql.runyard.invalid",
                "acrLoginServer": "registry.runyard.invalid",
                "azureDataLakeStoreFileSystem": "lake.runyard.invalid",
                "azureDataLakeAnalyticsCatalogAndJob": "lake.runyard.invalid",
            },
        }
    ]


def discovery(base_url: str) -> dict[str, str]:
    """Return where each service of Azure ML is: all of them here, each answering what it has."""
    services = (
        "api", "artifact", "catalog", "content", "credential", "dataset", "datasets", "datastore",
        "environment", "execution", "experimentation", "gallery", "history", "hyperdrive", "index",
        "jasmine", "metric", "metrics", "mlflow", "modelmanagement", "notebooks", "pipelines", "registry",
        "rp", "studio",
    )  # fmt: skip
    return dict.fromkeys(services, base_url)


def subscription() -> dict[str, Any]:
    """Return the one subscription."""
    return {
        "id": f"/subscriptions/{SUBSCRIPTION_ID}",
        "subscriptionId": SUBSCRIPTION_ID,
        "displayName": CLOUD,
        "state": "Enabled",
        "tenantId": SUBSCRIPTION_ID,
    }


def arm_workspace(workspace: Workspace, scope: str, base_url: str, created: str) -> dict[str, Any]:
    """Return a workspace as Azure's resource manager writes it.

    Args:
        workspace: The workspace.
        scope: Its path, from ``/subscriptions/`` to its name, as the client writes it.
        base_url: The address of the server.
        created: When it was made, in ISO's form.
    """
    tracking = base_url.replace("https://", "azureml://", 1)
    return {
        "id": scope,
        "name": workspace.name,
        "type": ARM_WORKSPACE_TYPE,
        "location": LOCATION,
        "tags": dict(workspace.tags),
        "kind": ARM_WORKSPACE_KIND,
        "etag": None,
        "sku": {"name": SKU, "tier": SKU},
        "identity": {"type": "None"},
        "properties": {
            "friendlyName": workspace.name,
            "description": workspace.description or "",
            "creationTime": created,
            "workspaceId": f"{workspace.name}-{workspace.created_ms}",
            "provisioningState": "Succeeded",
            "discoveryUrl": f"{base_url}/discovery",
            "mlFlowTrackingUri": f"{tracking}/mlflow/v1.0{scope}",
            "hbiWorkspace": False,
            "publicNetworkAccess": "Enabled",
            "v1LegacyMode": False,
        },
    }
