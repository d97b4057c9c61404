"""MLflow's routes about runs: their life, their search, and what they refuse."""

from __future__ import annotations

import re
import uuid

import pytest

from runyard.services.call import system_now_ms
from tests.server.local import Local, pairs

INVALID = "INVALID_PARAMETER_VALUE"
NOT_FOUND = "RESOURCE_DOES_NOT_EXIST"
UNKNOWN = "f" * 32


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


def found_ids(answer):
    return [run["info"]["run_id"] for run in answer.get("runs", [])]


def test_a_run_is_answered_as_it_was_made(local: Local):
    experiment_id = local.experiment()
    made = local.post(
        "/runs/create",
        experiment_id=experiment_id,
        user_id="ann",
        run_name="first",
        start_time=1234,
        tags=[{"key": "a", "value": "b"}],
    )["run"]
    run_id = made["info"]["run_id"]
    assert re.fullmatch("[0-9a-f]{32}", run_id)
    assert made["info"] == {
        "run_id": run_id,
        "run_uuid": run_id,
        "experiment_id": experiment_id,
        "run_name": "first",
        "user_id": "ann",
        "status": "RUNNING",
        "start_time": 1234,
        "artifact_uri": f"mlflow-artifacts:/{experiment_id}/{run_id}/artifacts",
        "lifecycle_stage": "active",
    }
    assert pairs(made["data"]["tags"]) == {"a": "b", "mlflow.runName": "first"}
    assert local.read_run(run_id) == made


def test_a_run_that_nobody_named_gets_a_name_and_a_start(local: Local):
    before_ms = system_now_ms()
    run = local.read_run(local.run())
    name = run["info"]["run_name"]
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", name)
    assert pairs(run["data"]["tags"]) == {"mlflow.runName": name}
    assert run["info"]["start_time"] >= before_ms


def test_a_run_without_an_experiment_is_of_the_default_one(local: Local):
    assert local.post("/runs/create")["run"]["info"]["experiment_id"] == "0"


def test_name_and_user_may_come_as_tags(local: Local):
    tags = [{"key": "mlflow.runName", "value": "tagged"}, {"key": "mlflow.user", "value": "ben"}]
    info = local.read_run(local.run(tags=tags))["info"]
    assert (info["run_name"], info["user_id"]) == ("tagged", "ben")
    info = local.read_run(local.run(tags=tags, run_name="tagged", user_id="ann"))["info"]
    assert (info["run_name"], info["user_id"]) == ("tagged", "ann")


def test_a_run_may_begin_with_tags_that_could_not_be_set_later(local: Local):
    run_id = local.run(run_name="n", tags=[{"key": "cost in $", "value": "1"}])
    assert pairs(local.read_run(run_id)["data"]["tags"]) == {"cost in $": "1", "mlflow.runName": "n"}


def test_a_run_may_bring_its_own_id_and_begins_once_however_often_it_is_sent(local: Local):
    run_id = uuid.uuid4().hex
    begin = {"run_id": run_id, "user_id": "ann", "start_time": 5, "run_name": "offline"}
    made = local.post("/runs/create", **begin)["run"]
    assert made["info"]["run_id"] == run_id
    assert made["info"]["artifact_uri"] == f"mlflow-artifacts:/0/{run_id}/artifacts"
    local.post("/runs/set-tag", run_id=run_id, key="later", value="kept")
    local.post("/runs/update", run_id=run_id, status="FINISHED", end_time=9)
    again = local.post("/runs/create", **begin)["run"]
    assert (again["info"]["status"], again["info"]["end_time"]) == ("FINISHED", 9)
    assert pairs(again["data"]["tags"]) == {"mlflow.runName": "offline", "later": "kept"}
    assert len(local.post("/runs/search", experiment_ids=["0"])["runs"]) == 1


@pytest.mark.parametrize("other", [{"user_id": "ben"}, {"user_id": "ann", "experiment_id": "training"}])
def test_an_id_that_another_run_has_is_refused(local: Local, other: dict):
    run_id, training = uuid.uuid4().hex, local.experiment()
    local.post("/runs/create", run_id=run_id, user_id="ann")
    if "experiment_id" in other:
        other = other | {"experiment_id": training}
    refused = local.refused("/runs/create", run_id=run_id, **other)
    assert refused == (400, "RESOURCE_ALREADY_EXISTS", f"Run with id={run_id} already exists.")


@pytest.mark.parametrize("run_id", ["x", "A" * 32, "0" * 31, "0" * 33, "../" + "0" * 29])
def test_an_id_that_no_server_would_make_is_refused(local: Local, run_id: str):
    assert local.refused("/runs/create", run_id=run_id)[:2] == (400, INVALID)


def test_two_different_names_are_refused(local: Local):
    tags = [{"key": "mlflow.runName", "value": "m"}]
    message = (
        "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
        "(run_name='n', mlflow.runName='m')."
    )
    assert local.refused("/runs/create", run_name="n", tags=tags) == (400, INVALID, message)


@pytest.mark.parametrize(
    ("fields", "status", "code", "message"),
    [
        ({"experiment_id": "99"}, 404, NOT_FOUND, "No Experiment with id=99 exists"),
        ({"experiment_id": "abc"}, 400, INVALID, "Invalid experiment ID 'abc'."),
        ({"start_time": "x"}, 400, INVALID, "Invalid value \"x\" for parameter 'start_time' supplied"),
        ({"start_time": True}, 400, INVALID, "Invalid value true for parameter 'start_time' supplied"),
        ({"run_name": 5}, 400, INVALID, "Invalid value 5 for parameter 'run_name' supplied"),
        ({"tags": [{"value": "no key"}]}, 400, INVALID, "A key name must be provided."),
        ({"tags": [{"key": "k" * 251}]}, 400, INVALID, "'key' exceeds the maximum length of 250 characters"),
        ({"tags": [{"key": "k", "value": "v" * 65_536}]}, 400, INVALID, "'value' exceeds the maximum length"),
    ],
)
def test_a_bad_run_is_refused_by_its_field(local: Local, fields: dict, status: int, code: str, message: str):
    refused = local.refused("/runs/create", **fields)
    assert refused[:2] == (status, code)
    assert message in refused[2]
    assert local.post("/runs/search", experiment_ids=["0"]) == {}


def test_a_run_is_got_by_either_of_its_names(local: Local):
    run_id = local.run()
    assert local.get("/runs/get", run_uuid=run_id) == local.get("/runs/get", run_id=run_id)
    missing = local.refused_get("/runs/get")
    assert missing[:2] == (400, INVALID)
    assert "Missing value for required parameter 'run_id'." in missing[2]


@pytest.mark.parametrize(
    "path", ["delete", "restore", "update", "set-tag", "log-parameter", "log-metric", "log-batch"]
)
def test_an_unknown_run_is_not_found(local: Local, path: str):
    fields = {"key": "a", "value": "1", "timestamp": 1}
    refused = (404, NOT_FOUND, f"Run with id={UNKNOWN} not found")
    assert local.refused(f"/runs/{path}", run_id=UNKNOWN, **fields) == refused
    assert local.refused_get("/runs/get", run_id=UNKNOWN) == refused


def test_an_update_changes_status_end_and_name(local: Local):
    run_id = local.run(start_time=5, run_name="before")
    info = local.post("/runs/update", run_id=run_id, status="FINISHED", end_time="9")["run_info"]
    assert (info["status"], info["end_time"], info["run_name"]) == ("FINISHED", 9, "before")
    info = local.post("/runs/update", run_id=run_id, run_name="after")["run_info"]
    assert (info["status"], info["end_time"], info["run_name"]) == ("FINISHED", 9, "after")
    assert local.post("/runs/update", run_id=run_id, run_name="")["run_info"] == info
    assert local.post("/runs/update", run_id=run_id, status=4)["run_info"]["status"] == "FAILED"
    run = local.read_run(run_id)
    assert pairs(run["data"]["tags"])["mlflow.runName"] == run["info"]["run_name"] == "after"


@pytest.mark.parametrize("status", ["NOPE", "finished", 9])
def test_an_unknown_status_is_refused(local: Local, status: object):
    run_id = local.run()
    refused = local.refused("/runs/update", run_id=run_id, status=status)
    assert refused[:2] == (400, INVALID)
    assert "for parameter 'status' supplied" in refused[2]
    assert local.read_run(run_id)["info"]["status"] == "RUNNING"


def test_a_deleted_run_is_readable_and_comes_back(local: Local):
    run_id = local.run()
    for _ in range(2):
        assert local.post("/runs/delete", run_id=run_id) == {}
        assert local.read_run(run_id)["info"]["lifecycle_stage"] == "deleted"
    search = {"experiment_ids": ["0"]}
    assert local.post("/runs/search", **search) == {}
    assert found_ids(local.post("/runs/search", run_view_type="DELETED_ONLY", **search)) == [run_id]
    for _ in range(2):
        assert local.post("/runs/restore", run_id=run_id) == {}
        assert found_ids(local.post("/runs/search", **search)) == [run_id]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("update", {"status": "FAILED"}),
        ("log-metric", {"key": "m", "value": 1, "timestamp": 1}),
        ("log-parameter", {"key": "p", "value": "1"}),
        ("set-tag", {"key": "t", "value": "1"}),
        ("delete-tag", {"key": "mlflow.runName"}),
        ("log-batch", {"metrics": [{"key": "m", "value": 1, "timestamp": 1}]}),
        (
            "log-inputs",
            {"datasets": [{"dataset": {"name": "d", "digest": "1", "source_type": "", "source": ""}}]},
        ),
        ("outputs", {"models": [{"model_id": "m-1"}]}),
        (
            "log-model",
            {"model_json": '{"artifact_path": "", "flavors": {}, "utc_time_created": "", "run_id": ""}'},
        ),
    ],
)
def test_a_deleted_run_refuses_writes(local: Local, path: str, fields: dict):
    run_id = local.run()
    local.post("/runs/delete", run_id=run_id)
    before = local.read_run(run_id)
    message = f"The run {run_id} must be in the 'active' state. Current state is deleted."
    assert local.refused(f"/runs/{path}", run_id=run_id, **fields) == (400, INVALID, message)
    assert local.read_run(run_id) == before


def test_a_search_pages_to_the_end(local: Local):
    made = [local.run(start_time=number // 2) for number in range(7)]
    found: list[str] = []
    token = None
    while True:
        asked = {"experiment_ids": ["0"], "max_results": 3, **({"page_token": token} if token else {})}
        answer = local.post("/runs/search", **asked)
        found += found_ids(answer)
        token = answer.get("next_page_token")
        if not token:
            break
    assert sorted(found) == sorted(made)
    assert found == found_ids(local.post("/runs/search", experiment_ids=["0"]))


def test_a_search_sees_what_was_logged(local: Local):
    good, bad = local.run(start_time=1), local.run(start_time=2)
    for run_id, loss in ((good, 0.1), (bad, "NaN")):
        local.post("/runs/log-metric", run_id=run_id, key="loss", value=loss, timestamp=1)
        local.post("/runs/log-parameter", run_id=run_id, key="alpha", value=run_id[:3])
    search = {"experiment_ids": ["0"]}
    assert found_ids(local.post("/runs/search", filter="metrics.loss < 1", **search)) == [good]
    assert found_ids(local.post("/runs/search", order_by=["metrics.loss ASC"], **search)) == [good, bad]
    assert found_ids(local.post("/runs/search", order_by=["metrics.loss DESC"], **search)) == [good, bad]
    assert found_ids(local.post("/runs/search", filter=f"params.alpha = '{bad[:3]}'", **search)) == [bad]
    (run,) = local.post("/runs/search", filter=f"attributes.run_id = '{good}'", **search)["runs"]
    assert run == local.read_run(good)


@pytest.mark.parametrize("asked", [{}, {"experiment_ids": []}, {"experiment_ids": ["99999"]}])
def test_a_search_in_no_experiment_finds_nothing(local: Local, asked: dict):
    local.run()
    assert local.post("/runs/search", **asked) == {}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"max_results": 0},
            "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer",
        ),
        ({"max_results": 50_001}, "Invalid value 50001 for parameter 'max_results' supplied"),
        ({"max_results": "x"}, "Invalid value \"x\" for parameter 'max_results' supplied"),
        ({"page_token": "x"}, "Invalid page token, could not base64-decode"),
        ({"filter": "params.a = 'b' or"}, "Invalid clause(s) in filter string: 'or'"),
        ({"filter": 5}, "Invalid value 5 for parameter 'filter' supplied"),
        ({"order_by": ["nope"]}, "Invalid attribute key 'nope' specified."),
        ({"order_by": "metrics.a"}, "Invalid value \"metrics.a\" for parameter 'order_by' supplied"),
        ({"run_view_type": "NOPE"}, "for parameter 'run_view_type' supplied"),
        ({"experiment_ids": ["abc"]}, "Invalid experiment ID 'abc'. Experiment ID must be a valid integer."),
        ({"experiment_ids": "0"}, "Invalid value \"0\" for parameter 'experiment_ids' supplied"),
    ],
)
def test_a_bad_search_is_refused_by_its_field(local: Local, fields: dict, message: str):
    status, code, text = local.refused("/runs/search", **{"experiment_ids": ["0"], **fields})
    assert (status, code) == (400, INVALID)
    assert message in text


@pytest.mark.parametrize(
    "path", ["/api/2.0mlflow/experiments/search-datasets", "/ajax-api/2.0/mlflow/experiments/search-datasets"]
)
def test_datasets_of_experiments_are_listed(local: Local, path: str):
    run_id = local.run()
    dataset = {"name": "d", "digest": "1", "source_type": "local", "source": "s"}
    used = {"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "train"}]}
    local.post("/runs/log-inputs", run_id=run_id, datasets=[used])
    answer = local.ask("POST", path, json={"experiment_ids": ["0"]}).json()
    assert answer == {
        "dataset_summaries": [{"experiment_id": "0", "name": "d", "digest": "1", "context": "train"}]
    }
    too_many = local.ask("POST", path, json={"experiment_ids": [str(number) for number in range(21)]})
    assert too_many.status_code == 400
    assert "cannot specify more than 20 experiment_ids" in too_many.text
