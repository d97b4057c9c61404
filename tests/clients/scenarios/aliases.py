"""Aliases of versions and copies of them, which clients know since 2.3."""

import uuid

import mlflow
from expecting import refused, same
from mlflow.tracking import MlflowClient

client = MlflowClient()


def _registered(**options):
    name = f"model-{uuid.uuid4().hex[:10]}"
    client.create_registered_model(name)
    with mlflow.start_run() as run:
        mlflow.log_text("0.5", "model/weights.txt")
    for _ in range(2):
        client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id, **options)
    return name, run.info.run_id


def an_alias_points_to_one_version_at_a_time():
    name, _ = _registered()
    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_alias(name, "rival", "1")
    client.set_registered_model_alias(name, "champion", "2")
    same(client.get_registered_model(name).aliases, {"champion": "2", "rival": "1"})
    same(list(client.get_model_version(name, "2").aliases), ["champion"])
    same(client.get_model_version_by_alias(name, "champion").version, "2")
    text = mlflow.artifacts.load_text(f"models:/{name}@champion/weights.txt")
    same(text, "0.5")
    client.delete_registered_model_alias(name, "champion")
    client.delete_registered_model_alias(name, "champion")
    with refused("INVALID_PARAMETER_VALUE"):
        client.get_model_version_by_alias(name, "champion")


def an_alias_goes_with_its_version():
    name, _ = _registered()
    client.set_registered_model_alias(name, "champion", "1")
    client.delete_model_version(name, "1")
    same(client.get_registered_model(name).aliases, {})


def an_alias_that_reads_like_a_version_is_refused():
    name, _ = _registered()
    for alias in ("latest", "v1", "a b"):
        with refused("INVALID_PARAMETER_VALUE"):
            client.set_registered_model_alias(name, alias, "1")
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.set_registered_model_alias(name, "champion", "9")


def a_version_is_copied_to_another_model():
    name, run_id = _registered(tags={"hello": "world"}, description="dummy")
    client.set_registered_model_alias(name, "champion", "2")
    copied = client.copy_model_version(f"models:/{name}@champion", f"{name}-production")
    same((copied.name, copied.version), (f"{name}-production", "1"))
    kept = client.get_model_version(f"{name}-production", "1")
    same((kept.source, kept.run_id), (f"models:/{name}/2", run_id))
    same((kept.tags, kept.description), ({"hello": "world"}, "dummy"))
    client.delete_registered_model(name)
    same(mlflow.artifacts.load_text(f"models:/{name}-production/1/weights.txt"), "0.5")
