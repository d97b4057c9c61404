"""The registered models of a running server, as its answers describe them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from runyard.entities.registered_model import is_prompt
from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.transfer.mlflow_pages import answers
from runyard.sdk.transfer.mlflow_values import mapping, whole
from runyard.sdk.transfer.records import SourceRegisteredModel, SourceVersion

PAGE = 100
# Servers that know prompts leave them out unless they are asked for.
PROMPTS = "tags.`mlflow.prompt.is_prompt` = 'true'"
MODELS_SCHEME = "models:"


# Asks the server for what is at a path below its API, with a query.
Asks = Callable[[str, Mapping[str, str]], dict[str, Any]]


def read_registered_models(ask: Asks) -> Iterator[SourceRegisteredModel]:
    """Yield the registered models, then the prompts, each once, by name."""
    seen: set[str] = set()
    models = _pages(ask, "registered-models", "registered_models", "")
    prompts = _pages(ask, "registered-models", "registered_models", PROMPTS)
    for found in chain(_known(models, NotFound), _known(prompts, NotFound, InvalidParameter)):
        if found["name"] not in seen:
            seen.add(found["name"])
            yield _model(found)


def read_versions(ask: Asks, model: SourceRegisteredModel) -> Iterator[SourceVersion]:
    """Yield the versions of a model, the lowest number first: the server has them in another order."""
    condition = f"name = {_quoted(model.name)}"
    if is_prompt(model.tags):
        condition += f" AND {PROMPTS}"
    found = {
        int(each["version"]): each for each in _pages(ask, "model-versions", "model_versions", condition)
    }
    for number in sorted(found):
        yield _version(ask, model, found[number])


def _known(pages: Iterator[dict[str, Any]], *unknown: type[Exception]) -> Iterator[dict[str, Any]]:
    """Yield what a server answers, or nothing if it does not know yet what it is asked for."""
    try:
        yield from pages
    except unknown:
        return


def _quoted(name: str) -> str:
    return f'"{name}"' if "'" in name else f"'{name}'"


def _version(ask: Asks, model: SourceRegisteredModel, found: Mapping[str, Any]) -> SourceVersion:
    source, model_id = found.get("source") or "", found.get("model_id") or ""
    location = ""
    if source.startswith(MODELS_SCHEME) and not model_id:
        # A copy of another version: only this call tells where the files are.
        query = {"name": model.name, "version": str(found["version"])}
        location = ask("model-versions/get-download-uri", query).get("artifact_uri", "")
    return SourceVersion(
        version=int(found["version"]),
        created_ms=whole(found.get("creation_timestamp")),
        updated_ms=whole(found.get("last_updated_timestamp")),
        description=found.get("description") or "",
        stage=found.get("current_stage") or "",
        source=source,
        location=location,
        run_id=found.get("run_id") or "",
        model_id=model_id,
        run_link=found.get("run_link") or "",
        tags=mapping(found.get("tags")),
    )


def _model(found: Mapping[str, Any]) -> SourceRegisteredModel:
    return SourceRegisteredModel(
        name=found["name"],
        created_ms=whole(found.get("creation_timestamp")),
        updated_ms=whole(found.get("last_updated_timestamp")),
        description=found.get("description") or "",
        tags=mapping(found.get("tags")),
        aliases={each["alias"]: int(each["version"]) for each in found.get("aliases") or ()},
    )


def _pages(ask: Asks, noun: str, field: str, condition: str) -> Iterator[dict[str, Any]]:
    query = {"max_results": str(PAGE)}
    if condition:
        query["filter"] = condition
    for answer in answers(lambda page: ask(f"{noun}/search", page), query):
        yield from answer.get(field, [])
