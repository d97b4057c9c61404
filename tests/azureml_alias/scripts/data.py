"""A notebook's cells that hand data to a script and keep what it makes, as Azure ML's first SDK has it."""

import json
import sys
from pathlib import Path

from azureml.core import Dataset, Environment, Experiment, ScriptRunConfig, Workspace
from azureml.data import OutputFileDatasetConfig

ws = Workspace.from_config()
datastore = ws.get_default_datastore()
Path("raw").mkdir()
Path("raw/iris.csv").write_text("a,b\n1,2\n3,4\n")
datastore.upload("raw", target_path="raw-data", overwrite=True, show_progress=False)
raw = Dataset.File.from_files((datastore, "raw-data/**")).register(ws, "raw")
table = Dataset.Tabular.from_delimited_files((datastore, "raw-data/iris.csv")).register(ws, "iris")

env = Environment("handed")
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable
prepared = OutputFileDatasetConfig(name="prepared", destination=(datastore, "prepared/{run_id}")).as_upload()
src = ScriptRunConfig(
    source_directory=sys.argv[1],
    script="prepare.py",
    arguments=[
        "--folder", raw.as_named_input("raw").as_mount(),
        "--reference", datastore.path("raw-data").as_download(),
        "--table", table.as_named_input("iris"),
        "--output", prepared,
    ],
    environment=env,
)  # fmt: skip
run = Experiment(ws, "handed").submit(src)
run.wait_for_completion(show_output=True)
datastore.download("back", prefix=f"prepared/{run.id}", show_progress=False)
made = [path.read_text() for path in Path("back").rglob("*") if path.is_file()]
print(json.dumps({"metrics": run.get_metrics(), "made": made}))
