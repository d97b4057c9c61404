"""Models, tables and pictures, for clients that have scikit-learn, pandas and Pillow beside them."""

import tempfile
from pathlib import Path
from unittest import mock

import mlflow
import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pandas as pd
from expecting import same
from mlflow.models import get_model_info, infer_signature
from mlflow.tracking import MlflowClient
from PIL import Image
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split

client = MlflowClient()
# Inferring requirements starts a process that imports the model again: slow, and not the server's business.
REQUIREMENTS = ["scikit-learn"]
IS_MLFLOW_3 = mlflow.__version__.startswith("3.")


def _trained(alpha=0.1):
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    train_x, test_x, train_y, _ = train_test_split(features, target, random_state=0)
    return Ridge(alpha=alpha).fit(train_x, train_y), train_x, test_x


def _log(model, **options):
    where = {"name": "model"} if IS_MLFLOW_3 else {"artifact_path": "model"}
    if mlflow.__version__.startswith("3.17"):
        options.setdefault("serialization_format", "cloudpickle")
    return mlflow.sklearn.log_model(model, pip_requirements=REQUIREMENTS, **where, **options)


def a_model_is_logged_loaded_and_predicts_the_same():
    model, _, test_x = _trained()
    with mlflow.start_run() as run:
        info = _log(model)
    for uri in {info.model_uri, f"runs:/{run.info.run_id}/model"}:
        loaded = mlflow.sklearn.load_model(uri)
        assert np.array_equal(loaded.predict(test_x), model.predict(test_x)), uri
        served = mlflow.pyfunc.load_model(uri)
        assert np.array_equal(served.predict(test_x), model.predict(test_x)), uri


def a_model_keeps_its_signature_and_its_example():
    model, train_x, test_x = _trained()
    with mlflow.start_run():
        signature = infer_signature(train_x, model.predict(train_x))
        logged = _log(model, signature=signature, input_example=train_x.head(2))
    info = get_model_info(logged.model_uri)
    same(info.signature.inputs.input_names(), list(train_x.columns))
    same(info.run_id, logged.run_id)
    loaded = mlflow.pyfunc.load_model(logged.model_uri)
    same(len(loaded.predict(test_x)), len(test_x))


def the_files_of_a_model_are_listed():
    model, _, _ = _trained()
    with mlflow.start_run() as run:
        info = _log(model)
    down = Path(mlflow.artifacts.download_artifacts(artifact_uri=info.model_uri, dst_path=tempfile.mkdtemp()))
    assert {"MLmodel", "model.pkl", "requirements.txt"} <= {path.name for path in down.rglob("*")}
    if not IS_MLFLOW_3:
        same([entry.path for entry in client.list_artifacts(run.info.run_id)], ["model"])
        assert "model/MLmodel" in {entry.path for entry in client.list_artifacts(run.info.run_id, "model")}


def a_run_tells_which_models_it_logged():
    model, _, _ = _trained()
    with mlflow.start_run() as run:
        _log(model)
    kept = client.get_run(run.info.run_id)
    if IS_MLFLOW_3:
        same(len(kept.outputs.model_outputs), 1)
    else:
        assert '"artifact_path": "model"' in kept.data.tags["mlflow.log-model.history"]


def autologging_records_params_metrics_and_the_model():
    features, target = load_diabetes(return_X_y=True)
    mlflow.sklearn.autolog(silent=True)
    try:
        inferred = mock.patch("mlflow.models.infer_pip_requirements", return_value=REQUIREMENTS)
        with inferred, mlflow.start_run() as run:
            model = Ridge(alpha=0.25).fit(features, target)
    finally:
        mlflow.sklearn.autolog(disable=True)
    kept = client.get_run(run.info.run_id)
    same(kept.data.params["alpha"], "0.25")
    assert {"training_r2_score", "training_score"} <= set(kept.data.metrics)
    same(kept.data.tags["estimator_name"], "Ridge")
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert np.array_equal(loaded.predict(features), model.predict(features))


def a_custom_python_model_is_served_from_the_server():
    class Doubles(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input * 2

    where = {"name": "doubles"} if IS_MLFLOW_3 else {"artifact_path": "doubles"}
    with mlflow.start_run():
        info = mlflow.pyfunc.log_model(python_model=Doubles(), pip_requirements=["mlflow"], **where)
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    same(loaded.predict(pd.DataFrame({"x": [1, 2]}))["x"].tolist(), [2, 4])


def a_sweep_is_compared_in_a_table():
    with mlflow.start_run(run_name="sweep") as parent:
        for alpha in (0.01, 0.1, 1.0, 10.0):
            with mlflow.start_run(nested=True):
                model, _, _ = _trained(alpha)
                mlflow.log_param("alpha", alpha)
                for step, share in enumerate((0.25, 0.5, 1.0)):
                    mlflow.log_metric("coefficient", float(np.abs(model.coef_).mean() * share), step=step)
    table = mlflow.search_runs(
        [parent.info.experiment_id],
        filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'",
        order_by=["metrics.coefficient DESC"],
    )
    same(table["params.alpha"].tolist(), ["0.01", "0.1", "1.0", "10.0"])
    assert table["metrics.coefficient"].is_monotonic_decreasing
    assert {"run_id", "start_time", "end_time", "status"} <= set(table.columns)
    same(set(table["status"]), {"FINISHED"})


def pictures_are_read_back_to_the_pixel():
    pixels = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    with mlflow.start_run() as run:
        mlflow.log_image(pixels, "pictures/array.png")
        mlflow.log_image(Image.fromarray(pixels), "pictures/image.png")
    uri = run.info.artifact_uri
    for name in ("array", "image"):
        assert np.array_equal(np.asarray(mlflow.artifacts.load_image(f"{uri}/pictures/{name}.png")), pixels)
