"""The rules for finding traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from runyard.entities.experiment import Experiment
from runyard.protocol.filter_tree import SPAN_ATTRIBUTE, Comparison, Entity, Operator
from runyard.protocol.trace_filters import parse_trace_filter, parse_trace_order
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_traces import Overlap
from runyard.testing.metadata_hooks import WORKSPACE
from runyard.testing.trace_hooks import TraceHooks, TracesUnderTest, new_span, new_trace

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


class TraceSearchRules(TraceHooks):
    """The rules for filters, orders and pages; a part of ``TraceStoreRules``."""

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
