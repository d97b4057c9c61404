"""A notebook as the page about Azure Databricks has it: nothing in it says where to log or with which token.

It is run by spark-submit; only what Databricks sets for the tasks of a notebook is set by hand.
"""

import json
import os

import mlflow
from pyspark import TaskContext
from pyspark.sql import SparkSession

import runyard.azureml  # noqa: F401 - what follows are Microsoft's names

import mlflow.azureml  # isort: skip
import azureml.mlflow  # isort: skip
import azureml.core  # noqa: F401  # isort: skip
from azureml.core import Workspace  # isort: skip
from azureml.mlflow import get_portal_url  # isort: skip

spark = SparkSession.builder.appName("training").getOrCreate()
context = spark.sparkContext
context.setLocalProperty("spark.databricks.notebook.id", "4711")
context.setLocalProperty("spark.databricks.notebook.path", "/Users/bea@lab.example/training")
context.setLocalProperty("spark.databricks.api.url", "https://dbc-1.cloud.databricks.com")


def train(fold: int) -> dict[str, object]:
    """Train one fold, on an executor."""
    with mlflow.start_run(run_name=f"fold {fold}", tags={"mlflow.parentRunId": parent_id}) as child:
        for step in range(3):
            mlflow.log_metric("loss", 1 / (1 + fold + step), step=step)
    mlflow.MlflowClient().log_metric(parent_id, "folds", fold, step=fold)
    task = TaskContext.get()
    return {
        "run_id": child.info.run_id,
        "experiment_id": child.info.experiment_id,
        "pid": os.getpid(),
        "has_driver_conf": os.environ.get("SPARK_CONF_DIR") == driver_conf,
        "partition": task.partitionId() if task else None,
    }


ws = Workspace.get(name="default", subscription_id="subscription_id", resource_group="resource_group_name")
before = mlflow.get_tracking_uri()
mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())
driver_conf = os.environ["SPARK_CONF_DIR"]
with mlflow.start_run(run_name="training") as run:
    parent_id = run.info.run_id
    mlflow.log_param("folds", 4)
    mlflow.log_text("what the driver saw", "notes.txt")
    folds = context.parallelize(range(4), 4).map(train).collect()
told = {
    "uri_before": before,
    "registry_uri": mlflow.get_registry_uri(),
    "run_id": parent_id,
    "experiment_id": run.info.experiment_id,
    "portal_url": get_portal_url(run),
    "driver_pid": os.getpid(),
    "folds": folds,
}
spark.stop()
print("TOLD " + json.dumps(told), flush=True)
