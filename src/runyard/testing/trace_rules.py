"""The rules that every store of traces, their spans and their assessments must pass."""

from __future__ import annotations

import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.assessment import Assessment, AssessmentError, AssessmentKind
from runyard.entities.experiment import Experiment
from runyard.entities.trace import SESSION_KEY, Span, Trace, TraceState
from runyard.entities.trace_metrics import Aggregate, Aggregation, MetricView
from runyard.entities.trace_session import TraceSession
from runyard.errors import AlreadyExists, NotFound
from runyard.protocol.filter_tree import SPAN_ATTRIBUTE, Comparison, Entity, Operator
from runyard.protocol.span_content import content_of
from runyard.protocol.trace_filters import parse_trace_filter, parse_trace_order
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_trace_metrics import TraceMetricStore, TraceQuestion
from runyard.stores.metadata.base_traces import (
    AssessmentStore,
    Doomed,
    Held,
    Overlap,
    SpanStore,
    TraceStore,
    WrittenSpan,
)
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest

SESSION = "mlflow.trace.session"
NAME = "mlflow.traceName"
TRACES = MetricView.TRACES


FILTERS: Sequence[tuple[str | None, str]] = [
    (None, "three two one"),
    ("timestamp_ms > 100", "three two"),
    ("execution_time_ms > 4", "three one"),
    ("end_time_ms <= 200", "two one"),
    ("status = 'OK'", "three one"),
    ("status NOT IN ('OK')", "two"),
    ("request_id IN ('one', 'two')", "two one"),
    ("client_request_id != 'c-2'", "one"),
    ("NOT client_request_id = 'c-1'", "three two"),
    ("name = 'alpha'", "one"),
    ("name ILIKE 'BETA'", "two"),
    ("name RLIKE '^[ab].*a$'", "one"),
    ("tags.env ILIKE 'DÉV%'", "two"),
    ("tags.env RLIKE 'd.v\\w+'", "two"),
    ("tags.env IS NULL", "three"),
    ("metadata.m = 'x'", "one"),
    ("metadata.m IS NOT NULL", "one"),
    ("run_id = 'run-1'", "three two"),
    ("run_id = 'run-2'", ""),
    ("prompt = 'qa/2'", "one"),
    ("prompt = 'qa/3'", ""),
    ("span.name = 'tool'", "two one"),
    ("span.name = 'tool' AND span.status = 'ERROR'", "one"),
    ("span.name = 'root' AND span.status = 'ERROR'", ""),
    ("span.name = 'root' AND name = 'alpha' AND span.type = 'LLM'", "one"),
    ("span.type != 'LLM'", "two one"),
    ("span.type NOT IN ('TOOL')", "one"),
    ("span.content LIKE '%gpt%'", "one"),
    ("trace.text ILIKE '%GROSSE%' OR trace.text ILIKE '%GROßE%'", "three"),
    ("span.attributes.model = 'gpt-4'", "one"),
    ("span.attributes.model RLIKE '^gpt-[0-9]$'", "one"),
    ("span.attributes.t = '0.5'", "one"),
    ("span.attributes.model != 'gpt-4'", ""),
    ('span.attributes.`odd " %key` LIKE \'a "b" %\'', "two"),
    ("span.attributes.none LIKE '%'", ""),
    ("NOT span.attributes.model = 'gpt-4'", "three two"),
    ("span.attributes.model = 'gpt-4' AND span.status = 'ERROR'", ""),
    ("span.attributes.model = 'gpt-4' AND span.attributes.t = '0.5' AND span.name = 'root'", "one"),
    ("span.attributes.model = 'gpt-4' OR span.attributes.text = 'Große Frage'", "three one"),
    ("feedback.score > 0.5", "one"),
    ("feedback.score >= 0.5", "two one"),
    ("feedback.score = '5'", "one"),
    ("feedback.score = 'high é'", "two"),
    ("feedback.score LIKE '%high%'", "two"),
    ("feedback.score IS NULL", "three"),
    ("feedback.gone IS NOT NULL", ""),
    ("feedback.whole = 'ok'", "three one"),
    ("feedback.whole IS NULL", "two"),
    ("expectation.len > 100", "three"),
    ("feedback.len > 100", ""),
    ("issue.id = 'i-1'", "three"),
    ("status = 'ERROR' OR feedback.score > 4", "two one"),
]
"""Filters, and which traces of ``searched`` they find."""
ORDERS = [
    ("timestamp ASC", "one two three"),
    ("execution_time ASC", "one three two"),
    ("execution_time DESC", "three one two"),
    ("end_time DESC", "three two one"),
    ("name", "two one three"),
    ("name DESC", "one two three"),
    ("metadata.m", "one three two"),
    ("status", "two three one"),
    ("request_id", "one three two"),
]


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


class TraceStoreRules(ABC):
    """What a subclass opens must keep traces as the contracts say."""

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

    def test_a_trace_comes_back_as_it_was_kept(
        self, tmp_path: Path, stores: TracesUnderTest, experiment: Experiment
    ) -> None:
        """A trace comes back as it was kept."""
        trace = new_trace(
            experiment,
            client_request_id="c-1",
            request_preview="ask",
            response_preview="answer",
            metadata={"m": "x"},
            tags={NAME: "predict", "é": "ü"},
        )
        stores.traces.add_trace(trace)
        with contextlib.closing(self.open_traces(tmp_path)) as opened_again:
            assert opened_again.traces.get_trace(WORKSPACE, "tr-1") == trace

    def test_an_id_is_given_once_in_a_workspace_and_again_in_another(
        self, stores: TracesUnderTest, experiment: Experiment
    ) -> None:
        """An id is given once in a workspace and again in another."""
        stores.traces.add_trace(new_trace(experiment))
        with pytest.raises(AlreadyExists):
            stores.traces.add_trace(new_trace(experiment))
        elsewhere = stores.metadata.add_experiment("assistant", OTHER_WORKSPACE)
        stores.traces.add_trace(new_trace(elsewhere, started_ms=5))
        assert stores.traces.get_trace(WORKSPACE, "tr-1").started_ms == NOW_MS
        assert stores.traces.get_trace(OTHER_WORKSPACE, "tr-1").started_ms == 5

    def test_what_is_not_there_is_not_found(self, stores: TracesUnderTest, experiment: Experiment) -> None:
        """What is not there is not found."""
        stores.traces.add_trace(new_trace(experiment))
        for ask in (
            lambda: stores.traces.get_trace(OTHER_WORKSPACE, "tr-1"),
            lambda: stores.traces.get_trace(WORKSPACE, "tr-2"),
            lambda: stores.traces.set_trace_tags(OTHER_WORKSPACE, "tr-1", {"a": "b"}),
            lambda: stores.spans.keep_spans(OTHER_WORKSPACE, [new_span("tr-1")]),
            lambda: stores.assessments.add_assessment(OTHER_WORKSPACE, new_assessment()),
            lambda: stores.assessments.get_assessment(WORKSPACE, "tr-1", "a-1"),
        ):
            with pytest.raises(NotFound):
                ask()

    def test_traces_are_found_in_the_order_asked_for_each_once(
        self, stores: TracesUnderTest, experiment: Experiment
    ) -> None:
        """Traces are found in the order asked for each once."""
        for name in ("tr-1", "tr-2", "tr-3"):
            stores.traces.add_trace(new_trace(experiment, name))
        found = stores.traces.find_traces(WORKSPACE, ["tr-3", "none", "tr-1", "tr-3"])
        assert [trace.trace_id for trace in found] == ["tr-3", "tr-1"]
        assert stores.traces.find_traces(OTHER_WORKSPACE, ["tr-1"]) == []

    def test_an_update_writes_fields_over_and_adds_pairs(
        self, stores: TracesUnderTest, experiment: Experiment
    ) -> None:
        """An update writes fields over and adds pairs."""
        stores.traces.add_trace(new_trace(experiment, tags={"a": "1", "b": "1"}, metadata={"m": "1"}))
        changed = new_trace(
            experiment, state=TraceState.ERROR, execution_ms=None, tags={"b": "2"}, metadata={"n": "2"}
        )
        stores.traces.update_trace(changed)
        assert stores.traces.get_trace(WORKSPACE, "tr-1") == replace(
            changed, tags={"a": "1", "b": "2"}, metadata={"m": "1", "n": "2"}
        )

    def test_tags_are_set_and_deleted(self, stores: TracesUnderTest, experiment: Experiment) -> None:
        """Tags are set and deleted."""
        stores.traces.add_trace(new_trace(experiment))
        stores.traces.set_trace_tags(WORKSPACE, "tr-1", {"a": "1"})
        stores.traces.set_trace_tags(WORKSPACE, "tr-1", {"a": "2"})
        assert stores.traces.get_trace(WORKSPACE, "tr-1").tags == {"a": "2"}
        assert stores.traces.delete_trace_tag(WORKSPACE, "tr-1", "a")
        assert not stores.traces.delete_trace_tag(WORKSPACE, "tr-1", "a")

    def test_spans_come_back_the_whole_first_and_then_by_time(
        self, stores: TracesUnderTest, experiment: Experiment
    ) -> None:
        """Spans come back the whole first and then by time."""
        stores.traces.add_trace(new_trace(experiment))
        late, early = NOW_MS * 1_000_000 + 9, NOW_MS * 1_000_000 - 9
        sent = [
            new_span("tr-1", "03" * 8, parent_id="01" * 8, started_ns=late, attributes={"k": [1, None, "é"]}),
            new_span("tr-1", "01" * 8),
            new_span("tr-1", "02" * 8, parent_id="01" * 8, started_ns=early),
        ]
        stores.spans.keep_spans(WORKSPACE, sent)
        stores.spans.keep_spans(WORKSPACE, sent[:1])
        found = stores.spans.read_contents(WORKSPACE, ["tr-1", "none"])
        assert found == {"tr-1": [sent[1].content, sent[2].content, sent[0].content]}
        assert json.loads(sent[0].content)["attributes"] == {"k": '[1, null, "é"]'}
        assert stores.spans.read_contents(OTHER_WORKSPACE, ["tr-1"]) == {}

    def test_an_assessment_comes_back_and_is_changed_and_deleted(
        self, stores: TracesUnderTest, experiment: Experiment
    ) -> None:
        """An assessment comes back and is changed and deleted."""
        stores.traces.add_trace(new_trace(experiment))
        given = new_assessment(
            value={"a": [1.5, None]},
            error=AssessmentError("E", "why", "stack"),
            rationale="so",
            metadata={"k": "v"},
            span_id="01" * 8,
        )
        stores.assessments.add_assessment(WORKSPACE, given)
        with pytest.raises(AlreadyExists):
            stores.assessments.add_assessment(WORKSPACE, given)
        assert stores.assessments.get_assessment(WORKSPACE, "tr-1", "a-1") == given
        assert stores.traces.get_trace(WORKSPACE, "tr-1").assessments == (given,)
        changed = replace(given, value="no", error=None, updated_ms=NOW_MS + 1)
        stores.assessments.update_assessment(WORKSPACE, changed)
        assert stores.assessments.get_assessment(WORKSPACE, "tr-1", "a-1") == changed
        assert stores.assessments.set_validity(WORKSPACE, "tr-1", "a-1", False)
        assert not stores.assessments.get_assessment(WORKSPACE, "tr-1", "a-1").is_valid
        assert not stores.assessments.set_validity(WORKSPACE, "tr-1", "a-2", False)
        assert stores.assessments.delete_assessment(WORKSPACE, "tr-1", "a-1")
        assert not stores.assessments.delete_assessment(WORKSPACE, "tr-1", "a-1")

    def test_what_traces_hold_is_counted(self, stores: TracesUnderTest, experiment: Experiment) -> None:
        """What traces hold is counted."""
        for name in ("tr-1", "tr-2", "tr-3"):
            stores.traces.add_trace(new_trace(experiment, name))
            stores.spans.keep_spans(WORKSPACE, [new_span(name), new_span(name, "02" * 8)])
        stores.assessments.add_assessment(WORKSPACE, new_assessment("tr-2"))
        assert stores.traces.count_held(WORKSPACE, ["tr-1", "tr-2", "tr-2", "none"]) == Held(2, 4, 1)
        assert stores.traces.count_held(WORKSPACE, []) == Held(0, 0, 0)
        assert stores.traces.count_held(OTHER_WORKSPACE, ["tr-1"]) == Held(0, 0, 0)

    def test_deleted_traces_are_gone_with_all_that_hung_on_them(
        self, tmp_path: Path, stores: TracesUnderTest, experiment: Experiment
    ) -> None:
        """Deleted traces are gone with all that hung on them."""
        for number in range(4):
            trace = new_trace(
                experiment, f"tr-{number}", started_ms=number, tags={"a": "b"}, metadata={"m": "n"}
            )
            stores.traces.add_trace(trace)
            stores.spans.keep_spans(WORKSPACE, [new_span(trace.trace_id)])
            stores.assessments.add_assessment(WORKSPACE, new_assessment(trace.trace_id))
            stores.traces.link_prompts(WORKSPACE, trace.trace_id, ["qa/1"])
            stores.traces.link_run(WORKSPACE, [trace.trace_id], "run")
        of_it = experiment.experiment_id
        assert stores.traces.delete_traces(WORKSPACE, Doomed(of_it, ["tr-3", "none"]), 10, NOW_MS) == 1
        assert stores.traces.delete_traces(WORKSPACE, Doomed(of_it, until_ms=1), 1, NOW_MS) == 1
        assert stores.traces.delete_traces(OTHER_WORKSPACE, Doomed(of_it), 10, NOW_MS) == 0
        assert self.found(stores, experiment) == ["tr-2", "tr-1"]
        assert stores.traces.delete_traces(WORKSPACE, Doomed(of_it, until_ms=2), 10, NOW_MS) == 2
        assert self.kept_rows(tmp_path) == 0
        folders = [f"{WORKSPACE}/{of_it}/traces/tr-{number}" for number in range(4)]
        assert self.removed_folders(tmp_path) == folders

    def found(
        self,
        stores: TracesUnderTest,
        experiment: Experiment,
        filter: str | None = None,
        order: Sequence[str] = (),
        **more: Any,
    ) -> list[str]:
        """Return the ids that a search finds."""
        search = Search(
            workspace=experiment.workspace,
            experiment_ids=[experiment.experiment_id],
            filter=parse_trace_filter(filter),
            order=parse_trace_order(order),
            **more,
        )
        return [trace.trace_id for trace in stores.traces.search_traces(search)]

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
                metadata={"m": "x", SESSION: "s"},
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
            new_trace(experiment, "three", started_ms=300, execution_ms=1000, metadata={SESSION: "s"}),
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
        of_session = new_assessment("one", "whole", name="whole", value="ok", metadata={SESSION: "s"})
        stores.assessments.add_assessment(WORKSPACE, of_session)
        expected = new_assessment("three", "e", name="len", value=150, kind=AssessmentKind.EXPECTATION)
        stores.assessments.add_assessment(WORKSPACE, expected)
        issue = new_assessment("three", "i", name="i-1", value="bad", kind=AssessmentKind.ISSUE)
        stores.assessments.add_assessment(WORKSPACE, issue)
        stores.traces.link_run(WORKSPACE, ["three", "none"], "run-1")
        stores.traces.link_prompts(WORKSPACE, "one", ["qa/1", "qa/1", "qa/2"])
        return experiment

    def test_filters_find_what_they_say(self, stores: TracesUnderTest, searched: Experiment) -> None:
        """Filters find what they say."""
        found = {text: self.found(stores, searched, text) for text, _ in FILTERS}
        assert found == {text: wanted.split() for text, wanted in FILTERS}

    @pytest.mark.parametrize(
        ("value", "written"),
        [
            ("", ""),
            ('a "b" \\', 'a "b" \\'),
            ("é\n🎈", "é\n🎈"),
            ("x" * 5_000, "x" * 5_000),
            (5, "5"),
            (-0.5, "-0.5"),
            (True, "true"),
            (None, "null"),
            ([1, None, "é"], '[1, null, "é"]'),
            ({"a": {"b": "c"}}, '{"a": {"b": "c"}}'),
        ],
    )
    def test_an_attribute_is_found_by_its_text_whatever_it_is(
        self, stores: TracesUnderTest, experiment: Experiment, value: Any, written: str
    ) -> None:
        """And no more once the span says something else."""

        def found(key: str, text: str) -> list[str]:
            wanted = Comparison(Entity.SPAN, SPAN_ATTRIBUTE + key, Operator.EQUAL, text)
            search = Search(WORKSPACE, experiment_ids=[experiment.experiment_id], filter=wanted)
            return [trace.trace_id for trace in stores.traces.search_traces(search)]

        for trace_id, said in (("tr-1", value), ("tr-2", "another")):
            stores.traces.add_trace(new_trace(experiment, trace_id))
            stores.spans.keep_spans(WORKSPACE, [new_span(trace_id, attributes={"a.b c": said})])
        assert found("a.b c", written) == ["tr-1"]
        assert found("a.b", written) == []
        assert found("a.b c", written + "x") == []
        stores.spans.keep_spans(WORKSPACE, [new_span("tr-1", attributes={"a.b c": "another"})])
        assert found("a.b c", written) == []
        assert sorted(found("a.b c", "another")) == ["tr-1", "tr-2"]

    def test_orders_sort_and_what_has_no_value_comes_last(
        self, stores: TracesUnderTest, searched: Experiment
    ) -> None:
        """Orders sort, and what has no value comes last."""
        found = {order: self.found(stores, searched, order=[order]) for order, _ in ORDERS}
        assert found == {order: wanted.split() for order, wanted in ORDERS}

    def test_pages_hold_each_trace_once(self, stores: TracesUnderTest, searched: Experiment) -> None:
        """Pages hold each trace once."""
        pages = [self.found(stores, searched, limit=2, offset=offset) for offset in (0, 2)]
        assert pages == [["three", "two"], ["one"]]

    def test_two_filters_overlap_by_as_much_as_they_do(
        self, stores: TracesUnderTest, searched: Experiment
    ) -> None:
        """Two filters overlap by as much as they do."""
        search = Search(workspace=WORKSPACE, experiment_ids=[searched.experiment_id])
        both = [parse_trace_filter(text) for text in ("span.name = 'tool'", "status = 'OK'")]
        assert stores.traces.overlap(search, *both) == Overlap(total=3, first=2, second=2, joint=1)
        narrowed = replace(search, filter=parse_trace_filter("timestamp > 100"))
        assert stores.traces.overlap(narrowed, *both) == Overlap(total=2, first=1, second=1, joint=0)

    def measured(
        self, stores: TracesUnderTest, experiment: Experiment, view: MetricView, metric: str, **more: Any
    ) -> Any:
        """Return the points of a metric as plain tuples."""
        search = Search(workspace=WORKSPACE, experiment_ids=[experiment.experiment_id])
        asked = {"aggregations": [Aggregation(Aggregate.COUNT)], **more}
        points = stores.metrics.measure(TraceQuestion(search=search, view=view, metric=metric, **asked))
        return [(point.bucket_ms, dict(point.dimensions), dict(point.values)) for point in points]

    def test_traces_spans_and_assessments_are_added_up(
        self, stores: TracesUnderTest, searched: Experiment
    ) -> None:
        """Traces spans and assessments are added up."""
        assert self.measured(stores, searched, TRACES, "trace_count") == [(None, {}, {"COUNT": 3.0})]
        assert self.measured(stores, searched, TRACES, "session_count") == [(None, {}, {"COUNT": 1.0})]
        spread = [Aggregation(Aggregate.PERCENTILE, 25.0), Aggregation(Aggregate.MAXIMUM)]
        latency = self.measured(stores, searched, TRACES, "latency", aggregations=spread)
        assert latency == [(None, {}, {"P25.0": 253.75, "MAX": 1000.0})]
        by_name = self.measured(stores, searched, MetricView.SPANS, "span_count", dimensions=["span_name"])
        assert by_name == [
            (None, {"span_name": "root"}, {"COUNT": 1.0}),
            (None, {"span_name": "tool"}, {"COUNT": 2.0}),
            (None, {"span_name": "untyped"}, {"COUNT": 1.0}),
        ]
        named = {"aggregations": [Aggregation(Aggregate.AVERAGE)], "equal": [("name", "score")]}
        scores = self.measured(stores, searched, MetricView.ASSESSMENTS, "assessment_value", **named)
        assert scores == [(None, {}, {"AVG": 2.75})]

    def test_metrics_are_told_apart_by_time(self, stores: TracesUnderTest, searched: Experiment) -> None:
        """Metrics are told apart by time."""
        found = self.measured(
            stores, searched, TRACES, "trace_count", bucket_ms=200, from_ms=100, until_ms=300
        )
        assert found == [(0, {}, {"COUNT": 1.0}), (200, {}, {"COUNT": 2.0})]
        assert self.measured(stores, searched, TRACES, "trace_count", until_ms=99) == [
            (None, {}, {"COUNT": 0.0})
        ]

    def test_traces_that_name_a_session_make_one(
        self, stores: TracesUnderTest, experiment: Experiment
    ) -> None:
        """The session with the last trace comes first; of two that are as new, the one of the lesser id."""
        tokens = {"mlflow.trace.tokenUsage": '{"total_tokens": 7}'}
        told: list[tuple[str | None, dict[str, Any]]] = [
            ("b", {"request_preview": "first", "metadata": tokens}),
            ("a", {"state": TraceState.ERROR}),
            ("b", {"request_preview": "second", "state": TraceState.ERROR, "metadata": tokens}),
            ("c", {}),
            (None, {}),
        ]
        for number, (session_id, more) in enumerate(told):
            named = {} if session_id is None else {SESSION_KEY: session_id}
            changes = {**more, "metadata": {**more.get("metadata", {}), **named}}
            started_ms = NOW_MS + min(number, 2)
            stores.traces.add_trace(new_trace(experiment, f"tr-{number}", started_ms=started_ms, **changes))
        search = Search(workspace=WORKSPACE, experiment_ids=[experiment.experiment_id])
        found = stores.metrics.find_sessions(search)
        assert found == [
            TraceSession("b", 2, 1, 14, "first", NOW_MS, NOW_MS + 2),
            TraceSession("c", 1, 0, None, None, NOW_MS + 2, NOW_MS + 2),
            TraceSession("a", 1, 1, None, None, NOW_MS + 1, NOW_MS + 1),
        ]
        pages = [stores.metrics.find_sessions(replace(search, limit=2, offset=offset)) for offset in (0, 2)]
        assert pages == [found[:2], found[2:]]
        failed = replace(search, filter=parse_trace_filter("status = 'ERROR'"))
        assert stores.metrics.find_sessions(failed) == [
            TraceSession("b", 1, 1, 7, "second", NOW_MS + 2, NOW_MS + 2),
            TraceSession("a", 1, 1, None, None, NOW_MS + 1, NOW_MS + 1),
        ]

    def test_tokens_and_costs_are_numbers(self, stores: TracesUnderTest, experiment: Experiment) -> None:
        """Tokens and costs are numbers."""
        used = {"mlflow.trace.tokenUsage": '{"input_tokens": 5, "output_tokens": true}'}
        stores.traces.add_trace(new_trace(experiment, metadata=used))
        cost = {"mlflow.llm.cost": {"total_cost": 0.25}, "mlflow.llm.model": "m"}
        stores.spans.keep_spans(WORKSPACE, [new_span("tr-1", attributes=cost)])
        summed = [Aggregation(Aggregate.SUM)]
        of_traces = (TRACES, "input_tokens")
        assert self.measured(stores, experiment, *of_traces, aggregations=summed) == [
            (None, {}, {"SUM": 5.0})
        ]
        of_spans = (MetricView.SPANS, "total_cost")
        found = self.measured(
            stores, experiment, *of_spans, aggregations=summed, dimensions=["span_model_name"]
        )
        assert found == [(None, {"span_model_name": "m"}, {"SUM": 0.25})]
        assert self.measured(stores, experiment, TRACES, "output_tokens", aggregations=summed) == []

    def test_what_is_told_of_costs_leaves_the_tokens(
        self, stores: TracesUnderTest, experiment: Experiment
    ) -> None:
        """What is told of costs leaves what was told of tokens, and takes the place of other costs."""
        used = {"mlflow.trace.tokenUsage": '{"input_tokens": 5}'}
        stores.traces.add_trace(new_trace(experiment, metadata=used))
        for cost in ('{"input_cost": 1, "total_cost": 3}', '{"total_cost": 2}'):
            stores.traces.update_trace(new_trace(experiment, metadata={"mlflow.trace.cost": cost}))
        summed = [Aggregation(Aggregate.SUM)]
        found = {
            name: [
                values for *_, values in self.measured(stores, experiment, TRACES, name, aggregations=summed)
            ]
            for name in ("input_tokens", "input_cost", "total_cost")
        }
        assert found == {"input_tokens": [{"SUM": 5.0}], "input_cost": [], "total_cost": [{"SUM": 2.0}]}
