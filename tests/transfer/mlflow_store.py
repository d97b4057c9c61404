"""Fills a store through a genuine MLflow client: run by the interpreters of tests/transfer, alone.

Usage: python mlflow_store.py TRACKING_URI [SMALL_RUNS], in the folder where the store is to lie.
"""

import contextlib
import math
import sys
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

MAJOR = int(mlflow.__version__.split(".")[0])
TOKENS = {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}


def _metrics() -> list[Metric]:
    values = [0.5, math.nan, math.inf, -math.inf, 1e-300, 0.1]
    points = [Metric("train/loss", value, 1000 + index, index) for index, value in enumerate(values)]
    # Two values at one step, and steps below zero.
    points += [Metric("acc", 0.1, 2000, 7), Metric("acc", 0.2, 2000, 7), Metric("acc", 0.3, 1999, -3)]
    return points


def _full_run(client: MlflowClient, experiment_id: str, folder: Path) -> str:
    run_id = client.create_run(experiment_id, start_time=123_456, run_name="brave").info.run_id
    client.log_batch(
        run_id,
        _metrics(),
        [Param("lr", "0.1"), Param("ünï", "ø")] if MAJOR < 2 else [Param("lr", "0.1")],
        [RunTag("note", "several\nlines\nand 'quotes' ☃")],
    )
    for start in range(0, 2500, 1000):
        steps = range(start, min(start + 1000, 2500))
        client.log_batch(run_id, [Metric("long", step / 7, 5000 + step, step) for step in steps])
    (folder / "model").mkdir(parents=True, exist_ok=True)
    (folder / "model" / "weights 1%.bin").write_bytes(bytes(range(256)) * 300)
    # A server of MLflow 3 gives out no file that has "#" in its name.
    if MAJOR < 3 or mlflow.get_tracking_uri().startswith("http"):
        (folder / "model" / "weights #1%.bin").write_bytes(bytes(range(256)) * 300)
    (folder / "empty.txt").write_text("")
    client.log_artifacts(run_id, str(folder))
    client.set_terminated(run_id, "FAILED", 234_567)
    return str(run_id)


def _inputs(client: MlflowClient, run_id: str) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset("train", "abc1", "local", "{}", schema='{"x": 1}', profile='{"rows": 5}')
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def _logged_model(client: MlflowClient, experiment_id: str, run_id: str, folder: Path) -> str:
    from mlflow.entities import LoggedModelOutput

    model = client.create_logged_model(
        experiment_id, name="net", source_run_id=run_id, tags={"kind": "small"}, params={"depth": "3"}
    )
    client.log_model_artifacts(model.model_id, str(folder))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 4)])
    client.log_metric(run_id, "val", 0.75, timestamp=9000, step=1, model_id=model.model_id)
    return str(model.model_id)


def _registry(client: MlflowClient, run_id: str, model_id: str | None) -> None:
    tags = {"area": "vision"}
    client.create_registered_model("net", tags=tags, description="Nets of \u2603")
    client.create_registered_model("empty")
    source = f"{client.get_run(run_id).info.artifact_uri}/model"
    for _ in range(2):
        client.create_model_version("net", source, run_id=run_id, tags={"n": "1"}, description="first")
    client.delete_model_version("net", "1")
    if MAJOR < 3:
        client.transition_model_version_stage("net", "2", "Production")
    if MAJOR < 2:
        return
    client.set_registered_model_alias("net", "champion", "2")
    if model_id is not None:
        client.create_model_version("net", f"models:/{model_id}", model_id=model_id)
        client.copy_model_version("models:/net/2", "copied")
        text = "Say {{ word }} 'twice'"
        client.register_prompt("greeting", text, commit_message="begin", tags={"lang": "en"})
        client.register_prompt("greeting", f"{text}!")
        client.set_prompt_alias("greeting", "live", 1)


def _traces(client: MlflowClient, experiment_id: str, run_id: str, has_links: bool) -> None:
    from mlflow.entities import SpanEvent

    if MAJOR < 3:
        _mend_tracing()
    mlflow.set_experiment(experiment_id=experiment_id)
    with mlflow.start_span("answer", span_type="CHAIN", attributes={"n": 1, "list": [1.5, "\u2603"]}) as root:
        if MAJOR >= 3:
            mlflow.update_current_trace(
                metadata={"mlflow.trace.session": "s-1", "mood": "good"}, client_request_id="c-1"
            )
        root.set_inputs({"question": "\u00fcn\u00ef"})
        with mlflow.start_span("search", span_type="RETRIEVER") as child:
            child.add_event(SpanEvent("retry", attributes={"times": 2}))
            child.set_attribute("mlflow.chat.tokenUsage", TOKENS)
            child.set_outputs([{"page_content": "x" * 3000}])
            if MAJOR >= 3:
                _attach(child)
        root.set_outputs({"answer": 42})
    first = _last_trace()
    client.set_trace_tag(first, "env", "dev")
    with contextlib.suppress(KeyError), mlflow.start_span("broken"):
        raise KeyError
    second = _last_trace()
    if MAJOR >= 3:
        _assessments(first, second)
    if has_links:
        client.link_traces_to_run([first, second], run_id)


def _attach(span: Any) -> None:
    from mlflow.tracing.attachments import Attachment

    image = Attachment(content_type="image/png", content_bytes=bytes(range(256)) * 5)
    sound = Attachment(content_type="audio/wav; rate=8", content_bytes=b"\0")
    span.set_inputs({"images": [{"quote": '"', "image": image}], "sound": sound})


def _mend_tracing() -> None:
    # MLflow 2.22 leaves out its base's own part, which later versions of OpenTelemetry don't forgive.
    from mlflow.tracing.processor.mlflow import MlflowSpanProcessor
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    begin = MlflowSpanProcessor.__init__

    def begin_both(self: Any, exporter: Any, *args: Any, **kwargs: Any) -> None:
        SimpleSpanProcessor.__init__(self, exporter)
        begin(self, exporter, *args, **kwargs)

    MlflowSpanProcessor.__init__ = begin_both


def _last_trace() -> str:
    mlflow.flush_trace_async_logging()
    found = (
        mlflow.get_last_active_trace_id() if MAJOR >= 3 else mlflow.get_last_active_trace().info.request_id
    )
    return str(found)


def _assessments(first: str, second: str) -> None:
    from mlflow.entities import AssessmentError, AssessmentSource

    ann = AssessmentSource("HUMAN", "ann")
    given = mlflow.log_feedback(
        trace_id=first, name="correct", value=False, source=ann, rationale="no", metadata={"by": "hand"}
    )
    mlflow.override_feedback(
        trace_id=first, assessment_id=given.assessment_id, value=True, source=ann, rationale="yes"
    )
    mlflow.log_expectation(trace_id=first, name="facts", value={"all": [1, 2, None]}, source=ann)
    mlflow.log_expectation(trace_id=first, name="expected", value="42")
    judge = AssessmentSource("LLM_JUDGE", "gpt")
    error = AssessmentError("TIMEOUT", "too late")
    mlflow.log_feedback(trace_id=second, name="tone", error=error, source=judge)


def _evaluation(client: MlflowClient, experiment_id: str, other_id: str, run_id: str) -> None:
    from mlflow.entities.issue import IssueSeverity, IssueStatus
    from mlflow.genai.datasets import create_dataset
    from mlflow.genai.judges import make_judge
    from mlflow.genai.label_schemas import InputCategorical, InputNumeric, create_label_schema

    dataset = create_dataset(name="questions", experiment_id=[experiment_id], tags={"kind": "hard ☃"})
    records: list[dict[str, Any]] = [
        {
            "inputs": {"question": f"What is {number}?", "nothing": None, "depth": {"a": [1.5, None]}},
            "outputs": [number, None] if number % 2 else {"answer": number},
            "expectations": {"answer": str(number)},
            "tags": {"number": str(number)},
            "source": {"source_type": "HUMAN", "source_data": {"user_name": "ann"}},
        }
        for number in range(250)
    ]
    dataset.merge_records(records)
    create_dataset(name="empty", experiment_id=[experiment_id, other_id])
    mlflow.set_experiment(experiment_id=experiment_id)
    for words in ("Is {{ outputs }} polite?", "Is {{ outputs }} very polite?"):
        make_judge(
            name="polite", instructions=words, model="openai:/gpt-4", feedback_value_type=bool
        ).register(experiment_id=experiment_id)
    create_label_schema(
        name="tone",
        type="feedback",
        input=InputCategorical(options=["kind", "rude"], multi_select=True),
        instruction="How does it sound?",
        enable_comment=True,
    )
    create_label_schema(name="score", type="expectation", input=InputNumeric(min_value=0.0, max_value=1.0))
    store = client._tracking_client.store
    store.upsert_online_scoring_config(experiment_id, "polite", 0.0, "trace.status = 'OK'")
    store.create_issue(
        experiment_id=experiment_id,
        name="too long",
        description="Answers go on",
        status=IssueStatus.PENDING,
        severity=IssueSeverity.HIGH,
        root_causes=["the prompt"],
        source_run_id=run_id,
        categories=["style"],
        created_by="ann",
    )


def main(uri: str, small_runs: int = 60) -> None:
    mlflow.set_tracking_uri(uri)
    client, folder = MlflowClient(uri), Path("files")
    first = client.create_experiment("vision", tags={"team": "robots"})
    full, model_id = _full_run(client, first, folder), None
    if MAJOR >= 2:
        _inputs(client, full)
    if MAJOR >= 3:
        again = client.create_run(first, start_time=5000, run_name="modelled").info.run_id
        model_id = _logged_model(client, first, again, folder)
        client.set_terminated(again, "FINISHED", 6000)
    client.create_run(first, start_time=234, run_name="open")
    deleted = client.create_run(first, start_time=345, run_name="gone").info.run_id
    client.log_metric(deleted, "m", 1.0)
    client.set_terminated(deleted, "KILLED", 456)
    client.delete_run(deleted)
    for number in range(small_runs):
        run_id = client.create_run("0", start_time=number, tags={"n": str(number)}).info.run_id
        client.log_metric(run_id, "m", number, timestamp=number, step=0)
        client.set_terminated(run_id, "FINISHED", number + 1)
    if MAJOR >= 3 and "://" in uri:
        _evaluation(client, first, "0", full)
    trashed = client.create_experiment("trashed")
    client.set_terminated(client.create_run(trashed, start_time=1).info.run_id, "FINISHED", 2)
    client.delete_experiment(trashed)
    if MAJOR >= 2:
        _traces(client, first, full, "://" in uri)
    if MAJOR >= 2 or uri.startswith("sqlite"):
        _registry(client, full, model_id)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
