"""A notebook's cells that make a cluster, submit a script to it and wait, as Azure ML's first SDK has it."""

import json
import sys

from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.core.runconfig import DEFAULT_CPU_IMAGE, DockerConfiguration

ws = Workspace.from_config()
cluster_name = "cpu-cluster"
try:
    cluster = ComputeTarget(workspace=ws, name=cluster_name)
except ComputeTargetException:
    config = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", min_nodes=0, max_nodes=2)
    cluster = ComputeTarget.create(ws, cluster_name, config)
    cluster.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
assert type(ws.compute_targets[cluster_name]) is AmlCompute

env = Environment("submitted")
env.docker.base_image = DEFAULT_CPU_IMAGE
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable

src = ScriptRunConfig(
    source_directory=sys.argv[1],
    script="train.py",
    arguments=["--alpha", 0.5],
    docker_runtime_config=DockerConfiguration(use_docker=True),
)
src.run_config.target = cluster
src.run_config.environment = env

run = Experiment(workspace=ws, name="submitted").submit(config=src)
run.wait_for_completion(show_output=True)
details = run.get_details()
print(
    json.dumps(
        {
            "status": details["status"],
            "loss": run.get_metrics()["loss"],
            "alpha": run.params["alpha"],
            "target": details["runDefinition"]["target"],
            "waiting": cluster.get_status().serialize()["jobsWaiting"],
        }
    )
)
