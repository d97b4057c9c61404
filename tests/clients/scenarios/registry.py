"""The model registry as every client since 1.30 knows it, without a model's own library beside it."""

import tempfile
import uuid
from pathlib import Path

import mlflow
from expecting import refused, same
from mlflow.tracking import MlflowClient

client = MlflowClient()


def _name(word="model"):
    return f"{word}-{uuid.uuid4().hex[:10]}"


def _logged():
    """Return a run that has a folder `model` with a file in it, and the address of the folder."""
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "weights.txt")
        path.write_text("0.5")
        mlflow.log_artifact(str(path), "model")
    return run.info.run_id, f"{run.info.artifact_uri}/model"


def _registered(count=1):
    """Return the name of a model with so many versions of one run, and that run's id."""
    name = _name()
    client.create_registered_model(name)
    run_id, source = _logged()
    for _ in range(count):
        client.create_model_version(name, source, run_id)
    return name, run_id


def _found(filter_string, **options):
    return [model.name for model in client.search_registered_models(filter_string, **options)]


def a_model_is_registered_described_and_renamed():
    name = _name()
    made = client.create_registered_model(name, tags={"team": "vision", "n": 1}, description="First.")
    same((made.name, made.tags, made.description), (name, {"team": "vision", "n": "1"}, "First."))
    with refused("RESOURCE_ALREADY_EXISTS"):
        client.create_registered_model(name)
    client.update_registered_model(name, description="Second.")
    client.set_registered_model_tag(name, "team", "speech")
    client.delete_registered_model_tag(name, "n")
    client.rename_registered_model(name, f"{name}-new")
    kept = client.get_registered_model(f"{name}-new")
    same((kept.description, kept.tags, kept.latest_versions), ("Second.", {"team": "speech"}, []))
    assert kept.last_updated_timestamp >= kept.creation_timestamp > 0
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_registered_model(name)


def versions_count_up_and_no_number_comes_twice():
    name, run_id = _registered(count=2)
    client.delete_model_version(name, "2")
    other_id, source = _logged()
    third = client.create_model_version(name, source, other_id, tags={"k": "v"}, description="Third.")
    same((third.version, third.run_id, third.current_stage, third.status), ("3", other_id, "None", "READY"))
    kept = client.get_model_version(name, "3")
    same((kept.tags, kept.description, kept.source), ({"k": "v"}, "Third.", source))
    same({each.version for each in client.search_model_versions(f"name = '{name}'")}, {"1", "3"})
    same([each.version for each in client.search_model_versions(f"run_id = '{run_id}'")], ["1"])
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_model_version(name, "2")


def a_version_goes_through_the_stages():
    name, _ = _registered(count=3)
    client.transition_model_version_stage(name, "1", "Staging")
    client.transition_model_version_stage(name, "2", "production")
    client.transition_model_version_stage(name, "3", "Production", archive_existing_versions=True)
    stages = {each.version: each.current_stage for each in client.search_model_versions(f"name = '{name}'")}
    same(stages, {"1": "Staging", "2": "Archived", "3": "Production"})
    latest = {each.current_stage: each.version for each in client.get_latest_versions(name)}
    same(latest, {"Staging": "1", "Archived": "2", "Production": "3"})
    same([each.version for each in client.get_latest_versions(name, ["Production"])], ["3"])
    with refused("INVALID_PARAMETER_VALUE"):
        client.transition_model_version_stage(name, "1", "Nowhere")


def a_version_is_described_and_tagged():
    name, _ = _registered()
    client.update_model_version(name, "1", "Better.")
    client.set_model_version_tag(name, "1", "checked", "yes")
    client.set_model_version_tag(name, "1", "draft", "")
    client.delete_model_version_tag(name, "1", "draft")
    kept = client.get_model_version(name, "1")
    same((kept.description, kept.tags), ("Better.", {"checked": "yes"}))


def models_are_searched_page_by_page():
    word = uuid.uuid4().hex[:8]
    names = [f"{word}-{number}" for number in range(5)]
    for name in names:
        client.create_registered_model(name, tags={"parity": str(int(name[-1]) % 2)})
    like = f"name LIKE '{word}%'"
    same(_found(like), names)
    same(_found(f"{like} AND tags.parity = '1'"), names[1::2])
    same(_found(f"name ILIKE '{word.upper()}%'", order_by=["name DESC"]), names[::-1])
    page = client.search_registered_models(like, max_results=2)
    rest = client.search_registered_models(like, max_results=4, page_token=page.token)
    same([model.name for model in [*page, *rest]], names)
    assert not rest.token
    with refused("INVALID_PARAMETER_VALUE"):
        _found("colour = 'red'")


def what_is_deleted_is_gone_and_its_name_is_free():
    name, run_id = _registered(count=2)
    client.delete_registered_model(name)
    for call in (client.get_registered_model, client.delete_registered_model):
        with refused("RESOURCE_DOES_NOT_EXIST"):
            call(name)
    same(list(client.search_model_versions(f"run_id = '{run_id}'")), [])
    client.create_registered_model(name)
    other_id, source = _logged()
    same(client.create_model_version(name, source, other_id).version, "1")


def the_files_of_a_version_come_down():
    name, run_id = _registered()
    uri = client.get_model_version_download_uri(name, "1")
    assert uri.endswith(f"{run_id}/artifacts/model"), uri
    folder = mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{name}/1")
    same(Path(folder, "weights.txt").read_text(), "0.5")


def a_version_keeps_its_files_when_its_run_is_deleted():
    name, run_id = _registered()
    client.delete_run(run_id)
    folder = mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{name}/1")
    same(Path(folder, "weights.txt").read_text(), "0.5")


def a_source_that_is_not_the_runs_is_refused():
    name, run_id = _registered()
    other_id, source = _logged()
    for wrong in (source, f"runs:/{other_id}/model", "/etc/passwd", "http://elsewhere.example/model"):
        with refused("INVALID_PARAMETER_VALUE"):
            client.create_model_version(name, wrong, run_id)
    same(client.create_model_version(name, f"runs:/{run_id}/model", run_id).version, "2")
    folder = mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{name}/2")
    same(Path(folder, "weights.txt").read_text(), "0.5")
