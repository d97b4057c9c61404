"""A try of a prompt, as MLflow's prompt lab sends it, is a finished run with a table."""

from __future__ import annotations

import json

import pytest

from runyard.protocol.error_classes import error_body
from tests.server.local import Local

CREATE = "/ajax-api/2.0/mlflow/runs/create-promptlab-run"
WHOLE = {
    "experiment_id": "0",
    "prompt_template": "Say {{what}}",
    "prompt_parameters": [{"key": "what", "value": "hello"}],
    "model_route": "a-route",
    "model_input": "Say hello",
    "mlflow_version": "3.17.2",
}


@pytest.mark.parametrize("missing", WHOLE)
def test_what_is_missing_is_named_in_mlflows_words(local: Local, missing):
    sent = {name: value for name, value in WHOLE.items() if name != missing}
    answer = local.ask("POST", CREATE, json=sent)
    assert answer.status_code == 400
    assert answer.json()["message"] == f"CreatePromptlabRun request must specify {missing}."


def test_a_try_is_a_finished_run_with_params_tags_and_a_table(local: Local):
    more = {
        "run_name": "first try",
        "user_id": "ann",
        "start_time": 456,
        "model_parameters": [{"key": "temperature", "value": 0.1}],
        "model_output": "hello!",
        "model_output_parameters": [{"key": "latency", "value": "100"}],
    }
    answer = local.ask("POST", CREATE, json=WHOLE | more)
    assert answer.status_code == 200, answer.text
    run = answer.json()["run"]
    assert {name: run["info"][name] for name in ("run_name", "user_id", "status", "start_time")} == {
        "run_name": "first try",
        "user_id": "ann",
        "status": "FINISHED",
        "start_time": 456,
    }
    assert {each["key"]: each["value"] for each in run["data"]["params"]} == {
        "temperature": "0.1",
        "model_route": "a-route",
        "prompt_template": "Say {{what}}",
    }
    assert {"key": "mlflow.runSourceType", "value": "PROMPT_ENGINEERING"} in run["data"]["tags"]
    query = {"run_id": run["info"]["run_id"], "path": "eval_results_table.json"}
    assert json.loads(local.ask("GET", "/get-artifact", params=query).content) == {
        "columns": ["what", "prompt", "output", "latency"],
        "data": [["hello", "Say hello", "hello!", "100"]],
    }


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model_parameters": [{"key": "a b$", "value": "1"}]}, "params[0].key"),
        ({"model_route": "x" * 70_000}, "Param value"),
        ({"prompt_parameters": [{"value": "1"}]}, "prompt_parameters[0].key"),
    ],
)
def test_a_try_that_cannot_be_leaves_no_run(local: Local, change, says):
    answer = local.ask("POST", CREATE, json=WHOLE | change)
    assert (answer.status_code, says in answer.json()["message"]) == (400, True), answer.text
    found = local.post("/runs/search", experiment_ids=["0"])
    assert found.get("runs", []) == []


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "/get-artifact", {"run_id": "none"}),
        ("POST", "/ajax-api/2.0/mlflow/upload-artifact", {"run_uuid": "none"}),
        ("GET", "/model-versions/get-artifact", {"name": "none", "version": "1"}),
    ],
)
def test_a_path_that_cannot_be_is_told_before_what_is_there(local: Local, method, path, query):
    answer = local.ask(method, path, params=query | {"path": "../x"})
    assert answer.status_code == 400
    assert answer.json() == error_body("INVALID_PARAMETER_VALUE", "Invalid path")
