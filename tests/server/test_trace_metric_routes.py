"""MLflow's route that measures traces: what it counts, and in whose words it refuses a filter."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.local import Local, good, refusal

METRICS = "/api/3.0/mlflow/traces/metrics"


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    for number, state in enumerate(("OK", "OK", "ERROR")):
        info = {
            "trace_id": f"tr-{number}",
            "trace_location": {"mlflow_experiment": {"experiment_id": "0"}},
            "state": state,
            "tags": {"mlflow.traceName": "ask", "team": "a" if number else "b"},
        }
        body = {"trace": {"trace_info": info}}
        good(local_on_each_engine.ask("POST", "/api/3.0/mlflow/traces", json=body))
    return local_on_each_engine


def asked(filter: str, **more: Any) -> dict[str, Any]:
    return {
        "experiment_ids": ["0"],
        "view_type": "TRACES",
        "metric_name": "trace_count",
        "aggregations": [{"aggregation_type": "COUNT"}],
        "filters": [filter],
        **more,
    }


@pytest.mark.parametrize(
    ("filter", "count"),
    [
        ("trace.status = 'OK'", 2),
        ("trace.status = 'ERROR'", 1),
        ("trace.tag.team = 'a'", 2),
        ("trace.tag.`team` = 'b'", 1),
    ],
)
def test_a_filter_narrows_what_is_counted(local: Local, filter: str, count: int):
    found = good(local.ask("POST", METRICS, json=asked(filter)))
    assert found == {"data_points": [{"metric_name": "trace_count", "values": {"COUNT": float(count)}}]}


@pytest.mark.parametrize(
    ("filter", "told"),
    [
        ("bogus", "Invalid clause(s) in filter string: bogus"),
        ("trace.status LIKE 'O%'", "Invalid comparator: 'LIKE', only '=' operator is supported"),
        (
            "trace.name = 'ask'",
            "Invalid entity 'name' specified for view type 'trace'. "
            "Valid entities are ['status', 'tag', 'metadata']",
        ),
        (
            "span.tag.x = 'ask'",
            "Invalid entity 'tag.x' specified for view type 'span'. "
            "Valid entities are ['name', 'status', 'type']",
        ),
        (
            "assessment.status = 'OK'",
            "Invalid entity 'status' specified for view type 'assessment'. "
            "Valid entities are ['name', 'type']",
        ),
        (
            "status = 'OK'",
            "Invalid identifier 'status'. Columns should be specified as 'trace.<key>', 'span.<key>', "
            "'assessment.<key>'.",
        ),
        (
            "trace.tag = 'OK'",
            "Filtering by tag requires a key, e.g. 'trace.tag.<key> = <value>'",
        ),
        (
            "trace.status.x = 'OK'",
            "Filtering by status does not require a key, use 'trace.status' instead",
        ),
        ("span.name = 'ask'", "Filtering by span is only supported for SPANS view type, got TRACES"),
    ],
)
def test_a_filter_that_can_not_be_is_refused_in_mlflows_words(local: Local, filter: str, told: str):
    answer = refusal(local.ask("POST", METRICS, json=asked(filter)))
    assert answer == (400, "INVALID_PARAMETER_VALUE", told)
