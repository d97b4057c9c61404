"""What a script for the second SDK of Azure ML does to reach its workspace, with the genuine package."""

import json

import mlflow
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

client = MLClient.from_config(credential=DefaultAzureCredential())
workspace = client.workspaces.get(client.workspace_name)
mlflow.set_tracking_uri(workspace.mlflow_tracking_uri)
mlflow.set_experiment("from the client")
with mlflow.start_run() as run:
    mlflow.log_param("kind", "second")
    mlflow.log_text("kept", "kept.txt")
try:
    client.workspaces.get("nowhere")
except Exception as error:  # noqa: BLE001 - which it is, is what is looked at
    refused = f"{type(error).__name__}: {error}"
else:
    refused = "it was opened"


def told(call):
    """Return what a person reads of a call that is not answered here."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - which it is, is what is looked at
        return f"{type(error).__name__}: {error}"
    return "it was answered"


answer = {
    "told": {
        "`runyard job`": told(lambda: list(client.jobs.list())),
        "mlflow.register_model": told(lambda: client.models.get("m", version="1")),
        "`runyard data`": told(lambda: client.data.get("d", label="latest")),
        "mlflow models serve": told(lambda: list(client.online_endpoints.list())),
        "Register the files of an index as data": told(lambda: list(client.indexes.list())),
        "Register tables as data": told(lambda: list(client.feature_sets.list())),
    },
    "name": workspace.name,
    "refused": refused,
    "resource_group": workspace.resource_group,
    "tracking_uri": workspace.mlflow_tracking_uri,
    "run_id": run.info.run_id,
    "text": mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/kept.txt"),
    "listed": sorted(each.name for each in client.workspaces.list()),
    "hubs": [each.name for each in client.workspaces.list(filtered_kinds=["hub", "project"])],
    "with_defaults": [each.name for each in client.workspaces.list(filtered_kinds=["hub", "default"])],
}
print(json.dumps(answer))
