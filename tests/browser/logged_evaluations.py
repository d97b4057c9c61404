"""Two evaluations for the browser tests, by the genuine client; it is run with the server's address.

It writes the ids that tests need, as JSON.
"""

from __future__ import annotations

import json
import sys

import mlflow
from mlflow.entities import Feedback
from mlflow.genai import scorer

QUESTIONS = ("What is a trace?", "What is a run?", "What is a sweep?")
ANSWERS = {
    "first": ("A request.", "One execution.", "Many runs."),
    "second": ("A request, followed.", "One execution.", "<b>Many</b> runs."),
}


@scorer
def brief(outputs: str) -> Feedback:
    """Whether an answer has few words, and why."""
    count = len(outputs.split())
    return Feedback(value=count < 3, rationale=f"It has {count} words.")


@scorer
def length(outputs: str) -> int:
    """How long an answer is."""
    return len(outputs)


def evaluated(name: str, questions: tuple[str, ...]) -> str:
    """Evaluate one version of the application, and return the run's id."""
    answers = dict(zip(QUESTIONS, ANSWERS[name], strict=True))

    @mlflow.trace(name="answer")
    def answer(question: str) -> str:
        return answers[question]

    with mlflow.start_run(run_name=name) as run:
        rows = [{"inputs": {"question": question}} for question in questions]
        mlflow.genai.evaluate(data=rows, predict_fn=answer, scorers=[brief, length])
    return str(run.info.run_id)


def main(url: str) -> None:
    """Evaluate twice, the second time with one question less, and write where that is."""
    mlflow.set_tracking_uri(url)
    experiment_id = mlflow.set_experiment("evaluated").experiment_id
    left = evaluated("first", QUESTIONS)
    right = evaluated("second", QUESTIONS[:2])
    sys.stdout.write(json.dumps({"experiment_id": experiment_id, "left": left, "right": right}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
