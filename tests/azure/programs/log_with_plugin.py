"""What people's scripts do with MLflow and `azureml-mlflow`, and what they find again. Prints JSON."""

import hashlib
import json
import sys
from pathlib import Path

import mlflow
import numpy as np
from mlflow.tracking import MlflowClient
from sklearn.linear_model import LinearRegression

BIG_BYTES = int(sys.argv[1]) if len(sys.argv) > 1 else 0

mlflow.set_experiment("with the plugin")
work = Path("work").absolute()
work.mkdir()
(work / "hello.txt").write_text("hello")
(work / "tree" / "ünder a b").mkdir(parents=True)
(work / "tree" / "ünder a b" / "50% # of it?.txt").write_text("names")
(work / "tree" / "one.txt").write_text("1")

with mlflow.start_run() as run:
    mlflow.log_param("alpha", 0.5)
    for step in range(3):
        mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
    mlflow.set_tag("kind", "sample")
    mlflow.log_artifact(str(work / "hello.txt"))
    mlflow.log_artifact(str(work / "hello.txt"), "deep/er")
    mlflow.log_artifacts(str(work / "tree"), "tree")
    mlflow.log_text("written", "note.txt")
    mlflow.log_dict({"a": 1}, "dict.json")
    model = LinearRegression().fit(np.array([[0.0], [1.0]]), np.array([0.0, 2.0]))
    logged = mlflow.sklearn.log_model(
        model,
        name="model",
        skops_trusted_types=[],
        registered_model_name="line",
        serialization_format="skops",
    )
    if BIG_BYTES:
        big = np.random.default_rng(1).bytes(BIG_BYTES)
        (work / "big.bin").write_bytes(big)
        mlflow.log_artifact(str(work / "big.bin"))

client = MlflowClient()
found = client.get_run(run.info.run_id)
got = Path(
    mlflow.artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path="tree", dst_path=str(work / "got")
    )
)
listed = sorted(item.path for item in client.list_artifacts(run.info.run_id))
version = client.get_model_version("line", "1")
second = client.create_model_version("line", f"{found.info.artifact_uri}/tree", run.info.run_id)
by_source = Path(mlflow.artifacts.download_artifacts("models:/line/2", dst_path=str(work / "second")))
loaded = mlflow.sklearn.load_model("models:/line/1")
# A folder of this machine becomes a version without a run.
mlflow.sklearn.save_model(model, str(work / "saved"), skops_trusted_types=[], serialization_format="skops")
filed = mlflow.register_model(f"file://{work / 'saved'}", "filed")
answer = {
    "tracking_uri": mlflow.get_tracking_uri(),
    "run_id": run.info.run_id,
    "status": found.info.status,
    "artifact_uri": found.info.artifact_uri,
    "params": found.data.params,
    "loss": found.data.metrics["loss"],
    "history": [point.value for point in client.get_metric_history(run.info.run_id, "loss")],
    "kind": found.data.tags["kind"],
    "listed": listed,
    "under_tree": sorted(item.path for item in client.list_artifacts(run.info.run_id, "tree")),
    "files": {
        str(path.relative_to(got)): path.read_text() for path in sorted(got.rglob("*")) if path.is_file()
    },
    "text": mlflow.artifacts.load_text(f"{found.info.artifact_uri}/note.txt"),
    "model_source": version.source,
    "second_source": second.source,
    "second_files": sorted(path.name for path in by_source.rglob("*") if path.is_file()),
    "prediction": float(loaded.predict(np.array([[2.0]]))[0]),
    "prediction_of_files": float(
        mlflow.sklearn.load_model(f"models:/filed/{filed.version}").predict(np.array([[4.0]]))[0]
    ),
    "prediction_by_uri": float(mlflow.sklearn.load_model(logged.model_uri).predict(np.array([[3.0]]))[0]),
}
if BIG_BYTES:
    path = Path(
        mlflow.artifacts.download_artifacts(
            run_id=run.info.run_id, artifact_path="big.bin", dst_path=str(work)
        )
    )
    answer["is_big_whole"] = hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(big).digest()
print(json.dumps(answer))
