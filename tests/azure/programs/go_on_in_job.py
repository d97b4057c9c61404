"""What a script does in a job to log to an address of Azure's form, by the job's own key. Prints JSON."""

import json
import os
import sys

os.environ["MLFLOW_TRACKING_URI"] = sys.argv[1]
os.environ["MSI_ENDPOINT"] = f"{sys.argv[2]}/msi/token"
os.environ["MSI_SECRET"] = os.environ["RUNYARD_TOKEN"]
os.environ["REQUESTS_CA_BUNDLE"] = os.environ["SSL_CERT_FILE"] = sys.argv[3]
os.environ["AZUREML_CURRENT_CLOUD"] = "AzureCloud"
# With it the plugin takes that for a token of Azure's, which it would look into.
del os.environ["MLFLOW_TRACKING_TOKEN"]

import mlflow  # the plugin reads the variables when it is imported

with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
    mlflow.log_text("kept", "deep/er/kept %.txt")
found = mlflow.MlflowClient().get_run(run.info.run_id)
text = mlflow.artifacts.load_text(f"{found.info.artifact_uri}/deep/er/kept %.txt")
print(json.dumps({"run_id": run.info.run_id, "artifact_uri": found.info.artifact_uri, "text": text}))
