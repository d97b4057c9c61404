"""What cells of Azure's public notebooks do beyond the other scripts here, in one notebook's order."""

import filecmp
import json
import os
import sys

import mlflow
from azureml.core import Dataset, Environment, Experiment, Model, Run, ScriptRunConfig, Workspace
from azureml.core.resource_configuration import ResourceConfiguration
from azureml.data.dataset_factory import DataType
from azureml.train.estimator import Estimator
from sklearn.linear_model import LinearRegression

ws = Workspace.from_config()
store = ws.get_default_datastore()
experiment = Experiment(workspace=ws, name="cells")

# A notebook writes into the folder of outputs without making it.
run = experiment.start_logging()
with open("outputs/model.pkl", "w") as file:
    file.write("model")
run.complete()
said = {"outputs": run.get_file_names()}

# A model that MLflow logs is a folder of the run, whose files come one by one and together.
mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())
mlflow.set_experiment("cells")
with mlflow.start_run() as logged:
    mlflow.log_text("of the run itself", "model/notes.txt")
    mlflow.sklearn.log_model(
        LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0]),
        name="model",
        pip_requirements=["scikit-learn"],
        serialization_format="cloudpickle",
    )
fitted = Run.get(ws, logged.info.run_id)
said["names"] = fitted.get_file_names()
fitted.download_file("model/model.pkl", "fitted/")
fitted.download_files(prefix="model", output_directory="brought")
said["brought"] = sorted(os.listdir("brought/model"))
said["same"] = filecmp.cmp("fitted/model.pkl", "brought/model/model.pkl", shallow=False)
said["predicted"] = round(float(mlflow.sklearn.load_model("brought/model").predict([[2.0]])[0]), 6)
part = fitted.register_model("fitted-part", "model/model.pkl")
said["part"] = os.path.basename(part.download("part"))

# An environment of Azure's, taken as it is and cloned.
curated = Environment.get(workspace=ws, name="AzureML-sklearn-1.5").clone("mine")
said["curated"] = "scikit-learn" in curated.python.conda_dependencies.serialize_to_string()

# Rows that are not registered go to an estimator by a name of the input.
with open("cars.csv", "w") as file:
    file.write("age,when\n1,2020-01-01\n2,2020-02-01\n")
store.upload_files(["cars.csv"], target_path="cells", overwrite=True, show_progress=False)
types = {"age": DataType.to_float(), "when": DataType.to_datetime("%Y-%m-%d")}
cars = Dataset.Tabular.from_delimited_files((store, "cells/cars.csv"), set_column_types=types)
os.makedirs("code", exist_ok=True)
with open("code/reads.py", "w") as file:
    file.write(
        "from azureml.core import Run\n"
        "run = Run.get_context()\n"
        "frame = run.input_datasets['cars'].to_pandas_dataframe()\n"
        "run.log('years', frame['age'].sum())\n"
        "run.tag('type', str(frame['when'].dtype))\n"
    )
options = {"compute_target": "local", "user_managed": True}
estimator = Estimator("code", entry_script="reads.py", inputs=[cars.as_named_input("cars")], **options)
read = experiment.submit(estimator)
read.wait_for_completion()
said["years"] = read.get_metrics()["years"]
said["moments"] = read.get_tags()["type"].startswith("datetime64")

# A command whose script imports azureml.
with open("code/train.py", "w") as file:
    file.write("import sys\nfrom azureml.core import Run\nRun.get_context().log('words', len(sys.argv))\n")
command = ["python", "train.py", "--alpha", 0.5]
environment = Environment("as-it-is")
environment.python.user_managed_dependencies = True
environment.python.interpreter_path = sys.executable
words = experiment.submit(ScriptRunConfig("code", command=command, environment=environment))
words.wait_for_completion()
said["words"] = words.get_metrics()["words"]

# A model with what it was made with, and with words of Azure's that say nothing here.
registered = cars.register(ws, "cars", create_new_version=True)
model = run.register_model(
    model_name="cells",
    model_path="outputs/model.pkl",
    model_framework=Model.Framework.SCIKITLEARN,
    datasets=[("training data", registered)],
    resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5),
)
said["datasets"] = {purpose: [each.name for each in found] for purpose, found in model.datasets.items()}
said["path"] = Model.get_model_path(model_name="cells")
said["framework"], said["tags"] = model.model_framework, model.tags

# A project of MLflow's, by the name of Azure's backend.
with open("code/MLproject", "w") as file:
    file.write(
        "name: cells\nentry_points:\n  main:\n    parameters:\n      alpha: float\n"
        f'    command: "{sys.executable} project.py {{alpha}}"\n'
    )
with open("code/project.py", "w") as file:
    file.write(
        "import sys, mlflow\nwith mlflow.start_run():\n    mlflow.log_metric('alpha', float(sys.argv[1]))\n"
    )
project = mlflow.projects.run(
    "code",
    parameters={"alpha": 0.3},
    backend="azureml",
    env_manager="local",  # MLflow 3 has this for what was use_conda=False
    backend_config={"USE_CONDA": False},
)
said["project"] = mlflow.get_run(project.run_id).data.metrics
sys.stdout.write(f"{json.dumps(said)}\n")
