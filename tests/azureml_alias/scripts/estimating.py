"""What scripts of before ``ScriptRunConfig`` do with an estimator, a cluster and a run."""

import json
import sys

from azureml.core import Experiment, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.telemetry import set_diagnostics_collection
from azureml.train.estimator import Estimator

set_diagnostics_collection(send_diagnostics=True)
ws = Workspace.from_config()
try:
    cluster = ComputeTarget(workspace=ws, name="estimators")
except ComputeTargetException:
    config = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=1)
    cluster = ComputeTarget.create(ws, "estimators", config)
experiment = Experiment(ws, "estimated")
options = {"compute_target": cluster, "user_managed": True, "use_gpu": True}
params = {"--alpha": 0.5}
estimator = Estimator(sys.argv[1], entry_script="train.py", script_params=params, node_count=1, **options)
run = experiment.submit(estimator)
run.wait_for_completion(show_output=True)
model = run.register_model("estimated", model_path="./outputs/model.txt")

sleeps = Estimator(sys.argv[1], entry_script="sleep.py", **options)
ended = {"most": cluster.scale_settings.maximum_node_count}
for how in ("cancel", "fail"):
    other = experiment.submit(sleeps)
    if how == "cancel":
        while not cluster.list_nodes():
            pass
        ended["nodes"] = [node["runId"] == other.id for node in cluster.list_nodes()]
    getattr(other, how)()
    ended[how] = [other.get_status()]
    other.wait_for_completion(raise_on_error=False)
    ended[how].append(other.get_status())
cluster.delete(force=True)
said = {
    "status": run.get_status(),
    "loss": run.get_metrics()["loss"],
    "model": model.version,
    "sizes": AmlCompute.supported_vmsizes(workspace=ws),
    **ended,
}
sys.stdout.write(f"{json.dumps(said)}\n")
