"""What the rules for traces are held against, and the traces, spans and assessments that they keep."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.assessment import Assessment, AssessmentKind
from runyard.entities.experiment import Experiment
from runyard.entities.trace import SESSION_KEY, Span, Trace, TraceState
from runyard.protocol.span_content import content_of
from runyard.stores.metadata.base_trace_metrics import TraceMetricStore
from runyard.stores.metadata.base_traces import AssessmentStore, SpanStore, TraceStore, WrittenSpan
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest

NAME = "mlflow.traceName"


@dataclass(frozen=True, slots=True)
class TracesUnderTest:
    """The stores of traces, and those that they share a database with."""

    traces: TraceStore
    spans: SpanStore
    assessments: AssessmentStore
    metrics: TraceMetricStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()


def new_trace(experiment: Experiment, trace_id: str = "tr-1", **changes: Any) -> Trace:
    """Return a trace of an experiment, as a service would make it."""
    trace = Trace(
        trace_id=trace_id,
        workspace=experiment.workspace,
        experiment_id=experiment.experiment_id,
        started_ms=NOW_MS,
        execution_ms=250,
        state=TraceState.OK,
    )
    return replace(trace, **changes)


def new_span(trace_id: str, span_id: str = "01" * 8, **changes: Any) -> WrittenSpan:
    """Return a span of a trace with its content; attributes are plain values."""
    span = Span(trace_id, span_id, None, "root", NOW_MS * 1_000_000, NOW_MS * 1_000_000 + 5_000_000, "OK")
    span = replace(span, **changes)
    return WrittenSpan(span, content_of(replace(span, trace_id="tr-" + "0" * 32)))


def new_assessment(trace_id: str = "tr-1", assessment_id: str = "a-1", **changes: Any) -> Assessment:
    """Return feedback on a trace."""
    given = Assessment(
        assessment_id, trace_id, AssessmentKind.FEEDBACK, "correct", True, "HUMAN", "ann", NOW_MS, NOW_MS
    )
    return replace(given, **changes)


class TraceHooks(ABC):
    """What a subclass opens, and what lies in it before a rule begins."""

    @abstractmethod
    def open_traces(self, folder: Path) -> TracesUnderTest:
        """Return stores that keep their things in ``folder``, and find there what others kept."""

    @abstractmethod
    def kept_rows(self, folder: Path) -> int:
        """Return how many rows of traces and what hangs on them ``folder`` holds, read without the store."""

    @abstractmethod
    def removed_folders(self, folder: Path) -> list[str]:
        """Return the folders of artifacts that are noted as removed, read without the store."""

    @pytest.fixture
    def stores(self, tmp_path: Path) -> Iterator[TracesUnderTest]:
        """Return stores with two workspaces."""
        with contextlib.closing(self.open_traces(tmp_path)) as stores:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                stores.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield stores

    @pytest.fixture
    def experiment(self, stores: TracesUnderTest) -> Experiment:
        """Return an active experiment."""
        return stores.metadata.add_experiment("assistant")

    @pytest.fixture
    def searched(self, stores: TracesUnderTest, experiment: Experiment) -> Experiment:
        """Return an experiment with three traces, each of its own kind."""
        traces = [
            new_trace(
                experiment,
                "one",
                started_ms=100,
                execution_ms=5,
                client_request_id="c-1",
                tags={NAME: "alpha", "env": "prod"},
                metadata={"m": "x", SESSION_KEY: "s"},
            ),
            new_trace(
                experiment,
                "two",
                started_ms=200,
                execution_ms=None,
                state=TraceState.ERROR,
                tags={NAME: "Beta", "env": "développement"},
                metadata={"mlflow.sourceRun": "run-1"},
            ),
            new_trace(experiment, "three", started_ms=300, execution_ms=1000, metadata={SESSION_KEY: "s"}),
        ]
        for trace in traces:
            stores.traces.add_trace(trace)
        odd = {'odd " %key': 'a "b" \\', "nul": "\0"}
        stores.spans.keep_spans(WORKSPACE, [
            new_span("one", name="root", attributes={"mlflow.spanType": "LLM", "model": "gpt-4", "t": 0.5}),
            new_span("one", "02" * 8, name="tool", status="ERROR", attributes={"mlflow.spanType": "TOOL"}),
            new_span("two", name="tool", attributes={"mlflow.spanType": "TOOL", **odd}),
            new_span("three", name="untyped", status="UNSET", attributes={"text": "Große Frage"}),
        ])  # fmt: skip
        scores = (("one", "a-1", 5), ("two", "a-2", 0.5), ("two", "a-3", "high é"))
        for trace_id, assessment_id, value in scores:
            given = new_assessment(trace_id, assessment_id, name="score", value=value)
            stores.assessments.add_assessment(WORKSPACE, given)
        stores.assessments.add_assessment(
            WORKSPACE, new_assessment("two", "old", name="gone", is_valid=False)
        )
        of_session = new_assessment("one", "whole", name="whole", value="ok", metadata={SESSION_KEY: "s"})
        stores.assessments.add_assessment(WORKSPACE, of_session)
        expected = new_assessment("three", "e", name="len", value=150, kind=AssessmentKind.EXPECTATION)
        stores.assessments.add_assessment(WORKSPACE, expected)
        issue = new_assessment("three", "i", name="i-1", value="bad", kind=AssessmentKind.ISSUE)
        stores.assessments.add_assessment(WORKSPACE, issue)
        stores.traces.link_run(WORKSPACE, ["three", "none"], "run-1")
        stores.traces.link_prompts(WORKSPACE, "one", ["qa/1", "qa/1", "qa/2"])
        return experiment
