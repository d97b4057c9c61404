"""Several workspaces at one address, named by the header that clients since 3.10 send."""

import os
import uuid

import mlflow
from expecting import same
from mlflow.tracking import MlflowClient

OTHER = "vision"


def the_header_names_a_workspace():
    name = f"header-{uuid.uuid4().hex[:8]}"
    os.environ["MLFLOW_WORKSPACE"] = OTHER
    try:
        experiment_id = MlflowClient().create_experiment(name)
        run_id = MlflowClient().create_run(experiment_id).info.run_id
        MlflowClient().log_text(run_id, "text", "by-header.txt")
    finally:
        del os.environ["MLFLOW_WORKSPACE"]
    there = MlflowClient(tracking_uri=f"{mlflow.get_tracking_uri()}/workspaces/{OTHER}")
    same(there.get_experiment_by_name(name).experiment_id, experiment_id)
    same([entry.path for entry in there.list_artifacts(run_id)], ["by-header.txt"])
    assert MlflowClient().get_experiment_by_name(name) is None
