"""The local Databricks itself: what was never published is refused, so that it vouches for what it takes."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.databricks.databricks_api import TOKEN, Cluster, databricks_workspace

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
INSTALL = "/api/2.0/libraries/install"


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/api/2.0/secrets/create", {}, "No API found"),
        ("/api/2.0/secrets/put", {"scope": "a", "key": "b", "value": "c"}, "no field 'value'"),
        ("/api/2.0/secrets/put", {"scope": "a", "string_value": "c"}, "'key' is missing"),
        ("/api/2.0/secrets/put", {"scope": 1, "key": "b"}, "1 is no str"),
        (
            "/api/2.0/secrets/acls/put",
            {"scope": "a", "principal": "b", "permission": "OWN"},
            "no AclPermission",
        ),
        (INSTALL, {"cluster_id": "c", "libraries": {"whl": "x"}}, "is no list"),
        (INSTALL, {"cluster_id": "c", "libraries": [{"wheel": "x"}]}, "of it stays {}"),
        (INSTALL, {"cluster_id": "c", "libraries": [{"pypi": {"name": "x"}}]}, "of it stays"),
        (
            "/api/2.1/clusters/update",
            {"cluster_id": "c", "update_mask": "spark_env_vars", "cluster": {"env": {}}},
            "of it stays {}",
        ),
        ("/api/2.0/global-init-scripts", {"name": "a", "script": "b", "enabled": "yes"}, "'yes' is no bool"),
    ],
)
def test_a_call_of_another_shape_is_refused_and_remembered(path: str, body: dict[str, Any], says: str):
    with databricks_workspace() as running:
        running.clusters["c"] = Cluster()
        answer = httpx.post(running.url + path, json=body, headers=HEADERS, timeout=60)
        assert answer.status_code in {400, 404}
        assert says in answer.json()["message"]
        assert len(running.unpublished) == 1
        assert running.clusters == {"c": Cluster()}


def test_without_the_token_nobody_is_let_in():
    with databricks_workspace() as running:
        answer = httpx.get(f"{running.url}/api/2.0/secrets/scopes/list", timeout=60)
        assert (answer.status_code, json.loads(answer.text)["error_code"]) == (401, "UNAUTHENTICATED")
