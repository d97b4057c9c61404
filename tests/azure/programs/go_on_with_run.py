"""What a script does that was started for a run, as on a cluster: all that it has is a token of a minute."""

import json

import mlflow
from azureml.mlflow._common._authentication.azureml_token_authentication import AzureMLTokenAuthentication

with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5, synchronous=False).wait()
    mlflow.log_text("kept", "kept.txt")
    client = mlflow.MlflowClient()
    found = client.get_run(run.info.run_id)
    (auth,) = AzureMLTokenAuthentication._registered_auth.values()  # only to look at
    answer = {
        "run_id": run.info.run_id,
        "loss": found.data.metrics["loss"],
        "text": mlflow.artifacts.load_text(f"{found.info.artifact_uri}/kept.txt"),
        "token": auth.token,
    }
print(json.dumps(answer))
