"""What Azure's two notebooks about TensorBoard do: a script's events, and metrics written as events."""

import json
import os
import sys

from azureml.core import Environment, Experiment, Workspace
from azureml.core.script_run_config import ScriptRunConfig
from azureml.tensorboard import Tensorboard
from azureml.tensorboard.export import export_to_tensorboard

from runyard.errors import NotImplementedHere

ws = Workspace.from_config()
said = {}

# Metrics of a run with children, written for TensorBoard.
root_run = Experiment(ws, "export-to-tensorboard").start_logging()
for alpha in (0.1, 0.2, 0.3):
    with root_run.child_run("alpha" + str(alpha)) as run:
        root_run.log("alpha", alpha)
        run.log("mse", alpha * 2, step=7)
logdir = "exportedTBlogs"
os.mkdir(os.path.join(os.getcwd(), logdir))
export_to_tensorboard(root_run, logdir)
root_run.complete()
said["root"], said["last"] = root_run.id, run.id

# A script that writes events itself, into the folder of logs that is uploaded.
exp_dir = "./sample_projects/tensorboard-demo"
os.makedirs(exp_dir)
with open(os.path.join(exp_dir, "mnist_with_summaries.py"), "w") as file:
    file.write(
        "import os, sys\n"
        "os.makedirs(sys.argv[2])\n"
        "with open(os.path.join(sys.argv[2], 'events.out.tfevents.1.here'), 'w') as file:\n"
        "    file.write('events')\n"
    )
myenv = Environment("myenv")
myenv.python.user_managed_dependencies = True
myenv.python.interpreter_path = sys.executable
arguments = ["--log_dir", os.path.join(os.curdir, os.path.join("logs", "tb-logs"))]
src = ScriptRunConfig(exp_dir, script="mnist_with_summaries.py", arguments=arguments, environment=myenv)
run = Experiment(ws, "tensorboard-demo").submit(src)
run.wait_for_completion()
try:
    Tensorboard([run])
except NotImplementedHere as error:
    said["refused"] = str(error)
run.download_files("logs/tb-logs", output_directory="events")
said["events"] = os.listdir("events/logs/tb-logs")
sys.stdout.write(f"{json.dumps(said)}\n")
