"""A notebook that trains by itself, and one that hands data to a job by a reference's name."""

import json
import os
import sys

from azureml.core import Experiment, ScriptRunConfig, Workspace
from azureml.core.runconfig import DataReferenceConfiguration, RunConfiguration

ws = Workspace.from_config()
experiment = Experiment(ws, "captured")
os.makedirs("outputs/deep", exist_ok=True)
with experiment.start_logging() as run, open("outputs/deep/model.txt", "w") as model:
    model.write("model")
with experiment.start_logging(outputs=False) as without:
    pass
names = [sorted(each.get_file_names()) for each in (run, without)]

store = ws.get_default_datastore()
store.upload_files(["outputs/deep/model.txt"], target_path="referred", overwrite=True, show_progress=False)
config = RunConfiguration(framework="python")
reference = DataReferenceConfiguration(store.name, path_on_datastore="referred", mode="download")
config.data_references = {store.name: reference}
os.makedirs("code", exist_ok=True)
with open("code/reads.py", "w") as script:
    script.write("import os, sys\nprint(sorted(os.listdir(sys.argv[1].partition('=')[2])))\n")
arguments = [f"--data={store.as_download()}"]
job = experiment.submit(ScriptRunConfig("code", "reads.py", arguments=arguments, run_config=config))
details = job.wait_for_completion(show_output=True)
sys.stdout.write(json.dumps({"names": names, "status": details["status"]}) + "\n")
