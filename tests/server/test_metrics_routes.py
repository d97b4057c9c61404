"""Routes that read metrics: whole histories, samples, and the lines of charts."""

from __future__ import annotations

import math

import pytest

from runyard.entities.metric import Point
from runyard.testing.metric_oracle import tiles
from tests.server.local import BASE, Local, good, refusal

INVALID = "INVALID_PARAMETER_VALUE"
UNKNOWN = "f" * 32
BULK = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
INTERVAL = BASE + "/metrics/get-history-bulk-interval"
SERIES = "/api/v1/series"


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


@pytest.fixture
def logged(local: Local) -> tuple[Local, str]:
    """A run with seven points, two of them no numbers, whose times go against their steps."""
    run_id = local.run(start_time=1000)
    points = [(float(step), 10 - step, step) for step in range(5)] + [("NaN", 3, 3), ("Infinity", 3, 3)]
    metrics = [{"key": "h", "value": v, "timestamp": t, "step": s} for v, t, s in points]
    local.post("/runs/log-batch", run_id=run_id, metrics=metrics)
    return local, run_id


def values(answer):
    return [metric["value"] for metric in answer.get("metrics", [])]


def test_a_history_is_in_order_of_time_step_and_value(logged: tuple[Local, str]):
    local, run_id = logged
    history = local.get("/metrics/get-history", run_id=run_id, metric_key="h")
    assert values(history) == ["NaN", "Infinity", 4.0, 3.0, 2.0, 1.0, 0.0]
    assert history["metrics"][2] == {"key": "h", "value": 4.0, "timestamp": 6, "step": 4}
    assert "next_page_token" not in history
    assert local.get("/metrics/get-history", run_uuid=run_id, metric_key="h") == history


def test_a_history_pages_to_the_end(logged: tuple[Local, str]):
    local, run_id = logged
    asked = {"run_id": run_id, "metric_key": "h"}
    whole, found, token = values(local.get("/metrics/get-history", **asked)), [], ""
    for _page in range(10):
        answer = local.get(
            "/metrics/get-history", **asked, max_results=3, **({"page_token": token} if token else {})
        )
        found += values(answer)
        token = answer.get("next_page_token")
        if not token:
            break
    assert found == whole


def test_a_history_that_does_not_exist_is_empty(logged: tuple[Local, str]):
    local, run_id = logged
    assert local.get("/metrics/get-history", run_id=run_id, metric_key="none") == {}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"run_id": None}, "Missing value for required parameter 'run_id'."),
        ({"metric_key": None}, "Missing value for required parameter 'metric_key'."),
        (
            {"max_results": 0},
            "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer.",
        ),
        ({"max_results": -1}, "Invalid value -1 for parameter 'max_results' supplied."),
        ({"max_results": "x"}, "Invalid value \"x\" for parameter 'max_results' supplied"),
        ({"page_token": "x"}, "Invalid page token, could not base64-decode"),
    ],
)
def test_a_bad_question_for_a_history_is_refused(logged: tuple[Local, str], query: dict, message: str):
    local, run_id = logged
    asked = {"run_id": run_id, "metric_key": "h", **query}
    given = {name: value for name, value in asked.items() if value is not None}
    status, code, text = local.refused_get("/metrics/get-history", **given)
    assert (status, code) == (400, INVALID)
    assert message in text


def test_histories_of_several_runs_come_by_run(logged: tuple[Local, str]):
    local, run_id = logged
    other = local.run()
    local.post("/runs/log-metric", run_id=other, key="h", value=9, timestamp=1)
    asked = {"run_id": [run_id, other], "metric_key": "h"}
    metrics = good(local.ask("GET", BULK, params=asked))["metrics"]
    by_run = {
        each: [metric["value"] for metric in metrics if metric["run_id"] == each] for each in (run_id, other)
    }
    assert by_run == {run_id: ["NaN", "Infinity", 4.0, 3.0, 2.0, 1.0, 0.0], other: [9.0]}
    assert len(good(local.ask("GET", BULK, params={**asked, "max_results": 2}))["metrics"]) == 2
    assert good(local.ask("GET", BULK, params={"run_id": [run_id], "metric_key": "none"})) == {"metrics": []}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, "GetMetricHistoryBulk request must specify at least one run_id."),
        ({"run_id": ["a"]}, "GetMetricHistoryBulk request must specify a metric_key."),
        (
            {"run_id": [str(number) for number in range(101)], "metric_key": "h"},
            "GetMetricHistoryBulk request cannot specify more than 100 run_ids. Received 101 run_ids.",
        ),
        ({"run_id": ["a"], "metric_key": "h", "max_results": "x"}, "for parameter 'max_results' supplied"),
    ],
)
def test_a_bad_question_for_several_histories_is_refused(local: Local, query: dict, message: str):
    status, code, text = refusal(local.ask("GET", BULK, params=query))
    assert (status, code) == (400, INVALID)
    assert message in text


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 2500])
def test_a_sample_is_mlflows(logged: tuple[Local, str], limit: int):
    local, run_id = logged
    sampled = good(
        local.ask("GET", INTERVAL, params={"run_ids": [run_id], "metric_key": "h", "max_results": limit})
    )
    points = [Point(10 - step, step, float(step)) for step in range(5)]
    points += [Point(3, 3, math.nan), Point(3, 3, math.inf)]
    expected = [(point.step, point.timestamp_ms, repr(point.value)) for point in tiles(points, limit)]
    got = [(item["step"], item["timestamp"], repr(float(item["value"]))) for item in sampled["metrics"]]
    assert got == expected
    assert {item["run_id"] for item in sampled["metrics"]} == {run_id}


def test_a_sample_may_be_of_a_part_of_the_steps(logged: tuple[Local, str]):
    local, run_id = logged
    asked = {"run_ids": [run_id], "metric_key": "h", "start_step": 1, "end_step": 2}
    assert values(good(local.ask("GET", INTERVAL, params=asked))) == [1.0, 2.0]
    assert good(local.ask("GET", INTERVAL, params={**asked, "start_step": 50, "end_step": 60})) == {}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"run_ids": []}, "Missing value for required parameter 'run_ids'."),
        ({"metric_key": ""}, "Missing value for required parameter 'metric_key'."),
        (
            {"run_ids": [str(number) for number in range(101)]},
            "request must specify at most 100 run_ids. Received 101",
        ),
        ({"max_results": 0}, "max_results must be between 1 and 2500."),
        ({"max_results": 2501}, "max_results must be between 1 and 2500."),
        ({"start_step": 1}, "If either start step or end step are specified, both must be specified."),
        ({"end_step": 1}, "If either start step or end step are specified, both must be specified."),
        (
            {"start_step": 3, "end_step": 1},
            "end_step must be greater than start_step. Found start_step=3 and end_step=1.",
        ),
        ({"start_step": "x", "end_step": 1}, "Invalid value \"x\" for parameter 'start_step' supplied"),
    ],
)
def test_a_bad_question_for_a_sample_is_refused(local: Local, query: dict, message: str):
    asked = {"run_ids": [local.run()], "metric_key": "h", **query}
    status, code, text = refusal(local.ask("GET", INTERVAL, params=asked))
    assert (status, code) == (400, INVALID)
    assert message in text


def read_series(local: Local, **asked):
    return good(local.ask("POST", SERIES, json=asked))["series"]


def test_a_line_that_fits_is_sent_point_by_point(logged: tuple[Local, str]):
    local, run_id = logged
    local.post("/runs/log-metric", run_id=run_id, key="big/step", value=1, timestamp=1, step=2**60)
    assert read_series(local, run_ids=[run_id], keys=["h", "none", "big/step"], x="step", width=100) == [
        {
            "run_id": run_id,
            "key": "h",
            "point_count": 7,
            "is_bucketed": False,
            "x": [0, 1, 2, 3, 3, 3, 4],
            "last": [0.0, 1.0, 2.0, "NaN", "Infinity", 3.0, 4.0],
        },
        {
            "run_id": run_id,
            "key": "big/step",
            "point_count": 1,
            "is_bucketed": False,
            "x": [2**60],
            "last": [1.0],
        },
    ]


def test_a_line_that_does_not_fit_is_sent_in_buckets(logged: tuple[Local, str]):
    local, run_id = logged
    (line,) = read_series(local, run_ids=[run_id], keys=["h"], x="step", width=2)
    assert line == {
        "run_id": run_id,
        "key": "h",
        "point_count": 7,
        "is_bucketed": True,
        "x": [0, 3],
        "first": [0.0, "NaN"],
        "last": [2.0, 4.0],
        "min": [0.0, 3.0],
        "max": [2.0, "Infinity"],
        "mean": [1.0, "Infinity"],
    }


@pytest.mark.parametrize(
    ("x", "start", "end", "xs"),
    [
        ("time", None, None, [3, 3, 6, 7, 8, 9, 10]),
        ("time", 7, 8, [7, 8]),
        ("relative", None, None, [-997, -997, -994, -993, -992, -991, -990]),
        ("relative", -993, -992, [-993, -992]),
        ("step", 1.5, 3, [2, 3, 3, 3]),
        ("step", None, 0, [0]),
        ("step", "-Infinity", "Infinity", [0, 1, 2, 3, 3, 3, 4]),
    ],
)
def test_a_window_counts_in_the_axis_that_was_asked_for(
    logged: tuple[Local, str], x: str, start, end, xs: list
):
    local, run_id = logged
    (line,) = read_series(local, run_ids=[run_id], keys=["h"], x=x, start=start, end=end, width=100)
    assert (line["x"], line["point_count"]) == (xs, len(xs))


def test_lines_are_of_each_run_and_key(local: Local):
    runs = [local.run(), local.run()]
    for run_id in runs:
        for key in ("a", "b"):
            local.post("/runs/log-metric", run_id=run_id, key=key, value=1, timestamp=1)
    lines = read_series(local, run_ids=runs, keys=["a", "b"], x="step", width=10)
    assert [(line["run_id"], line["key"]) for line in lines] == [(run, key) for run in runs for key in "ab"]
    assert read_series(local, run_ids=runs, keys=["a"], x="step", width=10, start=5) == []


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"run_ids": []}, "run_ids"),
        ({"run_ids": ["a"] * 101}, "run_ids"),
        ({"keys": []}, "keys"),
        ({"keys": ["a"] * 51}, "keys"),
        ({"width": 0}, "width"),
        ({"width": 4001}, "width"),
        ({"width": "wide"}, "width"),
        ({"x": "epoch"}, "x"),
        ({"start": "soon"}, "start"),
    ],
)
def test_a_bad_question_for_lines_is_refused_by_its_field(local: Local, asked: dict, name: str):
    asked = {"run_ids": [local.run()], "keys": ["a"], "x": "step", "width": 10, **asked}
    status, code, text = refusal(local.ask("POST", SERIES, json=asked))
    assert (status, code) == (400, INVALID)
    assert f"'{name}'" in text


def test_lines_of_an_unknown_run_are_not_found(local: Local):
    asked = {"run_ids": [UNKNOWN], "keys": ["a"], "x": "step", "width": 10}
    refused = refusal(local.ask("POST", SERIES, json=asked))
    assert refused == (404, "RESOURCE_DOES_NOT_EXIST", f"Run with id={UNKNOWN} not found")
