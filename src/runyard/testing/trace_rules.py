"""The rules that every store of traces, their spans and their assessments must pass."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from runyard.entities.assessment import AssessmentError
from runyard.entities.experiment import Experiment
from runyard.entities.trace import TraceState
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.metadata.base_traces import Doomed, Held
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE
from runyard.testing.trace_hooks import NAME, TracesUnderTest, new_assessment, new_span, new_trace
from runyard.testing.trace_metric_rules import TraceMetricRules
from runyard.testing.trace_search_rules import TraceSearchRules


class TraceStoreRules(TraceSearchRules, TraceMetricRules):
    """What a subclass opens must keep traces as the contracts say."""

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
