"""What Azure's notebooks about remote training do, on whatever the workspace makes clusters of.

The packages of their environments are this interpreter's: a machine of the tests may see no index.
"""

import json
import os
import sys

import mlflow
import mlflow.azureml
from azureml.core import Dataset, Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.core.conda_dependencies import CondaDependencies
from azureml.data import OutputFileDatasetConfig

ws = Workspace.from_config()
try:
    cpu_cluster = ComputeTarget(workspace=ws, name="cpu-cluster")
except ComputeTargetException:
    config = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", min_nodes=0, max_nodes=2)
    cpu_cluster = ComputeTarget.create(ws, "cpu-cluster", config)
    cpu_cluster.wait_for_completion(show_output=True)

mlflow_env = Environment(name="mlflow-env")
mlflow_env.python.conda_dependencies = CondaDependencies.create(pip_packages=["mlflow", "azureml-mlflow"])
mlflow_env.python.user_managed_dependencies = True
mlflow_env.python.interpreter_path = sys.executable
said = {}


def write(path, text):
    """Make a file of a notebook's folder."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


# A page's remote snippet: the target by its name, a script that knows MLflow alone.
write(
    "my_script_location/my_training_script.py",
    "import mlflow\nwith mlflow.start_run():\n    mlflow.log_metric('example', 1.23)\n",
)
exp = Experiment(workspace=ws, name="my_experiment")
src = ScriptRunConfig(source_directory="./my_script_location", script="my_training_script.py")
src.run_config.target = "cpu-cluster"
src.run_config.environment = mlflow_env
run = exp.submit(src)
run.wait_for_completion(show_output=True)
said["page"] = run.get_metrics()

# Remote training with MLflow: a cluster as an object, a plot and a file of the run's.
write(
    "train/train_diabetes.py",
    "import mlflow\n"
    "with mlflow.start_run():\n"
    "    mlflow.log_metric('Training samples', 353)\n"
    "    for alpha in (0.01, 0.03):\n"
    "        mlflow.log_metric('alpha', alpha)\n"
    "    with open('actuals_vs_predictions.png', 'wb') as plot:\n"
    "        plot.write(b'plot')\n"
    "    mlflow.log_artifact('actuals_vs_predictions.png')\n"
    "    print('Mean Squared Error is', 3424)\n",
)
src = ScriptRunConfig(
    source_directory="train",
    script="train_diabetes.py",
    compute_target=cpu_cluster,
    environment=mlflow_env,
)
run = Experiment(ws, "RemoteTrain-with-mlflow-sample").submit(src)
run.wait_for_completion(show_output=True)
said["remote"] = run.get_metrics()
said["target"] = run.get_details()["runDefinition"]["target"]
said["plot"] = "actuals_vs_predictions.png" in run.get_file_names()

# A project of MLflow's on the cluster.
write(
    "project/MLproject",
    "name: remote\nentry_points:\n  main:\n    parameters:\n      alpha: float\n"
    f'    command: "{sys.executable} train.py {{alpha}}"\n',
)
write(
    "project/train.py",
    "import sys, mlflow\nwith mlflow.start_run():\n    mlflow.log_metric('alpha', float(sys.argv[1]))\n",
)
mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())
mlflow.set_experiment("train-project-amlcompute")
backend_config = {"COMPUTE": "cpu-cluster", "USE_CONDA": False}
project = mlflow.projects.run(
    uri="./project",
    parameters={"alpha": 0.3},
    backend="azureml",
    backend_config=backend_config,
    synchronous=True,
)
said["project"] = mlflow.get_run(project.run_id).data.metrics

# Training with datasets: files that are there as a folder, rows by a name, a folder that is kept.
write("data/iris.csv", "sepal,species\n5.1,0\n4.9,1\n")
store = ws.get_default_datastore()
store.upload_files(["data/iris.csv"], target_path="train-dataset", overwrite=True, show_progress=False)
rows = Dataset.Tabular.from_delimited_files([(store, "train-dataset/iris.csv")])
files = Dataset.File.from_files((store, "train-dataset")).as_named_input("files").as_mount()
made = OutputFileDatasetConfig(destination=(store, "results/{run-id}/{output-name}"), name="made")
write(
    "reads/train.py",
    "import os, sys\n"
    "from azureml.core import Run\n"
    "run = Run.get_context()\n"
    "run.log('sum', run.input_datasets['iris'].to_pandas_dataframe()['sepal'].sum())\n"
    "run.log('files', len(os.listdir(sys.argv[2])))\n"
    "with open(os.path.join(sys.argv[4], 'it is $(made).txt'), 'w') as file:\n"
    "    file.write('made')\n",
)
src = ScriptRunConfig(
    source_directory="reads",
    script="train.py",
    arguments=["--files", files, "--out", made, "--rows", rows.as_named_input("iris")],
    compute_target=cpu_cluster,
    environment=mlflow_env,
)
run = Experiment(ws, "train-with-datasets").submit(src)
run.wait_for_completion(show_output=True)
said["datasets"] = run.get_metrics()
store.download("got", prefix=f"results/{run.id}/made", show_progress=False)
said["made"] = sorted(name for _, _, names in os.walk("got") for name in names)
sys.stdout.write(f"{json.dumps(said)}\n")
