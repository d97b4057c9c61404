"""Messages and entities: what MLflow's words become, and what an answer says and leaves out."""

from __future__ import annotations

import dataclasses
import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.entities.experiment import Experiment, LifecycleStage, View
from runyard.entities.metric import Metric, MetricBatch
from runyard.entities.run import (
    Dataset,
    DatasetInput,
    ModelInput,
    ModelOutput,
    Run,
    RunContents,
    RunStatus,
)
from runyard.errors import InvalidParameter
from runyard.protocol import wire
from runyard.protocol.messages import common, experiments, logging, metrics, runs
from runyard.testing import strategies

RUN = Run(
    "r1", "w", "7", "name", "ann", RunStatus.RUNNING, LifecycleStage.ACTIVE, "mlflow-artifacts:/7/r1", None
)
texts = strategies.texts()


def sent(message):
    return json.loads(wire.encode(message))


@pytest.mark.parametrize(
    ("text", "view"),
    [
        (None, View.ACTIVE_ONLY),
        ("", View.ACTIVE_ONLY),
        (1, View.ACTIVE_ONLY),
        ("2", View.DELETED_ONLY),
        (3, View.ALL),
        ("ALL", View.ALL),
        ("deleted_only", View.DELETED_ONLY),
    ],
)
def test_a_view_is_named_by_word_or_number(text, view):
    assert common.view_of(text, "view_type") is view


@pytest.mark.parametrize("text", ["NONE", 0, 4, -1, "٣", "1" * 5000, "²", " ALL"])
def test_another_view_is_refused_by_its_field(text):
    with pytest.raises(InvalidParameter, match="for parameter 'run_view_type' supplied"):
        common.view_of(text, "run_view_type")


def test_a_status_is_named_by_word_or_number():
    numbered = [runs.run_status(number) for number in (1, 2, 3, 4, 5)]
    assert numbered == [runs.run_status(str(number)) for number in (1, 2, 3, 4, 5)]
    assert [status.value for status in numbered if status] == [
        "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED",
    ]  # fmt: skip
    assert [runs.run_status(status.value) for status in RunStatus] == list(RunStatus)
    assert runs.run_status(None) is None


@pytest.mark.parametrize("text", ["", "finished", "NOPE", 0, 6, "9" * 5000, "٣"])
def test_another_status_is_refused(text):
    with pytest.raises(
        InvalidParameter, match="Expected one of RUNNING, SCHEDULED, FINISHED, FAILED, KILLED"
    ):
        runs.run_status(text)


def test_of_equal_keys_the_last_one_counts():
    pairs = [common.KeyValue(key="a", value="1"), common.KeyValue(key="a", value="2")]
    assert common.mapping(pairs) == {"a": "2"}


@given(st.dictionaries(strategies.keys(), texts))
def test_pairs_read_as_they_were_written(pairs):
    assert common.mapping(common.key_values(pairs)) == pairs


def test_an_experiment_is_written_as_mlflow_does():
    experiment = Experiment("7", "vision", "e", "mlflow-artifacts:/7", LifecycleStage.DELETED, 1, 2)
    assert sent(experiments.wire_experiment(experiment)) == {
        "experiment_id": "7",
        "name": "e",
        "artifact_location": "mlflow-artifacts:/7",
        "lifecycle_stage": "deleted",
        "creation_time": 1,
        "last_update_time": 2,
        "workspace": "vision",
    }


def test_a_run_that_has_nothing_says_so():
    assert sent(runs.wire_run(RUN, RunContents())) == {
        "info": {
            "run_id": "r1",
            "run_uuid": "r1",
            "experiment_id": "7",
            "run_name": "name",
            "user_id": "ann",
            "status": "RUNNING",
            "artifact_uri": "mlflow-artifacts:/7/r1",
            "lifecycle_stage": "active",
        },
        "data": {},
        "inputs": {},
        "outputs": {},
    }


def test_a_run_is_written_with_all_that_hangs_on_it():
    contents = RunContents(
        metrics=[Metric("m", math.nan, 1, 2), Metric("a", -math.inf, 3, 0, "m-1", "d", "1")],
        params={"p": ""},
        tags={"t": "1"},
        dataset_inputs=[DatasetInput(Dataset("d", "1", "", "s"), {"mlflow.data.context": "train"})],
        model_inputs=[ModelInput("m-1")],
        model_outputs=[ModelOutput("m-2", 0)],
    )
    written = sent(runs.wire_run(RUN, contents))
    assert written["data"] == {
        "metrics": [
            {"key": "m", "value": "NaN", "timestamp": 1, "step": 2},
            {"key": "a", "value": "-Infinity", "timestamp": 3, "step": 0, "model_id": "m-1",
             "dataset_name": "d", "dataset_digest": "1"},
        ],
        "params": [{"key": "p", "value": ""}],
        "tags": [{"key": "t", "value": "1"}],
    }  # fmt: skip
    assert written["inputs"] == {
        "dataset_inputs": [
            {
                "dataset": {"name": "d", "digest": "1", "source_type": "", "source": "s"},
                "tags": [{"key": "mlflow.data.context", "value": "train"}],
            }
        ],
        "model_inputs": [{"model_id": "m-1"}],
    }
    assert written["outputs"] == {"model_outputs": [{"model_id": "m-2", "step": 0}]}


def test_times_of_zero_are_times():
    info = sent(runs.wire_run_info(dataclasses.replace(RUN, started_ms=0, ended_ms=0)))
    assert (info["start_time"], info["end_time"]) == (0, 0)


datasets = st.builds(
    Dataset,
    name=texts.filter(bool),
    digest=texts.filter(bool),
    source_type=texts,
    source=texts,
    schema=st.none() | texts.filter(bool),
    profile=st.none() | texts.filter(bool),
)


@given(st.lists(st.builds(DatasetInput, datasets, st.dictionaries(strategies.keys(), texts)), max_size=3))
def test_inputs_read_as_they_were_written(inputs):
    written = runs.wire_run(RUN, RunContents(dataset_inputs=inputs)).inputs
    body = wire.encode({"run_id": "r", "datasets": written.dataset_inputs})
    assert runs.dataset_inputs(wire.decode(runs.LogInputs, body).datasets) == inputs


@given(st.lists(strategies.metrics(strategies.keys()), max_size=5))
def test_metrics_read_as_they_were_written(logged):
    body = wire.encode({"run_id": "r", "metrics": [metrics.wire_metric(metric) for metric in logged]})
    sent = wire.decode(logging.LogBatch, body).metrics
    assert repr(logging.metric_batch(sent)) == repr(MetricBatch.of(logged))
    by_model = logging.model_metrics(sent, "r")
    assert sorted(by_model) == sorted({metric.model_id for metric in logged if metric.model_id})
    assert repr([item.value for items in by_model.values() for item in items]) == repr(
        [metric.value for model_id in by_model for metric in logged if metric.model_id == model_id]
    )


@given(st.lists(strategies.points(), max_size=5), st.sampled_from([None, "r1"]))
def test_points_are_written_with_their_key(points, run_id):
    timestamps_ms, steps, values = ([point[place] for point in points] for place in range(3))
    body = b"[" + metrics.encode_points('"k', values, timestamps_ms, steps, run_id) + b"]"
    written = json.loads(body)
    assert body == wire.encode(msgspec.convert(written, list[metrics.WireMetric]))
    assert [(item["timestamp"], item["step"], repr(float(item["value"]))) for item in written] == [
        (point.timestamp_ms, point.step, repr(point.value)) for point in points
    ]
    assert all(item["key"] == '"k' and ("run_id" in item) == (run_id == "r1") for item in written)
