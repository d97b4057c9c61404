"""What Azure's notebooks that train with PyTorch and with Keras do: here, on a cluster, and in vain.

Their pictures are scikit-learn's digits in place of MNIST, and the packages are this interpreter's.
"""

import json
import os
import sys

import mlflow
import mlflow.azureml
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.webservice import AciWebservice, Webservice

from runyard.errors import NotFound, NotImplementedHere

ws = Workspace.from_config()
ws.get_details()
mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())
said = {"refused": []}
sys.path.append(os.path.abspath("scripts"))

# A network of Keras logs by itself.
import train_keras  # noqa: E402 # the folder of the notebook's scripts is only now among the paths

mlflow.set_experiment("keras-with-mlflow")
run = train_keras.driver()
said["keras"] = sorted(mlflow.get_run(run.info.run_id).data.metrics)
try:
    Environment.get(workspace=ws, name="AzureML-TensorFlow-2.1-GPU").clone("mlflow-env")
except NotFound as error:
    said["refused"].append(str(error))

# A network of PyTorch, here first.
import train_torch  # noqa: E402 # as train_keras

experiment_name = "pytorch-with-mlflow"
mlflow.set_experiment(experiment_name)
run = train_torch.driver()
said["here"] = sorted(mlflow.get_run(run.info.run_id).data.metrics)

# The same on a cluster, in an environment that is a copy of Azure's.
ComputeTarget.create(ws, "gpu-cluster", AmlCompute.provisioning_configuration(vm_size="STANDARD_NC6"))
env = Environment.get(workspace=ws, name="AzureML-PyTorch-1.4-GPU").clone("mlflow-env")
env.python.conda_dependencies.add_pip_package("azureml-mlflow")
env.python.conda_dependencies.add_pip_package("Pillow==6.0.0")
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable
src = ScriptRunConfig(source_directory="./scripts", script="train_torch.py")
src.run_config.environment = env
src.run_config.target = "gpu-cluster"
run = Experiment(ws, experiment_name).submit(src)
run.wait_for_completion(show_output=True)
said["there"] = {name: len(values) for name, values in run.get_metrics().items()}

# A model that MLflow logged is registered by the name that it was logged under, and answers.
model_path = "model"
model = run.register_model(model_name="pytorch_mnist", model_path=model_path)
loaded = mlflow.pyfunc.load_model(f"models:/{model.name}/{model.version}")
said["scores"] = list(loaded.predict(train_torch.images[:3].numpy()).shape)


def deployed():
    """Deploy to Azure's containers."""
    return mlflow.azureml.deploy(
        model_uri=f"runs:/{run.id}/{model_path}",
        workspace=ws,
        deployment_config=None,
        service_name="pytorch-mnist-1",
        model_name="pytorch_mnist",
    )


def refused(use):
    """Return what is said of something that has no counterpart."""
    try:
        use()
    except NotImplementedHere as error:
        return str(error)
    raise AssertionError("it is not refused")


said["refused"] += [
    refused(lambda: AciWebservice.deploy_configuration(cpu_cores=2, memory_gb=5, tags={"data": "MNIST"})),
    refused(deployed),
    refused(lambda: Webservice(ws, "pytorch-mnist-1")),
]
sys.stdout.write(f"{json.dumps(said)}\n")
