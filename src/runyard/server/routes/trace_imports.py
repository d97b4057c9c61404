"""Runyard's own routes for taking over traces, with their ids and times."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.imported_traces import (
    BegunTrace,
    ImportedSpans,
    ImportedTrace,
    ImportSpans,
    ImportTraces,
    ImportTracesAnswer,
)
from runyard.protocol.messages.traces import WireTrace, trace_in
from runyard.protocol.span_records import read_span
from runyard.server.routing import Routes
from runyard.services import trace_imports
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/v1/import/traces"


@routes.post(
    _BASE,
    permits=Permission.MANAGE,
    is_audited=False,
    summary="Keep up to 100 traces with their ids, times, assessments and links; spans follow.",
)
def begin_traces(call: Call, body: ImportTraces) -> ImportTracesAnswer:
    """Answer of which traces no more is wanted."""
    places = trace_imports.begin_traces(call, body.source, [_coming(call, each) for each in body.traces])
    return ImportTracesAnswer(
        traces=[
            BegunTrace(trace_id=each.trace_info.trace_id, is_complete=place is None, artifact_uri=place or "")
            for each, place in zip(body.traces, places, strict=True)
        ]
    )


@routes.post(
    f"{_BASE}/spans",
    permits=Permission.MANAGE,
    is_audited=False,
    summary="Keep up to 10,000 spans of imported traces, and mark those as complete that are.",
)
def keep_spans(call: Call, body: ImportSpans) -> Empty:
    """Note what has come."""
    trace_imports.keep_spans(call, body.source, [_coming_spans(each) for each in body.traces])
    return Empty()


def _coming(call: Call, sent: ImportedTrace) -> trace_imports.ComingTrace:
    trace = trace_in(WireTrace(trace_info=sent.trace_info), call.workspace.name)
    return trace_imports.ComingTrace(trace, sent.artifact_uri, sent.run_ids, sent.prompts)


def _coming_spans(sent: ImportedSpans) -> trace_imports.ComingSpans:
    spans = [read_span(span, sent.trace_id) for span in sent.spans]
    return trace_imports.ComingSpans(sent.trace_id, spans, sent.is_last, sent.is_open)
