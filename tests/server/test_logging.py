"""MLflow's routes that log to a run: what is kept, what is refused, and that a batch is one."""

from __future__ import annotations

import json

import pytest

from tests.engines import SqlEngine
from tests.server.local import Local, pairs

INVALID = "INVALID_PARAMETER_VALUE"
CHARACTERS = "Names may only contain alphanumerics"


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


def metrics_of(local: Local, run_id: str) -> dict[str, object]:
    metrics = local.read_run(run_id)["data"].get("metrics", [])
    return {metric["key"]: (metric["value"], metric["timestamp"], metric["step"]) for metric in metrics}


def point(key: str = "m", value: object = 1.0, timestamp: object = 1, step: object = 0) -> dict[str, object]:
    return {"key": key, "value": value, "timestamp": timestamp, "step": step}


def test_a_metric_shows_its_latest_value(local: Local):
    run_id = local.run()
    for value, timestamp, step in ((1, 1, 5), (0.5, 2, 3), ("7.25", "3", "5")):
        assert local.post("/runs/log-metric", run_id=run_id, **point("m", value, timestamp, step)) == {}
    local.post("/runs/log-metric", run_uuid=run_id, key="no step", value=2, timestamp=0)
    assert metrics_of(local, run_id) == {"m": (7.25, 3, 5), "no step": (2.0, 0, 0)}


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ('"NaN"', "NaN"),
        ("NaN", "NaN"),
        ('"Infinity"', "Infinity"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
        ('"-Infinity"', "-Infinity"),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("5e-324", 5e-324),
        ("1180591620717411303424", 2.0**70),
    ],
)
def test_any_number_comes_back_as_it_was_logged(local: Local, sent: str, answered: object):
    run_id = local.run()
    body = f'{{"run_id": "{run_id}", "key": "m", "value": {sent}, "timestamp": 1}}'
    headers = {"Content-Type": "application/json"}
    assert local.ask("POST", "/api/2.0/mlflow/runs/log-metric", headers, content=body).json() == {}
    assert metrics_of(local, run_id) == {"m": (answered, 1, 0)}
    history = local.get("/metrics/get-history", run_id=run_id, metric_key="m")["metrics"]
    assert [item["value"] for item in history] == [answered]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"key": None}, "Missing value for required parameter 'key'."),
        ({"key": ""}, "Missing value for required parameter 'key'."),
        ({"value": None}, "Missing value for required parameter 'value'."),
        ({"timestamp": None}, "Missing value for required parameter 'timestamp'."),
        ({"run_id": None}, "Missing value for required parameter 'run_id'."),
        ({"key": "a$b"}, f"Invalid value \"a$b\" for parameter 'name' supplied: {CHARACTERS}"),
        ({"key": "../a"}, "This name would resolve to '../a'"),
        ({"key": "k" * 251}, "'Metric name' exceeds the maximum length of 250 characters"),
        ({"value": "abc"}, "Invalid value \"abc\" for parameter 'value' supplied"),
        ({"timestamp": True}, "Invalid value true for parameter 'timestamp' supplied"),
        ({"value": {}}, "Invalid value {} for parameter 'value' supplied"),
        ({"timestamp": -1}, "Invalid value -1 for parameter 'timestamp' supplied: metric 'm' (value=1.0)."),
        ({"timestamp": "x"}, "Invalid value \"x\" for parameter 'timestamp' supplied"),
        ({"step": 2**63}, "Invalid value 9223372036854775808 for parameter 'step' supplied"),
        ({"step": "x"}, "Invalid value \"x\" for parameter 'step' supplied"),
    ],
)
def test_a_bad_metric_is_refused_by_its_field(local: Local, fields: dict, message: str):
    run_id = local.run()
    status, code, text = local.refused("/runs/log-metric", **{"run_id": run_id, **point(), **fields})
    assert (status, code) == (400, INVALID)
    assert message in text
    assert metrics_of(local, run_id) == {}


def test_a_param_is_set_once(local: Local):
    run_id = local.run()
    for _ in range(2):
        assert local.post("/runs/log-parameter", run_id=run_id, key="a", value="1") == {}
    local.post("/runs/log-parameter", run_id=run_id, key="empty")
    assert local.refused("/runs/log-parameter", run_id=run_id, key="a", value="2") == (
        400,
        INVALID,
        "Changing param values is not allowed. Param with key='a' was already logged with value='1' for run "
        f"ID='{run_id}'. Attempted logging new value '2'.",
    )
    assert pairs(local.read_run(run_id)["data"]["params"]) == {"a": "1", "empty": ""}


def test_a_long_param_is_kept_whole(local: Local):
    run_id = local.run()
    local.post("/runs/log-parameter", run_id=run_id, key="long", value="é" * 6001)
    assert pairs(local.read_run(run_id)["data"]["params"]) == {"long": "é" * 6001}
    refused = local.refused("/runs/log-parameter", run_id=run_id, key="longer", value="é" * 65_536)
    assert refused == (400, INVALID, "'Param value' exceeds the maximum length of 65535 characters")


def test_a_tag_is_set_over_and_deleted_once(local: Local):
    run_id = local.run(run_name="n")
    for value in ("1", "2"):
        assert local.post("/runs/set-tag", run_id=run_id, key="a", value=value) == {}
    assert pairs(local.read_run(run_id)["data"]["tags"]) == {"a": "2", "mlflow.runName": "n"}
    assert local.post("/runs/delete-tag", run_id=run_id, key="a") == {}
    again = local.refused("/runs/delete-tag", run_id=run_id, key="a")
    assert again == (404, "RESOURCE_DOES_NOT_EXIST", f"No tag with name: a in run with id {run_id}")


def test_the_name_tag_names_the_run(local: Local):
    run_id = local.run(run_name="first")
    local.post("/runs/set-tag", run_id=run_id, key="mlflow.runName", value="second")
    assert local.read_run(run_id)["info"]["run_name"] == "second"
    local.post("/runs/log-batch", run_id=run_id, tags=[{"key": "mlflow.runName", "value": "third"}])
    assert local.read_run(run_id)["info"]["run_name"] == "third"


@pytest.mark.parametrize("path", ["set-tag", "log-parameter"])
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"value": "1"}, "Missing value for required parameter 'key'."),
        ({"key": "a$"}, f"Invalid value \"a$\" for parameter 'key' supplied: {CHARACTERS}"),
        ({"key": "a", "value": 5}, "Invalid value 5 for parameter 'value' supplied"),
        ({"key": "k" * 251}, "exceeds the maximum length of 250 characters"),
    ],
)
def test_a_bad_param_or_tag_is_refused_by_its_field(local: Local, path: str, fields: dict, message: str):
    status, code, text = local.refused(f"/runs/{path}", run_id=local.run(), **fields)
    assert (status, code) == (400, INVALID)
    assert message in text


def test_a_batch_keeps_all_that_it_holds(local: Local):
    run_id = local.run(run_name="n")
    metrics = [point("m", step / 4, step, step) for step in range(800)]
    params = [{"key": f"p{number}", "value": str(number)} for number in range(100)]
    tags = [{"key": f"t{number}", "value": str(number)} for number in range(100)]
    for _ in range(2):
        assert local.post("/runs/log-batch", run_id=run_id, metrics=metrics, params=params, tags=tags) == {}
    data = local.read_run(run_id)["data"]
    assert metrics_of(local, run_id) == {"m": (199.75, 799, 799)}
    assert pairs(data["params"]) == pairs(params)
    assert pairs(data["tags"]) == {**pairs(tags), "mlflow.runName": "n"}
    assert len(local.get("/metrics/get-history", run_id=run_id, metric_key="m")["metrics"]) == 800
    assert local.post("/runs/log-batch", run_id=run_id) == {}
    assert local.post("/runs/log-batch", run_id=run_id, metrics=None, params=None, tags=None) == {}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"metrics": [point("a$")]}, "for parameter 'metrics[0].name' supplied"),
        ({"metrics": [point(), {"key": "q", "timestamp": 1}]}, "required parameter 'metrics[1].value'"),
        ({"metrics": [point(timestamp=-1)]}, "-1 for parameter 'metrics[0].timestamp' supplied"),
        ({"metrics": [point(value="x")]}, "Invalid value \"x\" for parameter 'metrics[0].value' supplied"),
        ({"metrics": [5]}, "Invalid value 5 for parameter 'metrics[0]' supplied"),
        ({"metrics": {}}, "Invalid value {} for parameter 'metrics' supplied"),
        ({"metrics": [point(step=number) for number in range(1001)]}, "at most 1000 metrics. Got 1001"),
        ({"params": [{"key": "kept", "value": "other"}]},
         "Params were already logged='[{'key': 'kept', 'old_value': '1', 'new_value': 'other'}]'"),
        ({"params": [{"key": "y", "value": "1"}] * 2}, "Duplicate parameter keys have been submitted: ['y']"),
        ({"params": [{"key": "a$"}]}, f"for parameter 'params[0].key' supplied: {CHARACTERS}"),
        ({"params": [{"key": f"p{number}"} for number in range(101)]}, "at most 100 params. Got 101"),
        ({"tags": [{"value": "1"}]}, "Missing value for required parameter 'tags[0].key'"),
        ({"tags": [{"key": "k" * 251}]}, "'tags[0].key' exceeds the maximum length of 250 characters"),
    ],
)  # fmt: skip
def test_a_bad_batch_leaves_nothing(local: Local, engine: SqlEngine, bad: dict, message: str):
    run_id = local.run()
    local.post("/runs/log-parameter", run_id=run_id, key="kept", value="1")
    before = local.read_run(run_id)
    batch = {
        "metrics": [point("other")],
        "params": [{"key": "other", "value": "1"}],
        "tags": [{"key": "other", "value": "1"}],
        **bad,
    }
    status, code, text = local.refused("/runs/log-batch", run_id=run_id, **batch)
    assert (status, code) == (400, INVALID)
    assert message in text
    assert local.read_run(run_id) == before
    assert engine.rows(local.settings.home, "SELECT count(*) FROM metric_batches") == [(0,)]


def test_of_equal_tags_in_a_batch_the_last_counts(local: Local):
    run_id = local.run()
    local.post("/runs/log-batch", run_id=run_id, tags=[{"key": "a", "value": v} for v in "123"])
    assert pairs(local.read_run(run_id)["data"]["tags"])["a"] == "3"


def test_inputs_are_kept_once(local: Local):
    run_id = local.run()
    dataset = {
        "name": "d",
        "digest": "1",
        "source_type": "local",
        "source": "s",
        "schema": "{}",
        "profile": "p",
    }
    used = {"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "train"}]}
    for _ in range(2):
        assert (
            local.post("/runs/log-inputs", run_id=run_id, datasets=[used], models=[{"model_id": "m-1"}]) == {}
        )
    assert local.read_run(run_id)["inputs"] == {
        "dataset_inputs": [used],
        "model_inputs": [{"model_id": "m-1"}],
    }


@pytest.mark.parametrize(
    ("dataset", "tags", "message"),
    [
        ({"digest": "1"}, [], "Missing value for required parameter 'datasets[0].dataset.name'"),
        ({"name": "x" * 501, "digest": "1"}, [], "name' exceeds the maximum length of 500 characters"),
        ({"name": "x", "digest": "1" * 37}, [], "digest' exceeds the maximum length of 36 characters"),
        (
            {"name": "x", "digest": "1"},
            [{"key": "k" * 256}],
            "key' exceeds the maximum length of 255 characters",
        ),
        (
            {"name": "x", "digest": "1"},
            [{"key": "k", "value": "v" * 501}],
            "exceeds the maximum length of 500",
        ),
    ],
)
def test_a_bad_input_is_refused_by_its_field(local: Local, dataset: dict, tags: list, message: str):
    run_id = local.run()
    used = {"dataset": {"source_type": "l", "source": "s", **dataset}, "tags": tags}
    status, code, text = local.refused("/runs/log-inputs", run_id=run_id, datasets=[used])
    assert (status, code) == (400, INVALID)
    assert message in text
    assert local.read_run(run_id)["inputs"] == {}


def test_outputs_are_kept_with_their_step(local: Local):
    run_id = local.run()
    local.post("/runs/outputs", run_id=run_id, models=[{"model_id": "m-1", "step": 3}, {"model_id": "m-2"}])
    local.post("/runs/outputs", run_id=run_id, models=[{"model_id": "m-1", "step": 3}])
    assert local.read_run(run_id)["outputs"] == {
        "model_outputs": [{"model_id": "m-1", "step": 3}, {"model_id": "m-2", "step": 0}]
    }
    assert local.post("/runs/outputs", run_id=run_id, models=[]) == {}
    assert "'models'" in local.refused("/runs/outputs", run_id=run_id)[2]


def test_models_of_older_clients_are_noted_in_a_tag(local: Local):
    run_id = local.run()
    models: list[dict] = [
        {"run_id": run_id, "artifact_path": path, "flavors": {}, "utc_time_created": "t"}
        for path in ("a", "b")
    ]
    for model in models:
        assert local.post("/runs/log-model", run_id=run_id, model_json=json.dumps(model)) == {}
    tags = pairs(local.read_run(run_id)["data"]["tags"])
    assert json.loads(tags["mlflow.log-model.history"]) == models


@pytest.mark.parametrize("tag", ["no JSON", "5", '{"a": 1}'])
def test_a_list_of_models_that_somebody_spoiled_is_not_written_over(local: Local, tag: str):
    run_id = local.run()
    local.post("/runs/set-tag", run_id=run_id, key="mlflow.log-model.history", value=tag)
    model = {"run_id": run_id, "artifact_path": "a", "flavors": {}, "utc_time_created": "t"}
    status, code, message = local.refused("/runs/log-model", run_id=run_id, model_json=json.dumps(model))
    assert (status, code) == (400, "INVALID_STATE")
    assert "mlflow.log-model.history" in message


@pytest.mark.parametrize(
    ("model_json", "message"),
    [
        (None, "Missing value for required parameter 'model_json'."),
        ("{", "Malformed model info. \n { \n is not a valid JSON."),
        ("[]", "Malformed model info"),
        ("{}", "Model json is missing mandatory fields: "),
        ("[" * 100_000, "Malformed model info"),
    ],
)
def test_a_bad_model_is_refused(local: Local, model_json: str | None, message: str):
    status, code, text = local.refused("/runs/log-model", run_id=local.run(), model_json=model_json)
    assert (status, code) == (400, INVALID)
    assert message in text
