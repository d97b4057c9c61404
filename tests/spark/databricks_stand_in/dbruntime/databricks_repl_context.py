"""The context of a notebook: Databricks has this module, which nobody else can install."""

from types import SimpleNamespace

NOTEBOOK = SimpleNamespace(
    isInNotebook=True,
    isInJob=False,
    isInCluster=True,
    clusterId="0712-093145-abc",
    notebookId="4711",
    notebookPath="/Users/bea@lab.example/training",
    workspaceId="12",
    workspaceUrl="dbc-1.cloud.databricks.com",
    apiUrl="https://dbc-1.cloud.databricks.com",
    aclPathOfAclRoot="/workspace/4711",
)


def get_context():
    """Return where the code runs that asks."""
    return NOTEBOOK
