"""A training script that Azure ML's first SDK submits."""

import os
import sys

import mlflow
from azureml.core import Run

run = Run.get_context(allow_offline=False)
print(sys.argv[1:])
run.log("loss", 0.25)
with mlflow.start_run():
    mlflow.log_param("alpha", sys.argv[2])

os.makedirs("outputs", exist_ok=True)
with open("outputs/model.txt", "w") as model:
    model.write("model")
