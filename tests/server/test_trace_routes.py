"""MLflow's routes about traces, over HTTP in this process, on each engine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.server.local import Local, good, refusal

BASE = "/api/3.0/mlflow/traces"
TRACE_ID = "tr-" + "0a" * 16
NO_JSON = {"serialization_format": "JSON_FORMAT", "value": "{"}


class Traces:
    """A server on loopback with an experiment, and short ways to ask about traces."""

    def __init__(self, local: Local) -> None:
        self.local = local
        self.experiment_id = local.experiment()

    def told(self, trace_id: str = TRACE_ID, **fields: Any) -> dict[str, Any]:
        location = {"mlflow_experiment": {"experiment_id": self.experiment_id}}
        return {"trace": {"trace_info": {"trace_id": trace_id, "trace_location": location, **fields}}}

    def start(self, trace_id: str = TRACE_ID, **fields: Any) -> Any:
        return self.ok("POST", BASE, json=self.told(trace_id, **fields))["trace"]["trace_info"]

    def export(self, *spans: dict[str, Any], resource: dict[str, str] | None = None, **headers: str) -> Any:
        said = [{"key": key, "value": {"stringValue": value}} for key, value in (resource or {}).items()]
        body = {"resourceSpans": [{"resource": {"attributes": said}, "scopeSpans": [{"spans": list(spans)}]}]}
        headers = {"x-mlflow-experiment-id": self.experiment_id, **headers}
        return self.local.ask("POST", "/v1/traces", headers=headers, json=body)

    def ok(self, method: str, path: str, **sent: Any) -> Any:
        return good(self.local.ask(method, path, **sent))

    def refused(self, method: str, path: str, **sent: Any) -> tuple[int, str, str]:
        return refusal(self.local.ask(method, path, **sent))

    def info(self, trace_id: str = TRACE_ID) -> Any:
        return self.ok("GET", f"{BASE}/{trace_id}")["trace"]["trace_info"]

    def search(self, **body: Any) -> list[str]:
        locations = [{"mlflow_experiment": {"experiment_id": self.experiment_id}}]
        found = self.ok("POST", f"{BASE}/search", json={"locations": locations, **body})
        return [each["trace_id"] for each in found.get("traces", [])]

    def assess(self, **assessment: Any) -> Any:
        given = {"assessment_name": "correct", "feedback": {"value": True}, **assessment}
        path = f"{BASE}/{TRACE_ID}/assessments"
        return self.ok("POST", path, json={"assessment": given})["assessment"]


def span(**fields: Any) -> dict[str, Any]:
    usual = {"traceId": "0a" * 16, "spanId": "01" * 8, "name": "root"}
    return {**usual, "startTimeUnixNano": "1000000000", "endTimeUnixNano": "3500000000", **fields}


def attribute(key: str, value: Any) -> dict[str, Any]:
    kind = {str: "stringValue", int: "intValue", float: "doubleValue", bool: "boolValue"}[type(value)]
    return {"key": key, "value": {kind: value}}


@pytest.fixture
def traces(local_on_each_engine: Local) -> Traces:
    return Traces(local_on_each_engine)


def test_a_trace_is_answered_as_it_was_told(traces: Traces):
    told: dict[str, Any] = {
        "client_request_id": "c-1",
        "request_preview": "ask",
        "response_preview": "",
        "request_time": "2025-01-31T12:00:00.250Z",
        "execution_duration": "1.500s",
        "state": "ERROR",
        "trace_metadata": {"m": "x"},
        "tags": {"t": "y"},
        "assessments": [{"assessment_name": "score", "feedback": {"value": 0.5}}],
    }
    answered = traces.start(**told)
    (given,) = answered.pop("assessments")
    assert given["feedback"] == {"value": 0.5}
    assert given["trace_id"] == TRACE_ID
    del told["assessments"]
    folder = f"mlflow-artifacts:/{traces.experiment_id}"
    assert answered == {
        **told,
        "trace_id": TRACE_ID,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": traces.experiment_id},
        },
        "trace_metadata": {"m": "x", "mlflow.trace.infoFinalized": "true"},
        "tags": {
            "t": "y",
            "mlflow.artifactLocation": f"{folder}/traces/{TRACE_ID}/artifacts",
        },
    }
    again = traces.info()
    assert again.pop("assessments") == [given]
    assert again == answered


def test_a_trace_that_is_told_of_twice_is_one(traces: Traces):
    traces.start(tags={"a": "1", "b": "1"}, request_preview="first", state="IN_PROGRESS")
    told = traces.start(tags={"b": "2"}, state="OK")
    assert (told["tags"]["a"], told["tags"]["b"], told["state"]) == ("1", "2", "OK")
    assert told["request_preview"] == "first"
    assert traces.search() == [TRACE_ID]


def test_spans_before_their_trace_make_one_that_tells_what_they_tell(traces: Traces):
    usage = '{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}'
    child = span(
        spanId="02" * 8,
        parentSpanId="01" * 8,
        name="child",
        startTimeUnixNano="500000000",
        attributes=[attribute("mlflow.chat.tokenUsage", usage)],
    )
    assert traces.export(child, resource={"service.name": "shop"}).status_code == 200
    begun = traces.info()
    assert (begun["state"], begun["request_time"]) == ("IN_PROGRESS", "1970-01-01T00:00:00.500Z")
    assert json.loads(begun["trace_metadata"]["mlflow.trace.tokenUsage"])["total_tokens"] == 7
    root = span(
        status={"code": 2, "message": "bad"},
        attributes=[
            attribute("mlflow.spanInputs", "why"),
            attribute("session.id", "s"),
            attribute("mlflow.traceTag.color", "red"),
            attribute("mlflow.chat.tokenUsage", usage),
        ],
    )
    assert traces.export(root).status_code == 200
    whole = traces.info()
    assert (whole["state"], whole["execution_duration"]) == ("ERROR", "3s")
    assert whole["request_preview"] == '"why"'
    assert whole["tags"]["service.name"] == "shop"
    assert whole["tags"]["color"] == "red"
    assert whole["trace_metadata"]["mlflow.trace.session"] == "s"
    # The root tells of its child's tokens too.
    assert json.loads(whole["trace_metadata"]["mlflow.trace.tokenUsage"])["total_tokens"] == 7
    answer = traces.ok("GET", f"{BASE}/get", params={"trace_id": TRACE_ID})
    assert [each["name"] for each in answer["trace"]["spans"]] == ["root", "child"]


def test_a_trace_that_was_told_of_as_a_whole_stays_so(traces: Traces):
    traces.start(request_time="1970-01-01T00:00:09Z", execution_duration="1s", state="OK")
    traces.export(span(status={"code": 2}))
    told = traces.info()
    assert (told["request_time"], told["execution_duration"], told["state"]) == (
        "1970-01-01T00:00:09Z",
        "1s",
        "OK",
    )


def test_a_trace_whose_spans_have_not_all_come_is_not_whole(traces: Traces):
    traces.start(trace_metadata={"mlflow.trace.sizeStats": '{"num_spans": 2}'})
    traces.export(span())
    asked = {"trace_id": TRACE_ID}
    status, code, message = traces.refused("GET", f"{BASE}/get", params=asked)
    assert (status, code) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert "not fully exported yet" in message
    assert traces.ok("GET", f"{BASE}/batchGet", params={"trace_ids": [TRACE_ID]}) == {}
    partly = traces.ok("GET", f"{BASE}/get", params={**asked, "allow_partial": "true"})
    assert len(partly["trace"]["spans"]) == 1
    traces.export(span(spanId="02" * 8, parentSpanId="01" * 8))
    assert len(traces.ok("GET", f"{BASE}/batchGet", params={"trace_ids": [TRACE_ID]})["traces"]) == 1


def test_batches_leave_out_what_is_not_there_or_in_another_experiment(traces: Traces):
    traces.start("tr-1")
    traces.start("tr-2")
    body: dict[str, Any] = {"trace_ids": ["tr-2", "none", "tr-1"]}
    found = traces.ok("POST", f"{BASE}/batchGetInfos", json=body)["trace_infos"]
    assert [each["trace_id"] for each in found] == ["tr-2", "tr-1"]
    other = traces.local.experiment("other")
    assert traces.ok("POST", f"{BASE}/batchGetInfos", json={**body, "experiment_ids": [other]}) == {}
    assert traces.refused("POST", f"{BASE}/batchGetInfos", json={"trace_ids": ["x"] * 10_001})[0] == 400


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_the_spans_of_a_trace_are_a_file(traces: Traces, version: str):
    traces.export(span(attributes=[attribute("k", "é")]))
    path = f"/ajax-api/{version}/mlflow/get-trace-artifact"
    answer = traces.local.ask("GET", path, params={"request_id": TRACE_ID})
    assert answer.headers["content-disposition"] == "attachment; filename=traces.json"
    (kept,) = answer.json()["spans"]
    assert kept["attributes"] == {"k": '"é"', "mlflow.traceRequestId": f'"{TRACE_ID}"'}
    assert traces.refused("GET", path)[0] == 400
    assert traces.refused("GET", path, params={"request_id": "none"})[0] == 404


def test_a_file_that_a_client_uploaded_is_sent_and_no_other(traces: Traces):
    told = traces.start(tags={"mlflow.artifactLocation": "mlflow-artifacts:/elsewhere"})
    uri = told["tags"]["mlflow.artifactLocation"]
    assert "elsewhere" not in uri
    traces.ok("PATCH", f"{BASE}/{TRACE_ID}/tags", json={"key": "mlflow.artifactLocation", "value": "../.."})
    put = "/api/2.0/mlflow-artifacts/artifacts/" + uri.removeprefix("mlflow-artifacts:/")
    for name, content in (("traces.json", b'{"spans": []}'), ("attachments/a.png", b"png")):
        traces.ok("PUT", f"{put}/{name}", content=content)
    path = "/ajax-api/3.0/mlflow/get-trace-artifact"
    assert traces.local.ask("GET", path, params={"request_id": TRACE_ID}).content == b'{"spans": []}'
    attached = traces.local.ask("GET", path, params={"request_id": TRACE_ID, "path": "a.png"})
    assert attached.content == b"png"
    for hostile in ("../traces.json", "..%2ftraces.json", "/etc/passwd"):
        assert traces.refused("GET", path, params={"request_id": TRACE_ID, "path": hostile})[0] in (400, 404)


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_tags_are_set_and_deleted(traces: Traces, version: str):
    traces.start()
    path = f"/api/{version}/mlflow/traces/{TRACE_ID}/tags"
    traces.ok("PATCH", path, json={"key": "a", "value": "b"})
    assert traces.info()["tags"]["a"] == "b"
    traces.ok("DELETE", path, params={"key": "a"})
    assert traces.refused("DELETE", path, params={"key": "a"})[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    for key in ("", "k" * 251, "a\nb", "mlflow.trace.spansLocation"):
        assert traces.refused("PATCH", path, json={"key": key, "value": "v"})[0] == 400
    assert traces.refused("PATCH", path, json={"key": "k", "value": "v" * 65_536})[0] == 400


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "Either `max_timestamp_millis` or `trace_ids` must be specified"),
        ({"max_timestamp_millis": 1, "request_ids": ["a"]}, "Only one of"),
        ({"request_ids": ["a"], "max_traces": 1}, "`max_traces` can't be specified"),
        ({"max_timestamp_millis": 1, "max_traces": 0}, "`max_traces` must be a positive integer"),
        ({"request_ids": ["x"] * 10_001}, "at most 10000"),
    ],
)
def test_a_deletion_must_say_what_it_means(traces: Traces, body: dict[str, Any], why: str):
    traces.start("a")
    asked = {"experiment_id": traces.experiment_id, **body}
    status, _, message = traces.refused("POST", f"{BASE}/delete-traces", json=asked)
    assert status == 400
    assert why in message
    assert traces.search() == ["a"]


def test_traces_are_deleted_and_an_upload_on_its_way_is_refused(traces: Traces):
    for number in range(3):
        traces.start(f"tr-{number}", request_time=f"1970-01-01T00:00:0{number}Z")
    deleted = {"experiment_id": traces.experiment_id, "max_timestamp_millis": 1_000, "max_traces": 1}
    assert traces.ok("POST", f"{BASE}/delete-traces", json=deleted) == {"traces_deleted": 1}
    assert traces.search() == ["tr-2", "tr-1"]
    path = f"/api/2.0/mlflow-artifacts/artifacts/{traces.experiment_id}/traces/tr-0/artifacts/traces.json"
    assert traces.local.ask("PUT", path, content=b"late").status_code >= 400


def test_an_assessment_is_changed_as_the_mask_says(traces: Traces):
    traces.start()
    given = traces.assess(
        rationale="so", metadata={"a": "1"}, source={"source_type": "HUMAN", "source_id": "x"}
    )
    path = f"{BASE}/{TRACE_ID}/assessments/{given['assessment_id']}"
    change = {
        "assessment_name": "renamed",
        "feedback": {"value": [1, None]},
        "metadata": {"b": "2"},
        "rationale": "no",
    }
    body = {"assessment": change, "update_mask": "assessmentName,feedback,metadata"}
    changed = traces.ok("PATCH", path, json=body)["assessment"]
    assert (changed["assessment_name"], changed["feedback"]) == ("renamed", {"value": [1, None]})
    assert (changed["metadata"], changed["rationale"]) == ({"a": "1", "b": "2"}, "so")
    assert traces.ok("GET", path)["assessment"] == changed
    wrong = {"assessment": {"expectation": {"value": 1}}, "update_mask": "expectation"}
    assert "Cannot update expectation value on a Feedback" in traces.refused("PATCH", path, json=wrong)[2]
    unknown = {"assessment": {}, "update_mask": "source"}
    assert traces.refused("PATCH", path, json=unknown)[0] == 400
    traces.ok("DELETE", path)
    traces.ok("DELETE", path)
    assert traces.refused("GET", path)[0] == 404


def test_what_overrides_counts_in_the_others_place_until_it_goes(traces: Traces):
    traces.start()
    first = traces.assess()
    second = traces.assess(feedback={"value": False}, overrides=first["assessment_id"])
    validity = {each["assessment_id"]: each["valid"] for each in traces.info()["assessments"]}
    assert validity == {first["assessment_id"]: False, second["assessment_id"]: True}
    assert traces.search(filter="feedback.correct = 'true'") == []
    traces.ok("DELETE", f"{BASE}/{TRACE_ID}/assessments/{second['assessment_id']}")
    assert traces.search(filter="feedback.correct = 'true'") == [TRACE_ID]


@pytest.mark.parametrize(
    "assessment",
    [
        {"feedback": None},
        {"expectation": {"value": 1}},
        {"assessment_name": ""},
        {"assessment_name": "n" * 501},
        {"source": {"source_type": "ROBOT"}},
        {"metadata": {"k": "v" * 65_536}},
        {"create_time": "yesterday"},
        {"feedback": {"value": json.loads("[" * 70 + "]" * 70)}},
        {"feedback": None, "expectation": {"serialized_value": {"serialization_format": "X"}}},
        {"feedback": None, "expectation": {"serialized_value": {**NO_JSON}}},
    ],
)
def test_an_assessment_that_can_not_be_is_refused(traces: Traces, assessment: dict[str, Any]):
    traces.start()
    given = {"assessment_name": "correct", "feedback": {"value": True}, **assessment}
    path = f"{BASE}/{TRACE_ID}/assessments"
    assert traces.refused("POST", path, json={"assessment": given})[0] == 400
    assert "assessments" not in traces.info()


@pytest.mark.parametrize(
    "fields",
    [
        {"trace_id": "../x"},
        {"trace_id": "t" * 201},
        {"request_time": "2025-02-30T00:00:00Z"},
        {"request_time": "1969-12-31T00:00:00Z"},
        {"execution_duration": "soon"},
        {"state": "DONE"},
        {"tags": {"k" * 251: "v"}},
        {"trace_metadata": {"": "v"}},
        {"tags": {f"k{number}": "v" for number in range(1_001)}},
        {"request_preview": "x" * 65_536},
    ],
)
def test_a_trace_that_can_not_be_is_refused(traces: Traces, fields: dict[str, Any]):
    assert traces.refused("POST", BASE, json=traces.told(**{"trace_id": TRACE_ID, **fields}))[0] == 400
    assert traces.search() == []


def test_a_page_is_bounded_and_its_token_read_with_care(traces: Traces):
    for size in (0, 501):
        body = {"locations": [{"mlflow_experiment": {"experiment_id": "0"}}], "max_results": size}
        assert traces.refused("POST", f"{BASE}/search", json=body)[0] == 400
    token = {"locations": [{"mlflow_experiment": {"experiment_id": "0"}}], "page_token": "zzz"}
    assert traces.refused("POST", f"{BASE}/search", json=token)[0] == 400


def test_a_search_names_its_experiments_and_finds_nothing_in_none(traces: Traces):
    traces.start()
    assert traces.ok("POST", f"{BASE}/search", json={"locations": []}) == {}
    assert traces.refused("POST", f"{BASE}/search", json={})[0] == 400


def test_an_experiment_that_is_gone_for_good_takes_its_traces(traces: Traces):
    traces.start()
    traces.export(span())
    traces.assess()
    traces.local.post("/experiments/delete", experiment_id=traces.experiment_id)
    assert traces.refused("POST", BASE, json=traces.told("tr-2"))[0] == 400
    for _ in range(10):
        traces.ok("POST", "/api/v1/trash/collect", json={})
    assert traces.refused("GET", f"{BASE}/{TRACE_ID}")[0] == 404
    with traces.local.stores.database.reading() as connection:
        for table in ("traces", "spans", "assessments", "trace_tags"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0


def test_a_trace_is_linked_to_a_run_and_to_prompts(traces: Traces):
    traces.start()
    run_id = traces.local.run(traces.experiment_id)
    link = {"trace_ids": [TRACE_ID, "none"], "run_id": run_id}
    traces.ok("POST", "/api/2.0/mlflow/traces/link-to-run", json=link)
    assert traces.search(filter=f"run_id = '{run_id}'") == [TRACE_ID]
    many = {"trace_ids": ["t"] * 101, "run_id": run_id}
    assert (
        "more than 100 traces" in traces.refused("POST", "/api/2.0/mlflow/traces/link-to-run", json=many)[2]
    )
    prompts = {"trace_id": TRACE_ID, "prompt_versions": [{"name": "qa", "version": "1"}]}
    traces.ok("POST", "/api/2.0/mlflow/traces/link-prompts", json=prompts)
    assert traces.search(filter="prompt = 'qa/1'") == [TRACE_ID]


def test_filters_that_nothing_holds_for_have_counts_and_no_measure(traces: Traces):
    traces.start("tr-1", tags={"a": "1"})
    traces.start("tr-2", tags={"a": "1", "b": "1"})
    asked = {"experiment_ids": [traces.experiment_id], "filter_string1": "tags.a = '1'"}

    def correlated(second: str) -> Any:
        return traces.ok(
            "POST", f"{BASE}/calculate-filter-correlation", json={**asked, "filter_string2": second}
        )

    counts = {"filter1_count": 2, "filter2_count": 0, "joint_count": 0, "total_count": 2}
    assert correlated("tags.b = '2'") == counts
    same = correlated("tags.a = '1'")
    assert (same["npmi"], same["filter2_count"]) == (1.0, 2)


@pytest.mark.parametrize("body", [{}, {"timestamp_ms": 5}, {"timestamp_ms": 5, "status": 0}])
def test_an_end_without_a_state_is_refused_and_changes_nothing(traces: Traces, body: dict[str, Any]):
    path = "/api/2.0/mlflow/traces"
    begun = traces.ok("POST", path, json={"experiment_id": traces.experiment_id, "timestamp_ms": 3})
    trace_id = begun["trace_info"]["request_id"]
    status, _, message = traces.refused("PATCH", f"{path}/{trace_id}", json=body)
    assert status == 400
    assert "Missing value for required parameter 'status'" in message
    assert traces.ok("GET", f"{path}/{trace_id}/info") == begun


@pytest.mark.parametrize("feedback", [{}, {"value": None}])
def test_feedback_that_is_nothing_is_told_as_null(traces: Traces, feedback: dict[str, Any]):
    traces.start()
    assert traces.assess(feedback=feedback)["feedback"] == {"value": None}
    assert traces.info()["assessments"][0]["feedback"] == {"value": None}
