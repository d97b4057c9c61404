"""How MLflow's stores write traces, read back: what they have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from runyard.decoding import learnt
from runyard.entities.trace import ARCHIVE_TAG, PROMPTS_TAG, SPANS_TAG, Trace
from runyard.errors import InvalidParameter, RunyardError
from runyard.protocol.messages.traces import WireTrace, WireTraceInfo, trace_in, trace_state
from runyard.protocol.otlp import PROTOBUF, spans_in
from runyard.protocol.span_content import content_of
from runyard.sdk.transfer.local_artifacts import LocalArtifacts
from runyard.sdk.transfer.mlflow_meta import read_limited
from runyard.sdk.transfer.records import SourceTrace
from runyard.sdk.transfer.source import Unreadable

SPANS_FILE = "traces.json"
ARCHIVE_FILE = "traces.pb"
ARCHIVED = "ARCHIVE_REPO"
MAX_SPANS_BYTES = 256 * 1024 * 1024

_BROKEN = (RunyardError, Unreadable, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError)


def each_sound(
    problems: list[str], described: Iterator[tuple[str, Callable[[], SourceTrace]]]
) -> Iterator[SourceTrace]:
    """Yield the traces that can be read; one that is broken is noted with its id and left out."""
    for trace_id, read in described:
        yield from _sound(problems, trace_id, read)


def _sound(problems: list[str], trace_id: str, read: Callable[[], SourceTrace]) -> list[SourceTrace]:
    try:
        return [read()]
    except _BROKEN as error:
        problems.append(f"Trace {trace_id}: {error}")
        return []


def trace_of_today(raw: Mapping[str, Any]) -> Trace:
    """Return a trace as MLflow 3 writes it, as an answer or as YAML.

    Raises:
        InvalidParameter: It is none.
    """
    info = _converted(dict(raw), WireTraceInfo)
    trace = trace_in(WireTrace(trace_info=info), "")
    execution_ms = raw.get("execution_duration_ms")
    return replace(trace, execution_ms=execution_ms) if isinstance(execution_ms, int) else trace


def older_trace(raw: Mapping[str, Any], metadata: Mapping[str, str], tags: Mapping[str, str]) -> Trace:
    """Return a trace as MLflow 2 and the databases of all versions have it."""
    return Trace(
        trace_id=raw["request_id"],
        workspace="",
        experiment_id=str(raw["experiment_id"]),
        started_ms=int(raw["timestamp_ms"]),
        execution_ms=None if raw.get("execution_time_ms") is None else int(raw["execution_time_ms"]),
        state=trace_state(raw["status"]),
        client_request_id=raw.get("client_request_id"),
        request_preview=raw.get("request_preview"),
        response_preview=raw.get("response_preview"),
        metadata=metadata,
        tags=tags,
    )


def prompts_in(tags: Mapping[str, str]) -> list[str]:
    """Return the versions of prompts that a client has noted in its trace, each as ``name/version``."""
    try:
        noted = json.loads(tags.get(PROMPTS_TAG) or "[]")
    except (ValueError, RecursionError):
        return []
    found = noted if isinstance(noted, list) else []
    return [
        f"{each['name']}/{each['version']}" for each in found if isinstance(each, dict) and _is_prompt(each)
    ]


def _is_prompt(each: Mapping[str, Any]) -> bool:
    return "name" in each and "version" in each


def spans_in_files(artifacts: LocalArtifacts, trace: SourceTrace) -> Iterator[dict[str, Any]]:
    """Yield the spans that lie in a file of a trace; none if there is no such file.

    Raises:
        Unreadable: The file is broken, or lies where nothing may be read.
    """
    tags = trace.trace.tags
    is_archived = tags.get(SPANS_TAG) == ARCHIVED
    uri = tags.get(ARCHIVE_TAG, "") if is_archived else trace.artifact_uri
    if artifacts.remote_location(uri) is not None:
        if is_archived:
            raise Unreadable(f"Its spans were archived to {uri}: import it from the running server.")
        return
    name = ARCHIVE_FILE if is_archived else SPANS_FILE
    for file in artifacts.files(uri) if uri else ():
        if file.path == name and file.local is not None:
            yield from archived_spans(file.local) if is_archived else spans_in_file(file.local)


def archived_spans(path: Path) -> list[dict[str, Any]]:
    """Return the spans in OpenTelemetry's own form, as MLflow archives them."""
    try:
        received = spans_in(read_limited(path, MAX_SPANS_BYTES), PROTOBUF)
    except RunyardError as error:
        raise Unreadable(f"{path}: {error}") from error
    return [json.loads(content_of(each.span)) for each in received]


def spans_in_file(path: Path) -> list[dict[str, Any]]:
    """Return the spans in a file of a trace."""
    return spans_in_json(read_limited(path, MAX_SPANS_BYTES), str(path))


def spans_in_json(content: bytes, name: str) -> list[dict[str, Any]]:
    """Return the spans in the content of a file of a trace.

    Raises:
        Unreadable: It holds something else.
    """
    try:
        spans = json.loads(content)["spans"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise Unreadable(f"{name} holds no spans: {error!r}") from error
    if not isinstance(spans, list) or not all(isinstance(each, dict) for each in spans):
        raise Unreadable(f"{name} holds something else than spans.")
    return spans


def _converted(raw: dict[str, Any], message: type[WireTraceInfo]) -> WireTraceInfo:
    try:
        return msgspec.convert(raw, learnt(message), strict=False)
    except msgspec.ValidationError as error:
        raise InvalidParameter(str(error)) from error
