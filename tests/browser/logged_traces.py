"""What the browser tests of traces look at, logged by the genuine client.

It is run with the server's address, and with how many spans the longest trace is to have.
It writes the ids that tests need, as JSON.
"""

from __future__ import annotations

import json
import sys

import mlflow
from mlflow.entities import AssessmentSource, SpanType
from mlflow.genai import create_dataset, make_judge

from tests.browser.trace_content import HOSTILE, SESSION

CODE = AssessmentSource("CODE", "length")


@mlflow.trace(span_type=SpanType.CHAT_MODEL)
def ask_model(messages: list[dict]) -> dict:
    """Answer as a model's library does, with a call of a tool and a count of tokens."""
    span = mlflow.get_current_active_span()
    assert span is not None
    usage = {"input_tokens": 900, "output_tokens": 334, "total_tokens": 1234}
    span.set_attribute("mlflow.chat.tokenUsage", usage)
    call = {
        "id": "1",
        "type": "function",
        "function": {"name": "look_up", "arguments": '{"place": "Zürich"}'},
    }
    return {
        "choices": [{"message": {"role": "assistant", "content": "It is raining.", "tool_calls": [call]}}]
    }


@mlflow.trace(span_type=SpanType.RETRIEVER)
def look_up(question: str) -> list[str]:
    """Find documents, one of them long."""
    return [f"A document about {question}", "A long one. " * 2000]


@mlflow.trace(name="answer")
def answer(question: str, session: str = "") -> str:
    """Answer a question by way of the others."""
    if session:
        mlflow.update_current_trace(metadata={"mlflow.trace.session": session})
    look_up(question)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    answered = ask_model(messages)
    return str(answered["choices"][0]["message"]["content"])


@mlflow.trace(name="break")
def fail() -> None:
    """Raise, as applications do."""
    raise ValueError(f"no answer to {HOSTILE}")


def traced_run() -> str:
    """Log a trace within a run and return the run's id."""
    with mlflow.start_run(run_name="traced") as run:
        answer("Is it raining?")
    return str(run.info.run_id)


def many_spans(count: int) -> str:
    """Log one trace of many spans and return its id."""
    with mlflow.start_span(name="many") as root:
        for number in range(count - 1):
            with mlflow.start_span(name=f"step-{number:04}"):
                pass
        return str(root.trace_id)


def last_trace() -> str:
    """Return the id of the trace that ended last."""
    trace_id = mlflow.get_last_active_trace_id()
    assert trace_id is not None
    return str(trace_id)


def main(url: str, span_count: int) -> None:
    """Log everything and write where it is."""
    mlflow.set_tracking_uri(url)
    experiment_id = mlflow.set_experiment("traced").experiment_id
    run_id = traced_run()
    in_run = last_trace()
    for question in ("Where is Zürich?", "And how is it there?"):
        answer(question, SESSION)
    in_session = last_trace()
    mlflow.flush_trace_async_logging()
    mlflow.set_trace_tag(in_session, "colour", HOSTILE)
    mlflow.log_feedback(trace_id=in_session, name="brief", value=True, rationale="Three words", source=CODE)
    mlflow.log_expectation(trace_id=in_session, name="expected", value={"weather": "rain"})
    try:
        fail()
    except ValueError:
        failed = last_trace()
    many = many_spans(span_count)
    dataset = create_dataset(name="questions", experiment_id=experiment_id, tags={"team": "weather"})
    dataset.merge_records(
        [
            {"inputs": {"question": f"Number {number}?"}, "expectations": {"answer": HOSTILE}}
            for number in range(3)
        ]
    )
    judge = make_judge(name="polite", instructions="Is {{ outputs }} polite?", model="openai:/gpt-4o")
    judge.register(experiment_id=experiment_id)
    judge.register(experiment_id=experiment_id)
    mlflow.flush_trace_async_logging()
    found = {
        "experiment_id": experiment_id,
        "run_id": run_id,
        "in_run": in_run,
        "in_session": in_session,
        "failed": failed,
        "many": many,
        "dataset_id": dataset.dataset_id,
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
