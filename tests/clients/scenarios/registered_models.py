"""Models that are trained, registered and loaded by their names, for clients that have scikit-learn."""

import json
import uuid

import mlflow
import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
from expecting import same
from mlflow.tracking import MlflowClient
from sklearn.linear_model import Ridge

client = MlflowClient()
IS_MLFLOW_3 = mlflow.__version__.startswith("3.")
KNOWS_ALIASES = hasattr(client, "set_registered_model_alias")
X = np.arange(8.0).reshape(4, 2)


def _logged(**options):
    """Return a model that was trained and logged, its run, and what logging it answered."""
    where = {"name": "model"} if IS_MLFLOW_3 else {"artifact_path": "model"}
    if mlflow.__version__.startswith("3.17"):
        options.setdefault("serialization_format", "cloudpickle")
    model = Ridge().fit(X, X[:, 0])
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(model, pip_requirements=["scikit-learn"], **where, **options)
    return model, run, info


def _name():
    return f"ridge-{uuid.uuid4().hex[:10]}"


def a_model_is_logged_and_registered_at_once():
    name = _name()
    model, run, info = _logged(registered_model_name=name)
    version = client.get_model_version(name, "1")
    same((version.run_id, version.current_stage), (run.info.run_id, "None"))
    loaded = mlflow.sklearn.load_model(f"models:/{name}/1")
    assert np.array_equal(loaded.predict(X), model.predict(X))
    if IS_MLFLOW_3:
        same(version.source, f"models:/{info.model_id}")
        tags = client.get_logged_model(info.model_id).tags
        assert {"name": name, "version": 1} in json.loads(tags["mlflow.modelVersions"])


def a_model_of_a_run_is_registered_later():
    name = _name()
    model, run, _ = _logged()
    same(mlflow.register_model(f"runs:/{run.info.run_id}/model", name).version, "1")
    client.transition_model_version_stage(name, "1", "Production")
    uris = [f"models:/{name}/1", f"models:/{name}/Production", f"models:/{name}/latest"]
    if KNOWS_ALIASES:
        client.set_registered_model_alias(name, "champion", "1")
        uris.append(f"models:/{name}@champion")
    for uri in uris:
        loaded = mlflow.pyfunc.load_model(uri)
        assert np.array_equal(loaded.predict(X), model.predict(X)), uri


def a_registered_version_becomes_a_version_of_another_model():
    name, other = _name(), _name()
    model, run, _ = _logged(registered_model_name=name)
    if not KNOWS_ALIASES:
        version = client.get_model_version(name, "1")
        client.create_registered_model(other)
        client.create_model_version(other, version.source, version.run_id)
    else:
        mlflow.register_model(f"models:/{name}/1", other)
    same(client.get_model_version(other, "1").run_id, run.info.run_id)
    client.delete_registered_model(name)
    loaded = mlflow.pyfunc.load_model(f"models:/{other}/1")
    assert np.array_equal(loaded.predict(X), model.predict(X))
