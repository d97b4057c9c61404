"""What cells of Azure's notebooks `logging-api` and `manage-runs` do, in their order. Prints JSON."""

import json
import sys
from pathlib import Path

import matplotlib
import numpy as np
from azureml.core import Experiment, Run, ScriptRunConfig, Workspace

matplotlib.use("agg")
import matplotlib.pyplot as plt

ws = Workspace.from_config()
said = {"region": [ws.location, ws.resource_group]}
experiment = Experiment(workspace=ws, name="run-cells")

# --- logging-api: values of all kinds, brought back ---
run = experiment.start_logging()
run.log(name="Category", value="Red")
run.log(name="scale factor", value=2)
run.log_list(name="Squares", value=(each * each for each in range(7)))
for each in range(-10, 10):
    run.log(name="Sigmoid", value=1 / (1 + np.exp(-each)))
    run.log_row(name="Cosine", angle=each, cos=np.cos(each))
angles = [float(each) for each in range(5)]
run.log_table(name="Sine", value={"angle": angles, "sine": [np.sin(each) for each in angles]})
plt.plot(angles, np.tanh(angles), label="tanh")
run.log_image(name="Tangent", plot=plt)
Path("outputs/own.txt").write_text("written before it is uploaded")
run.upload_file(name="outputs/own.txt", path_or_stream="outputs/own.txt")
run.complete()
fetched = Run(experiment, run.id)
found = fetched.get_metrics()
said["lengths"] = {name: len(value) for name, value in found.items() if isinstance(value, (list, dict))}
said["one"] = fetched.get_metrics(name="scale factor")
said["files"] = fetched.get_file_names()
for name in fetched.get_file_names():
    fetched.download_file(name, f"brought/{name.rpartition('/')[2]}")
said["brought"] = sorted(path.name for path in Path("brought").iterdir())
fetched.tag("favorite")
fetched.tag("rank", 1)
said["tags"] = {name: fetched.get_tags()[name] for name in ("favorite", "rank")}

# --- manage-runs: submitted, described, found, below one another, ended ---
code = Path("code")
code.mkdir()
(code / "hello.py").write_text(
    "from azureml.core import Run\nRun.get_context().log('message', 'Hello')\nprint('hello')\n"
)
(code / "children.py").write_text(
    "from azureml.core import Run\n"
    "for number, child in enumerate(Run.get_context().create_children(count=3)):\n"
    "    child.log('number', number)\n"
    "    child.complete()\n"
)
(code / "slow.py").write_text("import time\ntime.sleep(600)\n")
hello = experiment.submit(ScriptRunConfig(source_directory="code", script="hello.py"))
said["details"] = {"runId", "runDefinition", "logFiles"} <= set(hello.get_details_with_logs())
hello.wait_for_completion(show_output=True)
said["hello"] = [hello.get_status(), hello.get_metrics()["message"]]
hello.add_properties({"author": "first"})
try:
    hello.add_properties({"author": "second"})
except Exception as error:  # noqa: BLE001 - which it is, is what is looked at
    said["twice"] = str(error)
hello.tag("quality", "great")
hello.tag("quality", "fantastic")
hello.tag("worth another look")
author = {"author": "first"}
said["found"] = [
    [each.id == hello.id for each in experiment.get_runs(properties=author, tags={"quality": "fantastic"})],
    [each.id == hello.id for each in experiment.get_runs(properties=author, tags="worth another look")],
    len(list(experiment.get_runs(properties=author, tags={"quality": "great"}))),
]
parent = experiment.submit(ScriptRunConfig(source_directory="code", script="children.py"))
parent.wait_for_completion()
with experiment.start_logging() as other:
    for number in range(2):
        with other.child_run() as child:
            child.log(name="number", value=number)
said["children"] = [len(list(each.get_children())) for each in (parent, other)]
said["statuses"] = sorted({each.get_status() for each in other.get_children()})
slow = ScriptRunConfig(source_directory="code", script="slow.py")
canceled = experiment.submit(slow)
canceled.cancel()
canceled.wait_for_completion(raise_on_error=False)
failed = experiment.submit(slow)
failed.fail()
said["ended"] = [canceled.get_status(), failed.get_status()]
said["snapshot"] = Path(failed.restore_snapshot(path="snapshots")).is_file()
failed.cancel()
sys.stdout.write(f"{json.dumps(said)}\n")
