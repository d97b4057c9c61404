"""Prompts, which the client of 3.17 keeps in the model registry."""

import uuid

import mlflow
from expecting import refused, same
from mlflow.tracking import MlflowClient

client = MlflowClient()


def _name():
    return f"prompt-{uuid.uuid4().hex[:10]}"


def a_prompt_has_versions_and_aliases():
    name = _name()
    first = mlflow.genai.register_prompt(name, "Hello {{who}}!", commit_message="First", tags={"a": "1"})
    same(
        (first.version, first.template, first.tags, first.commit_message),
        (1, "Hello {{who}}!", {"a": "1"}, "First"),
    )
    mlflow.genai.register_prompt(name, [{"role": "user", "content": "Hi {{who}}"}])
    mlflow.genai.set_prompt_alias(name, "production", 1)
    same(mlflow.genai.load_prompt(f"prompts:/{name}@production").format(who="world"), "Hello world!")
    same(mlflow.genai.load_prompt(name, version=2).template, [{"role": "user", "content": "Hi {{who}}"}])
    same(mlflow.genai.load_prompt(f"prompts:/{name}@latest").version, 2)
    mlflow.genai.delete_prompt_alias(name, "production")
    same(
        mlflow.genai.load_prompt(f"prompts:/{name}@production", allow_missing=True, cache_ttl_seconds=0), None
    )


def a_prompt_and_its_versions_are_tagged():
    name = _name()
    mlflow.genai.register_prompt(name, "Hello")
    mlflow.genai.set_prompt_tag(name, "language", "en")
    same(mlflow.genai.get_prompt_tags(name)["language"], "en")
    mlflow.genai.delete_prompt_tag(name, "language")
    assert "language" not in mlflow.genai.get_prompt_tags(name)
    mlflow.genai.set_prompt_version_tag(name, 1, "author", "ann")
    same(mlflow.genai.load_prompt(name, version=1, cache_ttl_seconds=0).tags["author"], "ann")
    mlflow.genai.delete_prompt_version_tag(name, 1, "author")
    assert "author" not in mlflow.genai.load_prompt(name, version=1, cache_ttl_seconds=0).tags


def prompts_are_searched_and_no_search_for_models_finds_them():
    word = uuid.uuid4().hex[:8]
    for number in range(3):
        mlflow.genai.register_prompt(f"{word}-{number}", f"Number {number}", tags={"n": str(number)})
    found = mlflow.genai.search_prompts(f"name LIKE '{word}%'")
    same(sorted(prompt.name for prompt in found), [f"{word}-{number}" for number in range(3)])
    same([model.name for model in client.search_registered_models(f"name LIKE '{word}%'")], [])
    same(list(client.search_model_versions(f"name LIKE '{word}%'")), [])
    same([each.version for each in client.search_prompt_versions(f"{word}-0")], [1])


def a_prompt_and_a_model_do_not_share_a_name():
    name = _name()
    client.create_registered_model(name)
    with refused("INVALID_PARAMETER_VALUE", "RESOURCE_ALREADY_EXISTS"):
        mlflow.genai.register_prompt(name, "Hello")


def a_prompt_is_deleted_once_its_versions_are():
    name = _name()
    mlflow.genai.register_prompt(name, "Hello")
    client.delete_prompt_version(name, "1")
    client.delete_prompt(name)
    same(mlflow.genai.load_prompt(name, version=1, allow_missing=True, cache_ttl_seconds=0), None)
