"""MLflow's routes about traces, of its third API."""

from __future__ import annotations

from anyio.to_thread import run_sync
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from runyard.auth.permissions import Permission
from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.traces import (
    BatchGetTraces,
    DeleteTraces,
    DeleteTracesAnswer,
    DeleteTraceTag,
    GetTrace,
    LinkPrompts,
    LinkTracesToRun,
    SearchTraces,
    SearchTracesAnswer,
    SetTraceTag,
    StartTrace,
    TraceAnswer,
    TraceInfosAnswer,
    TracesAnswer,
    trace_in,
    wire_trace,
    wire_trace_info,
)
from runyard.protocol.span_content import file_of
from runyard.server.answers import Answer
from runyard.server.downloads import download_response
from runyard.server.routing import Routes
from runyard.services import artifacts, reach, spans, traces
from runyard.services.artifacts import ArtifactDownload
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/3.0/mlflow/traces"
_OLD_BASE = "/api/2.0/mlflow/traces"
_FILE = "traces.json"


@routes.post(
    _BASE,
    permits=Permission.CONTRIBUTE,
    of=reach.experiment_of_trace,
    for_jobs=True,
    summary="Tell of a trace as a whole, which has ended.",
)
def start_trace(call: Call, body: StartTrace) -> TraceAnswer:
    """Keep a trace and answer it as it is kept."""
    trace = traces.start_trace(call, trace_in(body.trace, call.workspace.name))
    return TraceAnswer(trace=wire_trace(trace))


@routes.get(f"{_BASE}/get", permits=Permission.READ, of=reach.trace, summary="Get a trace with its spans.")
def get_trace(call: Call, body: GetTrace) -> TraceAnswer:
    """Answer a trace with its spans."""
    trace, contents = spans.get_contents(call, body.trace_id, body.allow_partial.lower() == "true")
    return TraceAnswer(trace=wire_trace(trace, contents))


@routes.get(
    f"{_BASE}/batchGet", permits=Permission.READ, of=reach.searched, summary="Get traces with their spans."
)
def batch_get_traces(call: Call, body: BatchGetTraces) -> TracesAnswer:
    """Answer those of the traces whose spans are all here."""
    found = spans.find_contents(call, body.trace_ids, body.experiment_ids)
    return TracesAnswer(traces=[wire_trace(trace, contents) for trace, contents in found] or UNSET)


@routes.post(
    f"{_BASE}/batchGetInfos",
    permits=Permission.READ,
    of=reach.searched,
    summary="Get traces without their spans.",
)
def batch_get_trace_infos(call: Call, body: BatchGetTraces) -> TraceInfosAnswer:
    """Answer those of the traces that are there."""
    found = traces.find_traces(call, body.trace_ids, body.experiment_ids)
    return TraceInfosAnswer(trace_infos=[wire_trace_info(trace) for trace in found] or UNSET)


@routes.post(f"{_BASE}/search", permits=Permission.READ, of=reach.searched, summary="Search traces.")
def search_traces(call: Call, body: SearchTraces) -> SearchTracesAnswer:
    """Answer a page of traces; MLflow's pages also ask for those of no experiment."""
    asked = traces.TracesAsked(
        experiment_ids=[each.experiment_id for each in body.locations if each.experiment_id],
        filter=body.filter,
        order_by=body.order_by,
        max_results=body.max_results,
        page_token=body.page_token,
    )
    page = traces.search_traces(call, asked)
    return SearchTracesAnswer(
        traces=[wire_trace_info(trace) for trace in page.items] or UNSET,
        next_page_token=page.next_token or UNSET,
    )


@routes.post(
    f"{_BASE}/delete-traces",
    f"{_OLD_BASE}/delete-traces",
    permits=Permission.CONTRIBUTE,
    of=reach.experiment,
    is_audited=True,
    summary="Delete traces for good, by their ids or up to a time.",
)
def delete_traces(call: Call, body: DeleteTraces) -> DeleteTracesAnswer:
    """Delete traces and answer how many there were."""
    deleted = traces.delete_traces(
        call, body.experiment_id, body.request_ids, body.max_timestamp_millis, body.max_traces
    )
    return DeleteTracesAnswer(traces_deleted=deleted)


@routes.get(
    f"{_BASE}/{{trace_id}}", permits=Permission.READ, of=reach.trace, summary="Get a trace without its spans."
)
def get_trace_info(call: Call, trace_id: str) -> TraceAnswer:
    """Answer a trace."""
    return TraceAnswer(trace=wire_trace(traces.get_trace(call, trace_id)))


@routes.patch(
    f"{_BASE}/{{trace_id}}/tags",
    f"{_OLD_BASE}/{{trace_id}}/tags",
    permits=Permission.CONTRIBUTE,
    of=reach.trace,
    summary="Set a tag of a trace.",
)
def set_trace_tag(call: Call, body: SetTraceTag, trace_id: str) -> Empty:
    """Set one tag."""
    traces.set_trace_tag(call, trace_id, body.key, body.value)
    return Empty()


@routes.delete(
    f"{_BASE}/{{trace_id}}/tags",
    f"{_OLD_BASE}/{{trace_id}}/tags",
    permits=Permission.CONTRIBUTE,
    of=reach.trace,
    summary="Delete a tag of a trace.",
)
def delete_trace_tag(call: Call, body: DeleteTraceTag, trace_id: str) -> Empty:
    """Delete one tag."""
    traces.delete_trace_tag(call, trace_id, body.key)
    return Empty()


@routes.post(
    f"{_OLD_BASE}/link-to-run",
    permits=Permission.CONTRIBUTE,
    of=reach.run,
    summary="Note that traces belong to a run.",
)
def link_traces_to_run(call: Call, body: LinkTracesToRun) -> Empty:
    """Link traces to a run."""
    traces.link_traces_to_run(call, body.trace_ids, body.run_id)
    return Empty()


@routes.post(
    f"{_OLD_BASE}/link-prompts",
    permits=Permission.CONTRIBUTE,
    of=reach.trace,
    summary="Note that a trace used versions of prompts.",
)
def link_prompts(call: Call, body: LinkPrompts) -> Empty:
    """Link a trace to versions of prompts."""
    traces.link_prompts(call, body.trace_id, [f"{each.name}/{each.version}" for each in body.prompt_versions])
    return Empty()


@routes.get(
    "/ajax-api/3.0/mlflow/get-trace-artifact",
    "/ajax-api/2.0/mlflow/get-trace-artifact",
    permits=Permission.READ,
    of=reach.trace,
    summary="Download the spans of a trace, or what is attached to one.",
)
async def get_trace_artifact(call: Call, http: Request) -> Response:
    """Send a trace's spans, from the database or from the file that its client uploaded, or an attachment."""
    trace_id = http.query_params.get("request_id")
    if not trace_id:
        raise InvalidParameter('Request must include the "request_id" query parameter.')
    attachment = http.query_params.get("path")
    if not attachment:
        trace = await run_sync(traces.get_trace, call, trace_id)
        if trace.has_spans_here:
            _, contents = await run_sync(spans.get_contents, call, trace_id, True)
            return _as_file(file_of(contents))
    path = f"attachments/{attachment}" if attachment else _FILE

    def opened() -> ArtifactDownload:
        artifact_uri = traces.artifact_uri_of(call, traces.get_trace(call, trace_id))
        return artifacts.open_file(call, artifact_uri, path)

    return download_response(http, await run_sync(opened), path.rpartition("/")[2])


def _as_file(body: bytes) -> Response:
    disposition = (b"content-disposition", f"attachment; filename={_FILE}".encode())
    return Answer(body, content_type=b"application/octet-stream", more_headers=(disposition,))
