"""What holds for every route: spellings of its path, content types, bodies, and the one error shape."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runyard.server.routes import ROUTES
from tests.server.local import BASE, Local, good, refusal

JSON = {"Content-Type": "application/json"}
POSTS = sorted(
    {
        route.path
        for route in ROUTES
        if route.method == "POST" and route.request is not None and not route.has_parameters
    }
)
GETS = sorted(
    {route.path for route in ROUTES if route.method == "GET" and route.request and not route.has_parameters}
)
SPELLINGS = [
    "/api/2.0/mlflow",
    "/ajax-api/2.0/mlflow",
    "/api/2.0/preview/mlflow",
    "/ajax-api/2.0/preview/mlflow",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("prefix", ["", "/workspaces/default"])
def test_every_spelling_of_a_path_reaches_the_same_handler(local: Local, prefix: str, spelling: str):
    local.prefix = prefix
    made = good(local.ask("POST", f"{spelling}/experiments/create", json={"name": "e"}))
    run = good(local.ask("POST", f"{spelling}/runs/create", json=made))["run"]
    found = good(local.ask("GET", f"{spelling}/runs/get", params={"run_id": run["info"]["run_id"]}))["run"]
    assert found == run
    assert local.read_run(run["info"]["run_id"]) == run


def test_the_server_says_what_it_is(local: Local):
    health = local.ask("GET", "/health")
    assert (health.status_code, health.text) == (200, "OK")
    version = local.ask("GET", "/version")
    assert version.text.split(".")[0] == "3"
    assert version.headers["content-type"].startswith("text/plain")
    server = good(local.ask("GET", "/api/v1/server"))
    assert server.pop("version")
    assert server == {"product": "Runyard", "mode": "up", "workspace": "default", "has_mlflow_pages": False}


@pytest.mark.parametrize("path", ["/api/3.0/mlflow/server-info", "/ajax-api/3.0/mlflow/server-info"])
def test_the_server_promises_mlflows_clients_no_more_than_it_does(local: Local, path: str):
    assert good(local.ask("GET", path)) == {
        "store_type": "SqlStore",
        "workspaces_enabled": True,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
        "presigned_upload_run_id_supported": False,
        "presigned_upload_model_id_supported": False,
        "features_enabled": {"gateway": False},
    }


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", None])
def test_a_body_that_a_form_could_have_sent_is_refused(local: Local, content_type: str | None):
    headers = {"Content-Type": content_type} if content_type is not None else {}
    answer = local.ask("POST", BASE + "/experiments/create", headers, content=b'{"name": "forged"}')
    status, code, message = refusal(answer)
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert message.startswith("Bad Request. Content-Type")
    assert local.refused_get("/experiments/get-by-name", experiment_name="forged")[0] == 404


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
def test_json_may_say_its_encoding(local: Local, content_type: str):
    answer = local.ask(
        "POST", BASE + "/experiments/create", {"Content-Type": content_type}, content=b'{"name": "e"}'
    )
    assert good(answer) == {"experiment_id": "1"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/2.0/mlflow/nope", 404, "ENDPOINT_NOT_FOUND"),
        ("POST", "/api/2.0/mlflow/nope", 404, "ENDPOINT_NOT_FOUND"),
        ("GET", "/API/2.0/mlflow/runs/get", 404, "ENDPOINT_NOT_FOUND"),
        ("GET", "/api/2.0/mlflow/runs/get/", 404, "ENDPOINT_NOT_FOUND"),
        ("GET", "/api/9.0/mlflow/runs/get", 404, "ENDPOINT_NOT_FOUND"),
        ("GET", "/api/2.0/mlflow/runs/create", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/health", 405, "METHOD_NOT_ALLOWED"),
        ("PATCH", "/api/v1/workspaces", 405, "METHOD_NOT_ALLOWED"),
    ],
)
def test_what_is_not_there_is_refused_in_the_one_shape(
    local: Local, method: str, path: str, status: int, code: str
):
    refused = refusal(local.ask(method, path, JSON))
    assert refused[:2] == (status, code)


@pytest.mark.parametrize("body", [b"[]", b"5", b'"x"', b"[" * 5000, b'{"name": "\\ud800"}', b"\xff", b""])
def test_a_body_that_is_no_message_is_no_fault(local: Local, body: bytes):
    for path in POSTS:
        answer = local.ask("POST", path, JSON, content=body)
        assert answer.status_code < 500 or answer.status_code == 501, path
        if answer.status_code != 200:
            assert refusal(answer)[2]


@pytest.mark.parametrize("query", ["", "?run_id=%ff", "?run_id=%00&experiment_id=%00&metric_key=%00"])
def test_a_query_that_is_no_message_is_no_fault(local: Local, query: str):
    for path in GETS:
        assert local.ask("GET", path + query).status_code < 500, path


def test_bytes_that_are_no_text_are_refused_in_a_query(local: Local):
    status, code, message = refusal(local.ask("GET", BASE + "/experiments/get-by-name?experiment_name=%ff"))
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "UTF-8" in message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)
FIELDS = sorted({field for route in ROUTES if route.request for field in route.request.__struct_fields__})


@pytest.fixture
def run_id(local: Local) -> str:
    """A run for requests that need one."""
    return local.run(local.experiment())


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(POSTS), fields=st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=6))
def test_no_json_is_a_fault(local: Local, run_id: str, path: str, fields: dict):
    fields = {"run_id": run_id, "experiment_id": "0", "key": "k", "timestamp": 1, "value": 1, **fields}
    answer = local.ask("POST", path, JSON, content=json.dumps(fields).encode())
    assert answer.status_code < 500 or answer.status_code == 501, (path, fields, answer.text)
    if answer.status_code >= 400:
        assert refusal(answer)[2]
