"""What Azure's page about MLflow does with a workspace, in its own words; its slips are mended."""

import sys

import azureml.core
import azureml.mlflow
import mlflow
import mlflow.azureml
from azureml.core import Experiment, Run, Workspace
from azureml.core.authentication import InteractiveLoginAuthentication
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.environment import Environment
from azureml.mlflow import get_portal_url

ws = Workspace.from_config(auth=InteractiveLoginAuthentication())
same = Workspace.get(name=ws.name, subscription_id="subscription_id", resource_group="resource_group_name")

mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())
experiment_name = "experiment_with_mlflow"
mlflow.set_experiment(experiment_name)

with mlflow.start_run() as tracked:
    mlflow.log_metric("alpha", 0.03)
    print(get_portal_url(tracked))

exp = Experiment(workspace=ws, name="my_experiment")
mlflow_env = Environment(name="mlflow-env")
cd = CondaDependencies.create(pip_packages=["mlflow", "azureml-mlflow"])
mlflow_env.python.conda_dependencies = cd
mlflow_env.register(ws)

with exp.start_logging() as run:
    run.log("loss", 0.5)
    run.log_list("curve", [3.0, 2.0, 1.0])
    run.log_row("point", x=1, y=2)
    run.upload_file("outputs/model.txt", __file__)
    model = run.register_model(model_name="kept", model_path="outputs/model.txt")

runs = list(ws.experiments[experiment_name].get_runs())
assert same.name == ws.name
assert runs[0].get_metrics() == {"alpha": 0.03}
assert Run.get(ws, run.id).get_metrics(name="loss") == {"loss": 0.5}
assert (
    ws.environments["mlflow-env"].python.conda_dependencies.serialize_to_string() == cd.serialize_to_string()
)
assert ws.models["kept"].version == model.version == 1
assert azureml.core.VERSION
print(ws.get_details()["runCount"], *sys.argv[1:])
