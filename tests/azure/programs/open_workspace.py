"""What a notebook for the first SDK of Azure ML does to reach its workspace, with the genuine package."""

import json
import sys

import mlflow
from azureml.core import Workspace
from azureml.mlflow import get_portal_url

workspace = Workspace.from_config()
mlflow.set_tracking_uri(workspace.get_mlflow_tracking_uri())
mlflow.set_experiment("from the workspace")
with mlflow.start_run() as run:
    mlflow.log_metric("accuracy", 0.91)
    mlflow.log_text("kept", "kept.txt")
refused = ""
if "--nowhere" in sys.argv:
    try:
        Workspace.get(
            "nowhere", subscription_id=workspace.subscription_id, resource_group=workspace.resource_group
        )
    except Exception as error:  # noqa: BLE001 - which it is, is what is looked at
        refused = f"{type(error).__name__}: {error}"


def told(call):
    """Return what a person reads of a call that is not answered here."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - which it is, is what is looked at
        return str(error)
    return "it was answered"


details = workspace.get_details()
answer = {
    "name": workspace.name,
    "told": [
        told(lambda: workspace.experiments),
        told(lambda: workspace.get_default_keyvault().set_secret("a", "b")),
    ],
    "told_of_datasets": told(lambda: list(workspace.datasets)),
    "refused": refused,
    "location": workspace.location,
    "tracking_uri": workspace.get_mlflow_tracking_uri(),
    "run_id": run.info.run_id,
    "text": mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/kept.txt"),
    "details": {name: details[name] for name in ("id", "name", "discoveryUrl", "friendlyName")},
    "portal_url": get_portal_url(run),
    "listed": sorted(Workspace.list(workspace.subscription_id)),
    "got": Workspace.get(
        workspace.name, subscription_id=workspace.subscription_id, resource_group=workspace.resource_group
    ).name,
}
print(json.dumps(answer))
