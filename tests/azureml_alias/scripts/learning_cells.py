"""What Azure's notebooks about datasets and projects do with the real scikit-learn and pandas, on a cluster.

The packages of their environments are this interpreter's: a machine of the tests may see no index.
"""

import json
import os
import sys

import mlflow
import mlflow.azureml
import numpy as np
from azureml.core import Dataset, Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.widgets import RunDetails
from sklearn.datasets import load_diabetes, load_iris, load_wine

ws = Workspace.from_config()
exp = Experiment(workspace=ws, name="train-with-datasets")
said = {}
compute_name = os.environ.get("AML_COMPUTE_CLUSTER_NAME", "cpu-cluster")
if compute_name in ws.compute_targets:
    compute_target = ws.compute_targets[compute_name]
else:
    config = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", min_nodes=0, max_nodes=4)
    compute_target = ComputeTarget.create(ws, compute_name, config)
    compute_target.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
    print(compute_target.get_status().serialize())

# A table that no one has registered, previewed here and read there by its name.
iris = load_iris(as_frame=True).frame
iris.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"]
iris.to_csv("learning/iris.csv", index=False)
datastore = ws.get_default_datastore()
datastore.upload_files(
    files=["./learning/iris.csv"], target_path="learning-dataset/tabular/", overwrite=True, show_progress=True
)
dataset = Dataset.Tabular.from_delimited_files(path=[(datastore, "learning-dataset/tabular/iris.csv")])
said["preview"] = list(dataset.take(3).to_pandas_dataframe().shape)
env = Environment("sklearn-env")
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable
script_folder = os.path.join(os.getcwd(), "learning")
src = ScriptRunConfig(
    source_directory=script_folder,
    script="train_iris.py",
    arguments=[dataset.as_named_input("iris")],
    compute_target=compute_target,
    environment=env,
)
run = exp.submit(src)
RunDetails(run).show()
run.wait_for_completion(show_output=True)
said["tree"] = run.get_file_names().count("outputs/decision_tree.pkl")

# Files that are there as a folder.
training_data = load_diabetes()
np.save(file="learning/features.npy", arr=training_data["data"])
np.save(file="learning/labels.npy", arr=training_data["target"])
names = ["learning/features.npy", "learning/labels.npy"]
datastore.upload_files(names, target_path="diabetes", overwrite=True)
dataset = Dataset.File.from_files(path=[(datastore, "diabetes/")])
said["paths"] = sorted(dataset.to_path())
src = ScriptRunConfig(
    source_directory=script_folder,
    script="train_diabetes.py",
    arguments=["--data-folder", dataset.as_mount()],
    compute_target=compute_target,
    environment=env,
)
src.run_config.framework = "python"
run = exp.submit(config=src)
RunDetails(run).show()
run.wait_for_completion()
metrics = run.get_metrics()
best = min(range(len(metrics["mse"])), key=lambda each: metrics["mse"][each])
best_alpha = metrics["alpha"][best]
dataset = dataset.register(
    workspace=ws, name="diabetes dataset", description="training dataset", create_new_version=True
)
model = run.register_model(
    model_name="sklearn_diabetes",
    model_path=os.path.join("outputs", f"ridge_{best_alpha:.2f}.pkl"),
    datasets=[("training data", dataset)],
)
said["alphas"], said["best"] = metrics["alpha"], metrics["mse"][best] == min(metrics["mse"])
said["model"] = [model.name, {key: [each.name for each in found] for key, found in model.datasets.items()}]

# A project of MLflow's with a parameter of its own default, on the cluster.
load_wine(as_frame=True).frame.to_csv("learning/wine.csv", index=False)
with open("learning/MLproject", "w") as file:
    file.write(
        "name: mlflow-example\nentry_points:\n  main:\n    parameters:\n      alpha: float\n"
        "      l1_ratio: {type: float, default: 0.1}\n"
        f'    command: "{sys.executable} train_wine.py {{alpha}} {{l1_ratio}}"\n'
    )
with open("backend_config.json", "w") as file:
    file.write('{"COMPUTE": "cpu-cluster", "USE_CONDA": "True"}')
mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())
mlflow.set_experiment("train-project-amlcompute")
project = mlflow.projects.run(
    uri="learning",
    parameters={"alpha": 0.3},
    backend="azureml",
    backend_config="backend_config.json",
    synchronous=True,
)
done = mlflow.get_run(project.run_id)
said["project"] = [done.info.status, done.data.params, sorted(done.data.metrics)]
loaded = mlflow.pyfunc.load_model(f"runs:/{project.run_id}/model")
said["predicts"] = len(loaded.predict(load_wine(as_frame=True).data.head(3)))
sys.stdout.write(f"{json.dumps(said)}\n")
