"""Tables, datasets and steps of pictures, for clients since 2.22 that have pandas beside them."""

import mlflow
import numpy as np
import pandas as pd
from expecting import same
from mlflow.tracking import MlflowClient

client = MlflowClient()


def a_table_grows_and_is_loaded_back():
    with mlflow.start_run() as run:
        mlflow.log_table({"question": ["a", "b"], "score": [1, 2]}, "answers.json")
        mlflow.log_table(pd.DataFrame({"question": ["c"], "score": [3]}), "answers.json")
    table = mlflow.load_table("answers.json", run_ids=[run.info.run_id])
    same(table["question"].tolist(), ["a", "b", "c"])
    same(table["score"].tolist(), [1, 2, 3])


def a_data_frame_is_logged_as_an_input():
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [0, 1]})
    with mlflow.start_run() as run:
        mlflow.log_input(mlflow.data.from_pandas(frame, name="frame", targets="y"), context="training")
        mlflow.log_input(mlflow.data.from_numpy(np.zeros((3, 2)), name="array"), context="testing")
    inputs = client.get_run(run.info.run_id).inputs.dataset_inputs
    same(sorted(one.dataset.name for one in inputs), ["array", "frame"])
    assert all(one.dataset.schema and one.dataset.profile for one in inputs)


def pictures_of_a_metric_are_kept_by_step():
    with mlflow.start_run() as run:
        for step in range(3):
            mlflow.log_image(np.full((4, 4, 3), step * 50, dtype=np.uint8), key="sample", step=step)
    mlflow.flush_artifact_async_logging()
    names = [entry.path for entry in client.list_artifacts(run.info.run_id, "images")]
    same(len([name for name in names if name.endswith(".png")]), 3)
    same(client.get_run(run.info.run_id).data.tags["mlflow.loggedImages"], "True")
