"""Models as things of their own, as clients since 3.0 know them."""

import math
import tempfile
from pathlib import Path

import mlflow
from expecting import refused, same
from mlflow.entities import LoggedModelStatus
from mlflow.tracking import MlflowClient

client = MlflowClient()


def _here():
    with mlflow.start_run() as run:
        pass
    return run.info.experiment_id


def _made(name, params=None, tags=None):
    """Make a model without files; `create_external_model` does this too, but not without numpy."""
    model = mlflow.initialize_logged_model(name=name, params=params, tags=tags)
    return mlflow.finalize_logged_model(model.model_id, LoggedModelStatus.READY)


def a_model_is_made_described_and_finished():
    experiment_id = _here()
    model = mlflow.initialize_logged_model(
        name="ridge", params={"alpha": "0.5"}, tags={"team": "vision"}, model_type="sklearn"
    )
    same(client.get_logged_model(model.model_id).status, LoggedModelStatus.PENDING)
    client.log_model_params(model.model_id, {"beta": "2"})
    client.set_logged_model_tags(model.model_id, {"team": "speech", "n": "1"})
    client.delete_logged_model_tag(model.model_id, "n")
    mlflow.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    kept = mlflow.get_logged_model(model.model_id)
    same((kept.name, kept.model_type, kept.experiment_id), ("ridge", "sklearn", experiment_id))
    same(kept.status, LoggedModelStatus.READY)
    same(kept.params, {"alpha": "0.5", "beta": "2"})
    same(kept.tags["team"], "speech")
    assert "n" not in kept.tags
    assert model.model_id.startswith("m-")
    assert kept.last_updated_timestamp >= kept.creation_timestamp > 0
    same(kept.artifact_location, f"mlflow-artifacts:/{experiment_id}/models/{model.model_id}/artifacts")


def metrics_are_logged_onto_a_model():
    with mlflow.start_run() as run:
        model = _made("external")
        mlflow.log_metric("accuracy", 0.5, step=1, model_id=model.model_id)
        mlflow.log_metrics({"accuracy": 0.75, "loss": math.pi}, step=2, model_id=model.model_id)
    metrics = mlflow.get_logged_model(model.model_id).metrics
    same(
        {(metric.key, metric.value) for metric in metrics if metric.step == 2},
        {("accuracy", 0.75), ("loss", math.pi)},
    )
    assert all(metric.model_id == model.model_id and metric.run_id == run.info.run_id for metric in metrics)
    same(client.get_run(run.info.run_id).data.metrics["accuracy"], 0.75)


def a_metric_belongs_to_the_dataset_it_was_measured_on():
    with mlflow.start_run() as run:
        model = _made("measured")
        dataset = mlflow.entities.Dataset("holdout", "d1", "local", "x.csv")
        client.log_metric(
            run.info.run_id,
            "accuracy",
            0.9,
            model_id=model.model_id,
            dataset_name="holdout",
            dataset_digest="d1",
        )
    (metric,) = mlflow.get_logged_model(model.model_id).metrics
    same((metric.dataset_name, metric.dataset_digest), (dataset.name, dataset.digest))


def models_are_searched_and_ordered():
    experiment_id = _here()
    ids = {}
    with mlflow.start_run():
        for number, name in enumerate(("one", "two", "three")):
            model = _made(name=name, params={"n": str(number)}, tags={"parity": str(number % 2)})
            mlflow.log_metric("score", number * 1.5, model_id=model.model_id)
            ids[name] = model.model_id

    def found(filter_string=None, order_by=None):
        models = client.search_logged_models([experiment_id], filter_string=filter_string, order_by=order_by)
        return [model.name for model in models]

    same(sorted(found()), ["one", "three", "two"])
    same(found("name = 'two'"), ["two"])
    same(sorted(found("name LIKE 't%'")), ["three", "two"])
    same(sorted(found("tags.parity = '0'")), ["one", "three"])
    same(found("params.n = '1'"), ["two"])
    same(sorted(found("metrics.score > 1")), ["three", "two"])
    same(
        found("metrics.score >= 0", [{"field_name": "metrics.score", "ascending": False}]),
        ["three", "two", "one"],
    )
    same(found("params.n != '9' AND metrics.score < 2", [{"field_name": "metrics.score"}]), ["one", "two"])
    page = client.search_logged_models([experiment_id], max_results=2)
    same(len(page), 2)
    rest = client.search_logged_models([experiment_id], max_results=2, page_token=page.token)
    same({model.model_id for model in [*page, *rest]}, set(ids.values()))
    with refused("INVALID_PARAMETER_VALUE"):
        found("nothing ~ 1")


def a_model_keeps_files_of_its_own():
    with mlflow.start_run():
        model = mlflow.initialize_logged_model(name="filed")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "notes", "card.md")
        path.parent.mkdir()
        path.write_text("# Card")
        client.log_model_artifacts(model.model_id, folder)
        client.log_model_artifact(model.model_id, str(path))
    same([entry.path for entry in client.list_logged_model_artifacts(model.model_id)], ["card.md", "notes"])
    same(
        [entry.path for entry in client.list_logged_model_artifacts(model.model_id, "notes")],
        ["notes/card.md"],
    )
    down = mlflow.artifacts.download_artifacts(artifact_uri=f"{model.artifact_location}/card.md")
    same(Path(down).read_text(), "# Card")


def a_run_names_its_input_and_output_models():
    with mlflow.start_run() as run:
        model = _made("made")
        client.log_outputs(run.info.run_id, [mlflow.entities.LoggedModelOutput(model.model_id, step=4)])
    with mlflow.start_run() as reader:
        client.log_inputs(reader.info.run_id, models=[mlflow.entities.LoggedModelInput(model.model_id)])
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    assert (model.model_id, 4) in {(output.model_id, output.step) for output in outputs}
    inputs = client.get_run(reader.info.run_id).inputs.model_inputs
    same([one.model_id for one in inputs], [model.model_id])


def a_model_is_deleted():
    model = _made("gone")
    client.delete_logged_model(model.model_id)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_logged_model(model.model_id)
    same([one.model_id for one in client.search_logged_models([model.experiment_id])], [])


def a_model_that_was_never_made_is_an_error():
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_logged_model("m-" + "0" * 32)
