"""Files of a run, there and back. Prints JSON."""

import json
from pathlib import Path

import mlflow

mlflow.set_experiment("files")
Path("tree/below").mkdir(parents=True)
Path("tree/below/50% of it.txt").write_text("names")
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.25)
    mlflow.log_text("written", "note.txt")
    mlflow.log_artifacts("tree", "tree")
client = mlflow.MlflowClient()
got = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="tree", dst_path="got"))
found = client.get_run(run.info.run_id)
client.create_registered_model("files")
version = client.create_model_version("files", f"{found.info.artifact_uri}/tree", run.info.run_id)
by_source = Path(mlflow.artifacts.download_artifacts(f"models:/files/{version.version}", dst_path="second"))
answer = {
    "artifact_uri": found.info.artifact_uri,
    "text": mlflow.artifacts.load_text(f"{found.info.artifact_uri}/note.txt"),
    "listed": sorted(item.path for item in client.list_artifacts(run.info.run_id)),
    "files": {str(path.relative_to(got)): path.read_text() for path in got.rglob("*") if path.is_file()},
    "second_files": sorted(path.name for path in by_source.rglob("*") if path.is_file()),
}
print(json.dumps(answer))
