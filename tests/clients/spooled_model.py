"""A genuine MLflow 3 client with our plugin beside it logs models; prints what came of it as JSON.

Its arguments are an experiment's name, and, to load models in place of logging them, their ids.
"""

import json
import sys

import mlflow
import numpy as np
from sklearn.linear_model import LinearRegression

# Inferring requirements starts a process that imports the model again: slow, and not the spool's business.
required = {"pip_requirements": ["scikit-learn"]}
x = np.array([[1.0], [2.0], [3.0]])
found = {}
if len(sys.argv) == 2:
    mlflow.set_experiment(sys.argv[1])
    with mlflow.start_run() as run:
        mlflow.log_param("alpha", "0.5")
        mlflow.log_metric("loss", 0.25, step=0)
        mlflow.log_metric("loss", 0.125, step=1)
        model = LinearRegression().fit(x, 2 * x[:, 0])
        described = {"params": {"kind": "linear"}, "tags": {"team": "a"}}
        first = mlflow.sklearn.log_model(model, name="line", **described, **required)
        mlflow.set_logged_model_tags(first.model_id, {"team": "b"})
        mlflow.log_model_params({"added": "1"}, model_id=first.model_id)
        mlflow.log_metric("rmse", 0.5, model_id=first.model_id)
        second = mlflow.sklearn.log_model(model, name="again", step=1, **required)
    alone = mlflow.initialize_logged_model(name="failed")
    mlflow.finalize_logged_model(alone.model_id, "FAILED")
    seen = mlflow.get_logged_model(first.model_id)
    found = {
        "run_id": run.info.run_id,
        "ids": [first.model_id, second.model_id, alone.model_id],
        "seen": [seen.status.value, seen.tags["team"], seen.params],
    }
for model_id in sys.argv[2:]:
    loaded = mlflow.sklearn.load_model(f"models:/{model_id}")
    found[model_id] = loaded.predict(np.array([[5.0]])).tolist()
print(json.dumps(found), flush=True)
