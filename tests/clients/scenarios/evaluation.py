"""An evaluation as users of 3.17 write it, with scorers of their own: traces, feedback, metrics of a run."""

import uuid

import mlflow
from expecting import same
from mlflow.genai.datasets import create_dataset, get_dataset
from mlflow.genai.scorers import scorer
from mlflow.tracking import MlflowClient

client = MlflowClient()


@scorer(name="is_exact")
def _is_exact(outputs, expectations):
    return outputs == expectations["answer"]


@scorer(name="length")
def _length(outputs):
    return len(outputs)


@mlflow.trace
def _answer(question):
    with mlflow.start_span("look up") as span:
        span.set_inputs({"question": question})
        answer = {"2 + 2": "4", "3 + 3": "seven"}[question]
        span.set_outputs(answer)
    return answer


ROWS = [
    {"inputs": {"question": "2 + 2"}, "expectations": {"answer": "4"}},
    {"inputs": {"question": "3 + 3"}, "expectations": {"answer": "6"}},
]


def an_evaluation_leaves_traces_feedback_and_metrics():
    result = mlflow.genai.evaluate(data=ROWS, predict_fn=_answer, scorers=[_is_exact, _length])
    same(result.metrics["is_exact/mean"], 0.5)
    same(client.get_run(result.run_id).data.metrics["is_exact/mean"], 0.5)
    traces = mlflow.search_traces(run_id=result.run_id, return_type="list")
    same(len(traces), 2)
    judged = {}
    for trace in traces:
        found = {each.name: each for each in trace.info.assessments}
        same({"is_exact", "length", "answer"} - set(found), set())
        judged[found["answer"].expectation.value] = found["is_exact"].feedback.value
        assert "look up" in {span.name for span in trace.data.spans}
    same(judged, {"4": True, "6": False})
    (wrong,) = mlflow.search_traces(
        experiment_ids=[traces[0].info.experiment_id],
        filter_string="feedback.is_exact = 'false'",
        return_type="list",
    )
    same(wrong.info.trace_id in {trace.info.trace_id for trace in traces}, True)


def a_dataset_is_filled_from_traces_and_evaluated():
    for row in ROWS:
        _answer(**row["inputs"])
    mlflow.flush_trace_async_logging()
    experiment_id = mlflow.tracking.fluent._get_experiment_id()
    traces = mlflow.search_traces(experiment_ids=[experiment_id], return_type="list")
    same(len(traces), 2)
    dataset = create_dataset(name=f"questions-{uuid.uuid4().hex[:8]}", experiment_id=[experiment_id])
    dataset.merge_records(traces)
    kept = get_dataset(dataset_id=dataset.dataset_id)
    same({record["question"] for record in kept.to_df()["inputs"]}, {"2 + 2", "3 + 3"})
    result = mlflow.genai.evaluate(data=kept, predict_fn=_answer, scorers=[_length])
    same(result.metrics["length/mean"], 3.0)
