"""Who may see and change which traces, and what spans the wall lets through."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from runyard.settings import Mode
from tests.server.team import Team

ALPHA = "/workspaces/alpha"
BASE = f"{ALPHA}/api/3.0/mlflow/traces"
FILES = f"{ALPHA}/ajax-api/3.0/mlflow/get-trace-artifact"
PROTOBUF = {"content-type": "application/x-protobuf"}


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    team = Team(tmp_path / "home", max_body_bytes=100_000)
    yield team
    team.close()


@pytest.fixture
def seen(team: Team) -> str:
    return new_experiment(team, "seen")


@pytest.fixture
def hidden(team: Team) -> str:
    return new_experiment(team, "hidden")


@pytest.fixture
def reader(team: Team, seen: str, hidden: str) -> str:
    """The key of somebody who reads and writes in one experiment alone; each has a trace."""
    for experiment_id, trace_id in ((seen, "tr-seen"), (hidden, "tr-hidden")):
        assert start(team, team.admin_key, experiment_id, trace_id) == 200
    key = team.person("carl")
    team.grant("carl", "contributor", "alpha", seen)
    return key


def new_experiment(team: Team, name: str) -> str:
    answer = team.ask(
        "POST", f"{ALPHA}/api/2.0/mlflow/experiments/create", {"name": name}, key=team.admin_key
    )
    return str(answer.json()["experiment_id"])


def start(team: Team, key: str, experiment_id: str, trace_id: str) -> int:
    location = {"mlflow_experiment": {"experiment_id": experiment_id}}
    told = {"trace_info": {"trace_id": trace_id, "trace_location": location}}
    return team.ask("POST", BASE, {"trace": told}, key=key).status_code


def exported(trace_id: bytes = b"\1" * 16, name: str = "root", note: str = "") -> bytes:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = trace_id, b"\2" * 8, name
    span.start_time_unix_nano = 10**9
    if note:
        attribute = span.attributes.add()
        attribute.key, attribute.value.string_value = "note", note
    return bytes(request.SerializeToString())


def export(team: Team, body: bytes, key: str | None = None, **headers: str) -> Any:
    sent = {**PROTOBUF, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return team.ask("POST", f"{ALPHA}/v1/traces", body, key=key or team.admin_key, headers=sent)


def test_s10_a_search_and_a_batch_hold_what_the_caller_may_see(team, reader, seen, hidden):
    locations = [{"mlflow_experiment": {"experiment_id": each}} for each in (seen, hidden)]
    found = team.ask("POST", f"{BASE}/search", {"locations": locations}, key=reader).json()
    assert [each["trace_id"] for each in found["traces"]] == ["tr-seen"]
    both = {"trace_ids": ["tr-hidden", "tr-seen"]}
    found = team.ask("POST", f"{BASE}/batchGetInfos", both, key=reader).json()
    assert [each["trace_id"] for each in found["trace_infos"]] == ["tr-seen"]
    counted = {
        "experiment_ids": [seen, hidden],
        "view_type": "TRACES",
        "metric_name": "trace_count",
        "aggregations": [{"aggregation_type": "COUNT"}],
    }
    points = team.ask("POST", f"{BASE}/metrics", counted, key=reader).json()["data_points"]
    assert points[0]["values"] == {"COUNT": 1.0}
    filters = {"filter_string1": "status = 'OK'", "filter_string2": "status = 'OK'"}
    correlated = {"experiment_ids": [seen, hidden], **filters}
    answer = team.ask("POST", f"{BASE}/calculate-filter-correlation", correlated, key=reader)
    assert answer.json()["total_count"] == 1


def test_s08_a_trace_of_another_experiment_looks_like_none(team, reader, hidden):
    answers = [
        [
            team.ask("GET", f"{BASE}/{trace_id}", key=reader),
            team.ask("GET", f"{BASE}/get", {"trace_id": trace_id}, key=reader),
            team.ask("PATCH", f"{BASE}/{trace_id}/tags", {"key": "a", "value": "b"}, key=reader),
            team.ask("GET", f"{FILES}?request_id={trace_id}", key=reader),
        ]
        for trace_id in ("tr-hidden", "tr-none")
    ]
    for mine, none in zip(*answers, strict=True):
        assert mine.status_code == none.status_code == 403
        assert mine.text == none.text
    doomed = {"experiment_id": hidden, "request_ids": ["tr-hidden"]}
    assert team.ask("POST", f"{BASE}/delete-traces", doomed, key=reader).status_code == 403


def test_s10_who_names_two_traces_must_reach_both(team, reader):
    answer = team.ask("GET", f"{FILES}?request_id=tr-seen&path=none.bin", key=reader)
    assert answer.status_code == 404  # what they reach is looked for
    for names in ("trace_id=tr-seen&request_id=tr-hidden", "trace_id=tr-hidden&request_id=tr-seen", "a=b"):
        assert team.ask("GET", f"{FILES}?{names}", key=reader).status_code == 403
        assert team.ask("GET", f"{FILES}?{names}&path=none.bin", key=reader).status_code == 403


def test_s09_spans_and_traces_go_only_where_their_sender_may_write(team, reader, seen, hidden):
    assert start(team, reader, seen, "tr-new") == 200
    assert start(team, reader, hidden, "tr-other") == 403
    # A trace that is there in another experiment is not taken over by naming one's own.
    assert start(team, reader, seen, "tr-hidden") == 403
    assert export(team, exported(), reader, x_mlflow_experiment_id=seen).status_code == 200
    assert export(team, exported(b"\3" * 16), reader, x_mlflow_experiment_id=hidden).status_code == 403
    theirs = exported(b"\4" * 16)
    assert export(team, theirs, x_mlflow_experiment_id=hidden).status_code == 200
    assert export(team, theirs, reader, x_mlflow_experiment_id=seen).status_code == 403
    info = team.ask("GET", f"{BASE}/tr-hidden", key=team.admin_key).json()["trace"]["trace_info"]
    assert info["trace_location"]["mlflow_experiment"]["experiment_id"] == hidden


def test_a_trace_is_linked_to_a_run_that_the_sender_may_write_to(team, reader, seen, hidden):
    body = {"experiment_id": hidden}
    made = team.ask("POST", f"{ALPHA}/api/2.0/mlflow/runs/create", body, key=team.admin_key)
    run = {"x_mlflow_experiment_id": seen, "x_mlflow_run_id": made.json()["run"]["info"]["run_id"]}
    assert export(team, exported(), reader, **run).status_code == 403
    unknown = {"x_mlflow_experiment_id": seen, "x_mlflow_run_id": "none"}
    assert export(team, exported(), reader, **unknown).status_code == 200


@pytest.mark.parametrize(
    ("encoding", "compressed"),
    [
        ("gzip", gzip.compress),
        ("GZIP", lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:])),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body)[2:-4]),
        ("identity", lambda body: body),
    ],
)
def test_spans_may_be_compressed(team, seen, encoding, compressed):
    body = compressed(exported())
    answer = export(team, body, content_encoding=encoding, x_mlflow_experiment_id=seen)
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["content-type"] == "application/x-protobuf"


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, exported(), 422),
        ({"x_mlflow_experiment_id": "1", "content_type": "text/plain"}, exported(), 400),
        ({"x_mlflow_experiment_id": "1", "content_encoding": "br"}, exported(), 400),
        ({"x_mlflow_experiment_id": "1", "content_encoding": "gzip"}, exported(), 400),
        ({"x_mlflow_experiment_id": "1", "content_encoding": "gzip"}, gzip.compress(exported())[:-9], 400),
        ({"x_mlflow_experiment_id": "1", "content_encoding": "gzip"}, gzip.compress(b"a" * 200_000), 413),
        ({"x_mlflow_experiment_id": "1"}, b"junk", 400),
        ({"x_mlflow_experiment_id": "1"}, b"", 400),
        ({"x_mlflow_experiment_id": "1"}, exported(b""), 422),
        ({"x_mlflow_experiment_id": "1"}, exported(b"1" * 17), 422),
        ({"x_mlflow_experiment_id": "1"}, exported(name="a\0b"), 422),
        ({"x_mlflow_experiment_id": "1"}, exported(name="n" * 10_001), 422),
        ({"x_mlflow_experiment_id": "99999"}, exported(), 404),
        ({"x_mlflow_experiment_id": "abc"}, exported(), 400),
        ({"x_mlflow_experiment_id": "1", "content_type": "application/json"}, b"[1]", 400),
        ({"x_mlflow_experiment_id": "1", "content_type": "application/json"}, b'{"resourceSpans": [1]}', 400),
        ({"x_mlflow_experiment_id": "1", "content_type": "application/json"}, b"[" * 50_000, 400),
    ],
    # Bytes make bad names, and gzip writes the time into them.
    ids=[
        "no experiment",
        "text",
        "unknown compression",
        "no gzip",
        "half a gzip",
        "a gzip of too much",
        "junk",
        "nothing",
        "no trace id",
        "a long trace id",
        "NUL",
        "a long name",
        "another experiment",
        "no experiment's id",
        "JSON of a list",
        "JSON of other things",
        "JSON too deep",
    ],
)
def test_s27_spans_that_can_not_be_kept_are_refused_whole(team, seen, headers, body, status):
    before = team.kept()
    if headers.get("x_mlflow_experiment_id") == "1":
        headers = {**headers, "x_mlflow_experiment_id": seen}
    assert export(team, body, **headers).status_code == status
    assert [row for row in team.kept() if "audit" not in row] == [row for row in before if "audit" not in row]


def test_a_text_with_nul_in_an_attribute_is_kept_as_it_came(team, seen):
    assert export(team, exported(note="a\0b"), x_mlflow_experiment_id=seen).status_code == 200
    path = f"{BASE}/get?trace_id=tr-{'01' * 16}"
    (span,) = team.ask("GET", path, key=team.admin_key).json()["trace"]["spans"]
    assert {"key": "note", "value": {"string_value": "a\0b"}} in span["attributes"]


def test_spans_as_json_are_answered_in_json(team, seen):
    span = {"traceId": "0a" * 16, "spanId": "01" * 8, "name": "n", "startTimeUnixNano": "1"}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    headers = {"content_type": "application/json; charset=utf-8", "x_mlflow_experiment_id": seen}
    answer = export(team, body, **headers)
    assert (answer.status_code, answer.json()) == (200, {})
    span["traceId"] = "xyz"
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    assert export(team, body, **headers).status_code == 400


def test_s27_a_few_bytes_do_not_become_a_million_objects(tmp_path: Path):
    """Compressed they are some thousands, and each two bytes that come out are an object for the parser."""
    team = Team(tmp_path / "home")
    sent = {"x_mlflow_experiment_id": new_experiment(team, "seen"), "content_encoding": "gzip"}
    as_json = b'{"resourceSpans":[{}' + b",{}" * 600_000 + b"]}"
    for content_type, body in (
        (PROTOBUF["content-type"], b"\x0a\0" * 600_000),
        ("application/json", as_json),
    ):
        answer = export(team, gzip.compress(body), content_type=content_type, **sent)
        assert (answer.status_code, "over 500000 parts" in answer.text) == (413, True)
    answer = export(team, gzip.compress(b"") * 100, **sent)
    assert (answer.status_code, "over 64 members" in answer.text) == (400, True)
    team.close()


def test_only_the_address_of_spans_takes_what_is_compressed(team):
    answer = team.ask(
        "POST",
        f"{BASE}/search",
        gzip.compress(b"{}"),
        key=team.admin_key,
        headers={"content-type": "application/json", "content-encoding": "gzip"},
    )
    assert answer.status_code == 400
    assert "Content-Encoding" in answer.json()["message"]


def test_on_up_the_owner_needs_no_credential(tmp_path: Path):
    team = Team.__new__(Team)
    team._open(tmp_path / "up", Mode.UP)
    sent = {**PROTOBUF, "x-mlflow-experiment-id": "0"}
    answer = team.ask("POST", "/v1/traces", exported(), headers=sent)
    assert answer.status_code == 200
    team.close()
