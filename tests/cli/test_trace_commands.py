"""`runyard trace`: traces are listed, shown, tagged, assessed, deleted; the SDK does the same."""

import json
import secrets
from urllib.request import Request, urlopen

import pytest

from runyard import Experiment, Workspace
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.messages.traces import (
    StartTrace,
    TraceAnswer,
    WireMlflowExperiment,
    WireTrace,
    WireTraceInfo,
    WireTraceLocation,
)
from tests.cli.conftest import CommandLine, Ended
from tests.running_server import RunningServer

pytestmark = pytest.mark.usefixtures("_at_server")


@pytest.fixture
def experiment(server: RunningServer) -> Experiment:
    return Experiment(Workspace.create(f"traces-{secrets.token_hex(4)}", url=server.url), "assistant")


def trace_in(experiment: Experiment, second: int = 0, state: str = "OK", session: str = "s-1") -> str:
    """Keep a trace as MLflow's client tells of one, and return its id."""
    trace_id = f"tr-{secrets.token_hex(16)}"
    told = WireTraceInfo(
        trace_id=trace_id,
        trace_location=WireTraceLocation(
            type="MLFLOW_EXPERIMENT", mlflow_experiment=WireMlflowExperiment(experiment_id=experiment.id)
        ),
        request_time=f"2026-11-27T12:00:{second:02}Z",
        execution_duration="1.5s",
        request_preview="What does it keep?",
        state=state,
        trace_metadata={"mlflow.trace.session": session},
        tags={"stage": "test", "mlflow.traceName": "answer"},
    )
    body = StartTrace(trace=WireTrace(trace_info=told))
    experiment.workspace.connection.post("/api/3.0/mlflow/traces", body, TraceAnswer)
    return trace_id


@pytest.fixture
def trace(runyard: CommandLine, experiment: Experiment):
    """Call a command of `runyard trace` in the experiment's workspace."""

    def call(*words: object) -> Ended:
        return runyard("trace", *words, "-w", experiment.workspace.name)

    return call


def test_traces_are_listed_as_they_are_searched_and_ordered(trace, experiment: Experiment):
    ids = [trace_in(experiment, second, state) for second, state in enumerate(("OK", "ERROR", "OK"))]
    elsewhere = Experiment(experiment.workspace, "other")
    ids.append(trace_in(elsewhere, 9))
    assert [row[0] for row in trace("list").rows] == ids[::-1]
    assert [row[0] for row in trace("list", "-e", "assistant", "--max", "2").rows] == [ids[2], ids[1]]
    assert [each["trace_id"] for each in trace("list", "--filter", "status = 'ERROR'", "--json").json] == [
        ids[1]
    ]
    first = trace("list", "-e", experiment.id, "--order-by", "timestamp_ms ASC").rows[0]
    assert first == [ids[0], "answer", "OK", "2026-11-27T12:00:00Z", "1.500s", "-", "What does it keep?"]
    assert trace("list", "-e", "none").code == 3
    assert trace("list", "--filter", "status ==").code == 1


def test_a_page_is_not_the_end(experiment: Experiment):
    ids = {trace_in(experiment, number % 60) for number in range(101)}
    traces = experiment.workspace.traces
    assert {each.trace_id for each in traces.search([experiment.id])} == ids
    for number in range(101):
        trace_in(experiment, session=f"many-{number}")
    assert len(list(traces.list_sessions(experiment.id))) == 102


def test_a_workspace_without_experiments_has_no_traces(runyard: CommandLine, server: RunningServer):
    empty = Workspace.create(f"empty-{secrets.token_hex(4)}", url=server.url)
    assert runyard("trace", "list", "--json", "-w", empty.name).json == []


def test_tags_are_set_and_taken_away(trace, experiment: Experiment):
    trace_id = trace_in(experiment)
    changed = trace("tag", trace_id, "reviewed=yes", "--remove", "stage", "--json").json
    assert (changed["reviewed"], "stage" in changed) == ("yes", False)
    assert experiment.workspace.traces.get(trace_id).tags == changed
    assert "--remove KEY" in trace("tag", trace_id).err
    assert trace("tag", "tr-none", "a=b").code == 3


def test_what_is_thought_of_a_trace_is_said_and_taken_back(trace, experiment: Experiment):
    trace_id = trace_in(experiment)
    first = trace("assess", trace_id, "helpful", "true", "--rationale", "It answers.", "--json").json
    assert (first["feedback"]["value"], first["rationale"]) == (True, "It answers.")
    assert first["source"]["source_type"] == "HUMAN"
    second = trace("assess", trace_id, "helpful", "no", "--overrides", first["assessment_id"]).out.strip()
    said = {each.assessment_id: each for each in experiment.workspace.traces.get(trace_id).assessments or ()}
    assert (said[second].feedback.value, said[first["assessment_id"]].valid) == ("no", False)
    assert "helpful=no" in trace("list").rows[0][5]
    assert trace("unassess", trace_id, second).out == "1 assessment taken back\n"
    left = next(iter(experiment.workspace.traces.get(trace_id).assessments or ()))
    assert (left.assessment_id, left.valid) == (first["assessment_id"], True)


@pytest.mark.parametrize(
    ("value", "kept"), [("[1, 2]", "[1, 2]"), ("0.5", 0.5), ("plain words", "plain words")]
)
def test_what_should_have_come_out_may_be_any_json(trace, experiment: Experiment, value: str, kept: object):
    trace_id = trace_in(experiment)
    made = trace("assess", trace_id, "answer", value, "--kind", "expectation", "--json").json["expectation"]
    assert made.get("value", made.get("serialized_value", {}).get("value")) == kept


def test_an_assessment_of_another_kind_is_refused(experiment: Experiment):
    trace_id = trace_in(experiment)
    with pytest.raises(InvalidParameter, match="kind must be one of feedback, expectation, not 'issue'"):
        experiment.workspace.traces.assess(trace_id, "a", 1, kind="issue")
    with pytest.raises(InvalidParameter, match="name must be a text, not 5"):
        experiment.workspace.traces.assess(trace_id, 5, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [object(), {"x": object()}, float("nan")])
@pytest.mark.parametrize("kind", ["feedback", "expectation"])
def test_what_json_can_not_hold_is_no_assessment(experiment: Experiment, value: object, kind: str):
    trace_id = trace_in(experiment)
    with pytest.raises(InvalidParameter, match="value must be what JSON can hold, not "):
        experiment.workspace.traces.assess(trace_id, "a", value, kind=kind)
    assert not experiment.workspace.traces.get(trace_id).assessments


def test_traces_are_deleted_for_good(trace, experiment: Experiment):
    gone, stays = trace_in(experiment), trace_in(experiment)
    assert trace("delete", gone, "-e", "assistant").out == "1 trace deleted\n"
    assert [row[0] for row in trace("list").rows] == [stays]
    assert trace("show", gone).code == 3
    with pytest.raises(NotFound):
        experiment.workspace.traces.get(gone)


def test_sessions_are_summed_up(trace, experiment: Experiment):
    trace_in(experiment, 1)
    trace_in(experiment, 2, "ERROR")
    trace_in(experiment, 3, session="s-2")
    assert [row[:4] for row in trace("sessions", "assistant").rows] == [
        ["s-2", "1", "0", "-"],
        ["s-1", "2", "1", "-"],
    ]
    assert [each["trace_count"] for each in trace("sessions", "assistant", "--json").json] == [1, 2]


def test_a_trace_s_own_spans_are_shown(trace, runyard: CommandLine, experiment: Experiment):
    spans = {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": "5b8efff798038103d269b633813fc60c",
                                "spanId": "eee19b7ec3c1b174",
                                "name": "look up",
                                "kind": 1,
                                "startTimeUnixNano": "1795000000000000000",
                                "endTimeUnixNano": "1795000001000000000",
                            }
                        ]
                    }
                ]
            }
        ]
    }
    send_otlp(experiment, spans)
    (row,) = trace("list").rows
    assert "look up" in trace("show", row[0]).out.partition("Spans")[2]
    assert [each["name"] for each in trace("show", row[0], "--json").json["spans"]] == ["look up"]


def send_otlp(experiment: Experiment, body: object) -> None:
    """Send spans as an exporter of OpenTelemetry does."""
    headers = {"Content-Type": "application/json", "x-mlflow-experiment-id": experiment.id}
    url = f"{experiment.workspace.tracking_uri}/v1/traces"
    with urlopen(Request(url, json.dumps(body).encode(), headers)) as answer:
        assert answer.status == 200
