"""The variables by which all that runs on a cluster logs into a workspace."""

from __future__ import annotations

from urllib.parse import quote

from runyard.sdk.mlflow_auth import PROVIDER_NAME

TOKEN = "RUNYARD_TOKEN"
DUAL_LOGGING = "RUNYARD_DATABRICKS_DUAL_LOGGING"


def tracking_variables(url: str, workspace: str, *, dual_logging: bool = False) -> dict[str, str]:
    """Return the variables by name; none of them is a secret.

    What is logged goes to the server at once and not by way of a spool: a cluster's disks go with it, and
    Spark ends its workers' Pythons without notice. Databricks names a registry of models of its own, so one
    is named here, too.

    Args:
        url: Address of the server, as the cluster reaches it.
        workspace: Name of the workspace.
        dual_logging: Whether to log a copy of each run to Databricks, too.

    Example:
        >>> tracking_variables("https://lab.example", "vision")["MLFLOW_TRACKING_URI"]
        'https://lab.example/workspaces/vision'
    """
    tracking_uri = f"{url}/workspaces/{quote(workspace, safe='')}"
    variables = {
        "MLFLOW_TRACKING_URI": tracking_uri,
        "MLFLOW_REGISTRY_URI": tracking_uri,
        "MLFLOW_TRACKING_AUTH": PROVIDER_NAME,
        "RUNYARD_URL": url,
        "RUNYARD_SPOOL": "off",
    }
    return {**variables, DUAL_LOGGING: "on"} if dual_logging else variables
