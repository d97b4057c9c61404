"""The API's description is made from the route table and says what the table says."""

from __future__ import annotations

import re
from typing import Any

import pytest

from runyard.auth.permissions import Open
from runyard.server.openapi import describe
from runyard.server.routes import ROUTES

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return describe(ROUTES)


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_every_route_but_the_twins_and_the_refused_is_described(document: dict[str, Any]) -> None:
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    told = [route for route in ROUTES if not route.path.startswith("/ajax-api/") and not route.refusal]
    assert len(described) == len(told)
    assert all(method.lower() in METHODS for method, _ in described)


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in operations(document)]
    assert len(ids) == len(set(ids))


def test_only_open_routes_need_no_credential(document: dict[str, Any]) -> None:
    open_paths = {route.path for route in ROUTES if isinstance(route.permits, Open)}
    free = {
        path
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if operation["security"] == []
    }
    assert free == {path for path in open_paths if not path.startswith("/ajax-api/")}


def test_references_lead_to_schemas_that_exist(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [found for value in part.values() for found in references(value)]
        if isinstance(part, list):
            return [found for value in part for found in references(value)]
        return []

    found = references(document)
    assert found
    assert {reference.rsplit("/", 1)[1] for reference in found} <= set(schemas)


def test_path_parameters_are_declared(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            declared = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            assert declared == set(re.findall(r"\{(\w+)\}", path))


def test_a_get_is_described_by_its_query_and_a_post_by_its_body(document: dict[str, Any]) -> None:
    get_run = document["paths"]["/api/2.0/mlflow/runs/get"]["get"]
    assert [(each["name"], each["required"]) for each in get_run["parameters"]] == [("run_id", True)]
    create = document["paths"]["/api/2.0/mlflow/runs/create"]["post"]
    assert create["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/CreateRun")
