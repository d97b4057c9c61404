"""What can be done with spans: keep them and read them back; what they tell of their trace is noted there."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from runyard.entities.experiment import Experiment, LifecycleStage
from runyard.entities.measures import ALWAYS_TOLD, COSTS, TOKENS, Node, added_up, object_in
from runyard.entities.trace import (
    ARTIFACTS_TAG,
    COST_ATTRIBUTE,
    COST_KEY,
    FINAL_KEY,
    INPUTS_ATTRIBUTE,
    OUTPUTS_ATTRIBUTE,
    SESSION_KEY,
    SIZES_KEY,
    SPANS_HERE,
    SPANS_TAG,
    TAG_ATTRIBUTE,
    TOKENS_ATTRIBUTE,
    TOKENS_KEY,
    USER_KEY,
    Span,
    Trace,
    TraceState,
)
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol import limits
from runyard.protocol.otlp import Received
from runyard.protocol.previews import preview_of
from runyard.protocol.span_content import attributes_in, content_of
from runyard.services.call import Call
from runyard.services.experiments import get_active_experiment, get_experiment
from runyard.services.traces import add_or_get, artifacts_of, check_may_change, find_traces, get_trace
from runyard.stores.metadata.base_traces import WrittenSpan

MAX_METADATA_LENGTH = 250
_SESSIONS = ("session.id", "gen_ai.conversation.id")
_OF_THE_SDK = ("telemetry.sdk.", "mlflow.")


def log_spans(
    call: Call, experiment_id: str, received: Sequence[Received], run_id: str | None = None
) -> None:
    """Keep spans of one or many traces; a trace that is not there begins with them.

    All are kept or none. Of a trace that its client has told of as a whole they tell nothing more.

    Raises:
        Forbidden: A span is of a trace in another experiment, where the caller may not write.
        InvalidParameter: The experiment is deleted, and a trace is not there.
        NotFound: There is no such experiment.
    """
    by_trace: dict[str, list[Received]] = defaultdict(list)
    for each in received:
        by_trace[each.span.trace_id].append(each)
    with call.stores.atomic():
        experiment = get_experiment(call, experiment_id)
        for trace_id in sorted(by_trace):
            _note_trace(call, experiment, by_trace[trace_id])
        spans = [each.span for each in received]
        written = [WrittenSpan(span, content_of(span)) for span in spans]
        call.stores.metadata.spans.keep_spans(call.workspace.name, written)
        if run_id:
            _link_to_run(call, [span.trace_id for span in spans if span.parent_id is None], run_id)


def _link_to_run(call: Call, trace_ids: Sequence[str], run_id: str) -> None:
    """Link traces whose whole has come to a run; spans are not refused for a run that is not there."""
    if call.stores.metadata.runs.find_run_ids(call.workspace.name, [run_id]):
        run = call.stores.metadata.runs.get_run(call.workspace.name, run_id)
        check_may_change(call, Trace("", run.workspace, run.experiment_id, 0))
        call.stores.metadata.traces.link_run(call.workspace.name, trace_ids, run_id)


def _note_trace(call: Call, experiment: Experiment, received: Sequence[Received]) -> None:
    spans = [each.span for each in received]
    first_ms = min(span.started_ns for span in spans) // 1_000_000
    trace_id = spans[0].trace_id
    fresh = Trace(
        trace_id=trace_id,
        workspace=call.workspace.name,
        experiment_id=experiment.experiment_id,
        started_ms=first_ms,
        state=TraceState.IN_PROGRESS,
        tags={ARTIFACTS_TAG: artifacts_of(experiment, trace_id)},
    )
    before = add_or_get(call, fresh)
    if before is None and experiment.lifecycle_stage is not LifecycleStage.ACTIVE:
        get_active_experiment(call, experiment.experiment_id)
    call.stores.metadata.traces.update_trace(_told_by(call, before or fresh, before is None, received))


def _told_by(call: Call, trace: Trace, is_new: bool, received: Sequence[Received]) -> Trace:
    """Return what is to be written of a trace once these spans have come."""
    spans = [each.span for each in received]
    root = next((span for span in spans if span.parent_id is None), None)
    is_final = FINAL_KEY in trace.metadata
    told = replace(trace, tags=_tags_of(received, root), metadata={})
    if not is_final:
        told = _timed(told, spans)
    if root is not None:
        if trace.state in (TraceState.IN_PROGRESS, TraceState.UNSPECIFIED):
            told = replace(told, state=TraceState.ERROR if root.status == "ERROR" else TraceState.OK)
        told = replace(
            told,
            request_preview=trace.request_preview
            or preview_of(root.attributes.get(INPUTS_ATTRIBUTE), "user"),
            response_preview=trace.response_preview
            or preview_of(root.attributes.get(OUTPUTS_ATTRIBUTE), "assistant"),
        )
    metadata = _who(trace, spans) | _use(call, trace, is_new, spans)
    return replace(told, metadata={key: value for key, value in metadata.items() if value})


def _timed(trace: Trace, spans: Sequence[Span]) -> Trace:
    started_ms = min(trace.started_ms, min(span.started_ns for span in spans) // 1_000_000)
    ends_ms = [span.ended_ns // 1_000_000 for span in spans if span.ended_ns is not None]
    if trace.execution_ms is not None:
        ends_ms.append(trace.started_ms + trace.execution_ms)
    execution_ms = max(ends_ms) - started_ms if ends_ms else None
    return replace(trace, started_ms=started_ms, execution_ms=execution_ms)


def _tags_of(received: Sequence[Received], root: Span | None) -> dict[str, str]:
    """Return the tags that spans and their senders give a trace; the trace's own client has the last word."""
    resource = next((each.resource for each in received if each.resource), {})
    tags = {key: value for key, value in resource.items() if not key.startswith(_OF_THE_SDK)}
    for key, value in (root.attributes if root is not None else {}).items():
        if key.startswith(TAG_ATTRIBUTE):
            tags[key[len(TAG_ATTRIBUTE) :]] = value
    written = {key: _text(value) for key, value in tags.items()}
    return {**{key: value for key, value in written.items() if _can_be(key, value)}, SPANS_TAG: SPANS_HERE}


def _can_be(key: str, value: str) -> bool:
    """Whether something can be a tag: spans are not refused for what their sender says beside them."""
    if "\0" in value or len(value) > limits.MAX_VALUE_LENGTH or len(key) > limits.MAX_KEY_LENGTH:
        return False
    try:
        limits.check_key(key, "key")
    except InvalidParameter:
        return False
    return key not in (SPANS_TAG, ARTIFACTS_TAG)


def _who(trace: Trace, spans: Iterable[Span]) -> dict[str, str]:
    """Return the session and the user that spans name, unless the trace has them."""
    found: dict[str, str] = {}
    for span in spans:
        named = {
            SESSION_KEY: next((span.attributes[key] for key in _SESSIONS if span.attributes.get(key)), None),
            USER_KEY: span.attributes.get("user.id"),
        }
        for key, value in named.items():
            if value and key not in found and key not in trace.metadata:
                found[key] = _text(value)[:MAX_METADATA_LENGTH].replace("\0", "")
    return found


def _use(call: Call, trace: Trace, is_new: bool, spans: Sequence[Span]) -> dict[str, str]:
    """Return the tokens that a trace used and what they cost, as all of its spans tell it."""
    found: dict[str, str] = {}
    kinds = ((TOKENS_KEY, TOKENS_ATTRIBUTE, TOKENS, ALWAYS_TOLD), (COST_KEY, COST_ATTRIBUTE, COSTS, COSTS))
    for key, attribute, names, always in kinds:
        is_told = FINAL_KEY in trace.metadata and key in trace.metadata
        if is_told or not any(attribute in span.attributes for span in spans):
            continue
        nodes = {} if is_new else _kept_nodes(call, trace.trace_id, attribute)
        nodes |= {
            each.span_id: _node(each.span_id, each.parent_id, each.attributes, attribute) for each in spans
        }
        total = added_up(nodes.values(), names, always)
        if total:
            plain = {name: int(value) if names is TOKENS else value for name, value in total.items()}
            found[key] = json.dumps(plain)
    return found


def _kept_nodes(call: Call, trace_id: str, attribute: str) -> dict[str, Node]:
    contents = call.stores.metadata.spans.read_contents(call.workspace.name, [trace_id]).get(trace_id, [])
    nodes = {}
    for content in contents:
        raw = json.loads(content)
        span_id, parent_id = raw["span_id"], raw["parent_span_id"]
        hexadecimal = [_hex(each) if each else None for each in (span_id, parent_id)]
        node = _node(hexadecimal[0] or "", hexadecimal[1], attributes_in(raw), attribute)
        nodes[node.span_id] = node
    return nodes


def _node(span_id: str, parent_id: str | None, attributes: Mapping[str, Any], attribute: str) -> Node:
    return Node(span_id, parent_id, object_in(attributes.get(attribute)) or None)


def _hex(encoded: str) -> str:
    return base64.b64decode(encoded).hex()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def get_contents(call: Call, trace_id: str, allow_partial: bool) -> tuple[Trace, list[str]]:
    """Return a trace and the contents of its spans.

    Raises:
        NotFound: There is no such trace, its spans are not kept here, or not all have come and they must.
    """
    with call.stores.database.reading_together():
        trace = get_trace(call, trace_id)
        found = call.stores.metadata.spans.read_contents(call.workspace.name, [trace_id])
    if not trace.has_spans_here:
        raise NotFound("Trace data not stored in tracking store")
    contents = found.get(trace_id, [])
    if not allow_partial and not _is_whole(trace, contents):
        raise NotFound(f"Trace with ID {trace_id} is not fully exported yet, please try again later.")
    return trace, contents


def find_contents(
    call: Call, trace_ids: Sequence[str], experiment_ids: Sequence[str] | None = None
) -> list[tuple[Trace, list[str]]]:
    """Return those of the traces whose spans are all here, and that the caller may see, with their spans."""
    with call.stores.database.reading_together():
        found = [trace for trace in find_traces(call, trace_ids, experiment_ids) if trace.has_spans_here]
        ids = [trace.trace_id for trace in found]
        contents = call.stores.metadata.spans.read_contents(call.workspace.name, ids)
    whole = ((trace, contents.get(trace.trace_id, [])) for trace in found)
    return [(trace, spans) for trace, spans in whole if spans and _is_whole(trace, spans)]


def _is_whole(trace: Trace, contents: Sequence[str]) -> bool:
    """Whether as many spans are here as the client said there are."""
    expected = object_in(trace.metadata.get(SIZES_KEY)).get("num_spans", 0)
    return len(contents) >= (expected if isinstance(expected, int) else 0)
