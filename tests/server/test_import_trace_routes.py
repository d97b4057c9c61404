"""The routes that take over traces: ids, times, spans, assessments and links stay."""

import base64
import json
from typing import Any

import pytest

from tests.server.local import Local, good, refusal

local = pytest.fixture(name="local")(lambda local_on_each_engine: local_on_each_engine)

SOURCE = "sqlite:////old/mlflow.db"
V3 = "/api/3.0/mlflow/traces"
RUN = "0" * 31 + "7"
OTEL = base64.b64encode(bytes(range(16))).decode()
ROOT, CHILD = (base64.b64encode(bytes([number] * 8)).decode() for number in (1, 2))


@pytest.fixture
def experiment(local: Local) -> str:
    body = {"source": SOURCE, "name": "assistant"}
    return str(good(local.ask("POST", "/api/v1/import/experiments", json=body))["experiment_id"])


def _info(experiment: str, trace_id: str = "tr-1", **fields: Any) -> dict[str, Any]:
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    return {
        "trace_id": trace_id,
        "trace_location": place,
        "request_time": "2025-01-31T12:00:00.250Z",
        "execution_duration": "1.5s",
        "state": "ERROR",
        **fields,
    }


def _span(span_id: str = ROOT, **fields: Any) -> dict[str, Any]:
    return {
        "trace_id": OTEL,
        "span_id": span_id,
        "parent_span_id": None,
        "name": "answer",
        "start_time_unix_nano": 5,
        "end_time_unix_nano": 9,
        "events": [{"name": "retry", "time_unix_nano": 6, "attributes": {"n": 1}}],
        "status": {"code": "STATUS_CODE_OK", "message": ""},
        "attributes": {"mlflow.spanInputs": '{"q": "ünï"}', "mlflow.traceRequestId": '"another"'},
        "links": [],
        **fields,
    }


def _sent(local: Local, path: str, traces: list[Any], source: str = SOURCE):
    return local.ask("POST", f"/api/v1/import/traces{path}", json={"source": source, "traces": traces})


def _begun(local: Local, info: dict[str, Any], **fields: Any) -> bool:
    answer = good(_sent(local, "", [{"trace_info": info, **fields}]))
    ((only,)) = answer["traces"]
    assert only["trace_id"] == info["trace_id"]
    return bool(only["is_complete"])


def _spans(local: Local, *spans: dict[str, Any], trace_id: str = "tr-1", **fields: Any) -> None:
    part = {"trace_id": trace_id, "spans": spans, "is_last": True, **fields}
    good(_sent(local, "/spans", [part]))


def _trace(local: Local, trace_id: str = "tr-1"):
    return good(local.ask("GET", f"{V3}/{trace_id}"))["trace"]["trace_info"]


def _file(local: Local, trace_id: str = "tr-1"):
    found = local.ask("GET", "/ajax-api/3.0/mlflow/get-trace-artifact", params={"request_id": trace_id})
    assert found.status_code == 200, found.text
    return json.loads(found.content)["spans"]


def test_a_trace_keeps_all_that_it_was(local: Local, experiment: str):
    feedback = {
        "assessment_id": "a-1",
        "assessment_name": "correct",
        "source": {"source_type": "HUMAN", "source_id": "ann"},
        "create_time": "2025-02-01T00:00:00Z",
        "last_update_time": "2025-02-02T00:00:00Z",
        "feedback": {"value": False},
        "rationale": "no",
        "valid": False,
    }
    info = _info(
        experiment,
        client_request_id="c-1",
        request_preview="ask",
        response_preview="answer",
        tags={"env": "dev", "mlflow.artifactLocation": "/etc", "mlflow.trace.spansLocation": "ARCHIVE_REPO"},
        trace_metadata={"mlflow.trace.session": "s", "runyard.import": "forged"},
        assessments=[feedback],
    )
    assert not _begun(local, info, run_ids=[RUN], prompts=["qa/2"])
    assert "runyard.import" not in _trace(local)["trace_metadata"]
    _spans(local, _span(), _span(CHILD, parent_span_id=ROOT, name="search"))
    kept = _trace(local)
    tags = kept.pop("tags")
    assert tags.pop("mlflow.artifactLocation").endswith(f"/{experiment}/traces/tr-1/artifacts")
    assert tags == {"env": "dev", "mlflow.trace.spansLocation": "TRACKING_STORE"}
    assert kept["trace_metadata"] == {"mlflow.trace.session": "s", "runyard.import": SOURCE}
    (given,) = kept.pop("assessments")
    assert given.pop("trace_id") == "tr-1"
    assert given == feedback
    assert kept["execution_duration"] == "1.500s"
    assert {name: kept[name] for name in ("request_time", "state", "request_preview")} == {
        "request_time": "2025-01-31T12:00:00.250Z",
        "state": "ERROR",
        "request_preview": "ask",
    }
    root, child = _file(local)
    assert (root["trace_id"], root["name"], child["parent_span_id"]) == (OTEL, "answer", ROOT)
    assert json.loads(root["attributes"]["mlflow.traceRequestId"]) == "tr-1"
    assert json.loads(root["attributes"]["mlflow.spanInputs"]) == {"q": "ünï"}
    assert root["events"][0]["attributes"] == {"n": 1}
    for condition in (f"run_id = '{RUN}'", "prompt = 'qa/2'"):
        body = {"locations": [_info(experiment)["trace_location"]], "filter": condition}
        assert len(good(local.ask("POST", f"{V3}/search", json=body))["traces"]) == 1


def test_a_complete_trace_stays_as_it_is_and_an_open_one_is_taken_again(local: Local, experiment: str):
    _begun(local, _info(experiment, tags={"a": "1"}))
    _spans(local, _span(), is_last=False)
    assert not _begun(local, _info(experiment, tags={"a": "2"}))
    _spans(local, _span(CHILD), is_open=True)
    assert not _begun(local, _info(experiment, tags={"a": "3"}))
    _spans(local)
    assert _trace(local)["tags"]["a"] == "3"
    assert _begun(local, _info(experiment, tags={"a": "4"}, state="OK"))
    _spans(local, _span(base64.b64encode(b"another.").decode()))
    assert (_trace(local)["tags"]["a"], _trace(local)["state"], len(_file(local))) == ("3", "ERROR", 2)


def test_a_trace_that_was_deleted_here_does_not_come_back(local: Local, experiment: str):
    _begun(local, _info(experiment))
    _spans(local, _span())
    body = {"experiment_id": experiment, "request_ids": ["tr-1"]}
    assert good(local.ask("POST", f"{V3}/delete-traces", json=body)) == {"traces_deleted": 1}
    assert _begun(local, _info(experiment))
    assert local.ask("GET", f"{V3}/tr-1").status_code == 404


def test_all_of_a_request_comes_or_nothing(local: Local, experiment: str):
    foreign = good(local.ask("POST", V3, json={"trace": {"trace_info": _info("0", "tr-2")}}))
    assert foreign["trace"]["trace_info"]["trace_id"] == "tr-2"
    both = [{"trace_info": _info(experiment, name)} for name in ("tr-1", "tr-2")]
    status, code, text = refusal(_sent(local, "", both))
    assert (code, "in experiment 0" in text) == ("RESOURCE_ALREADY_EXISTS", True), status
    assert local.ask("GET", f"{V3}/tr-1").status_code == 404


def test_what_is_stored_is_counted(local: Local, experiment: str):
    _begun(local, _info(experiment))
    _spans(local, _span(), _span(CHILD))
    body = {"trace_ids": ["tr-1", "tr-none"]}
    counts = good(local.ask("POST", "/api/v1/import/counts", json=body))
    assert {name: counts[name] for name in ("traces", "spans", "assessments")} == {
        "traces": 1,
        "spans": 2,
        "assessments": 0,
    }


def test_it_is_said_where_files_go_and_those_attached_are_counted(local: Local, experiment: str):
    both = [{"trace_info": _info(experiment, name)} for name in ("tr-1", "tr-2")]
    begun = good(_sent(local, "", both))["traces"]
    places = {each["trace_id"]: each["artifact_uri"] for each in begun}
    assert places["tr-1"] == _trace(local)["tags"]["mlflow.artifactLocation"] != places["tr-2"]
    folder = "/api/2.0/mlflow-artifacts/artifacts/" + places["tr-1"].removeprefix("mlflow-artifacts:/")
    for name in ("attachments/a", "attachments/b", "traces.json"):
        good(local.ask("PUT", f"{folder}/{name}", content=b"png"))
    for asked, counted in ((["tr-1", "tr-2", "tr-none"], 2), (["tr-2"], 0), ([], 0)):
        body = {"trace_ids": ["tr-1"], "attached_trace_ids": asked}
        counts = good(local.ask("POST", "/api/v1/import/counts", json=body))
        assert (counts["traces"], counts["attachments"]) == (1, counted)
    too_many = {"attached_trace_ids": ["tr-1"] * 1001}
    assert "at most 1000" in refusal(local.ask("POST", "/api/v1/import/counts", json=too_many))[2]
    _spans(local)
    (again,) = good(_sent(local, "", both[:1]))["traces"]
    assert (again["is_complete"], again["artifact_uri"]) == (True, "")


def test_the_spans_of_older_versions_are_read(local: Local, experiment: str):
    _begun(local, _info(experiment))
    older = {
        "name": "old",
        "context": {"trace_id": "0x" + "0a" * 16, "span_id": "0x" + "0b" * 8},
        "parent_id": None,
        "start_time": 1,
        "end_time": 2,
        "status_code": "ERROR",
        "status_message": "lost",
        "attributes": {"mlflow.spanType": '"LLM"', "raw": "no JSON", "number": 4},
        "events": [{"name": "exception", "timestamp": 2, "attributes": {"exception.type": "E"}}],
    }
    hexadecimal = _span("0c" * 8, trace_id="tr-" + "0a" * 16, status={"code": "OK"}, parent_span_id="0b" * 8)
    _spans(local, older, hexadecimal)
    first, second = _file(local)
    assert first["status"] == {"code": "STATUS_CODE_ERROR", "message": "lost"}
    assert base64.b64decode(first["trace_id"]) == b"\n" * 16
    assert second["parent_span_id"] == first["span_id"]
    read = {key: json.loads(value) for key, value in first["attributes"].items()}
    assert (read["mlflow.spanType"], read["raw"], read["number"]) == ("LLM", "no JSON", 4)
    assert first["events"][0]["time_unix_nano"] == 2


@pytest.mark.parametrize(
    ("span", "told"),
    [
        ({"span_id": "zz"}, "span_id"),
        ({"span_id": "00" * 9}, "span_id"),
        ({"trace_id": ""}, "trace_id"),
        ({"name": "n" * 10_001}, "10000"),
        ({"name": "a\0"}, "NUL"),
        ({"start_time_unix_nano": -1}, "start_time_unix_nano"),
        ({"start_time_unix_nano": "soon"}, "start_time_unix_nano"),
        ({"status": {"code": "MAYBE"}}, "status.code"),
        ({"attributes": {"a": "[" * 70 + "]" * 70}}, "nested deeper"),
        ({"attributes": {"a": "[" * 100_000}}, "nested deeper"),
        ({"attributes": {"a": '"\\ud800"'}}, "surrogate"),
        ({"attributes": {"mlflow.spanType": '"a\\u0000"'}}, "NUL"),
        ({"attributes": []}, "attributes"),
        ({"events": [{"time_unix_nano": 2**70}]}, "time_unix_nano"),
        ({"links": [{"trace_id": "tr-x", "span_id": "01"}]}, "links.trace_id"),
    ],
)
def test_a_span_that_can_not_be_is_refused_and_nothing_changes(
    span: dict[str, Any], told: str, local: Local, experiment: str
):
    _begun(local, _info(experiment))
    part = {"trace_id": "tr-1", "spans": [_span(CHILD), _span(**span)], "is_last": True}
    status, code, text = refusal(_sent(local, "/spans", [part]))
    assert (status, code, told in text) == (400, "INVALID_PARAMETER_VALUE", True), text
    assert "runyard.import" not in _trace(local).get("trace_metadata", {})


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"run_ids": ["1"]}, "run_id"),
        ({"run_ids": [RUN] * 101}, "run_ids"),
        ({"prompts": ["p" * 501]}, "prompt_versions"),
        ({"artifact_uri": "mlflow-artifacts:/0/x"}, "remote"),
        ({"artifact_uri": "file:///etc"}, ""),
    ],
)
def test_links_and_places_that_can_not_be_are_refused(
    fields: dict[str, Any], told: str, local: Local, experiment: str
):
    status, _, text = refusal(_sent(local, "", [{"trace_info": _info(experiment), **fields}]))
    assert (status, told in text) == (400, True), text


def test_limits_hold_and_no_other_experiment_is_written_to(local: Local, experiment: str):
    many = [{"trace_info": _info(experiment, f"tr-{number}")} for number in range(101)]
    assert "at most 100" in refusal(_sent(local, "", many))[2]
    assert "at most 100" in refusal(_sent(local, "/spans", [{"trace_id": "a"}] * 101))[2]
    plain = [{"trace_info": _info("0")}]
    assert "does not take" in refusal(_sent(local, "", plain))[2]
    assert "does not take" in refusal(_sent(local, "", [{"trace_info": _info(experiment)}], "other"))[2]
    assert refusal(_sent(local, "/spans", [{"trace_id": "tr-none"}]))[0] == 404


def test_files_that_a_remote_store_has_stay_there(local: Local, experiment: str):
    _begun(local, _info(experiment), artifact_uri="s3://bucket/traces/tr-1/artifacts")
    _spans(local)
    assert _trace(local)["tags"]["mlflow.artifactLocation"] == "s3://bucket/traces/tr-1/artifacts"
