"""A trace: one request through an application, as a tree of spans, and what is known of it as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from runyard.entities.assessment import SESSION_KEY, Assessment

__all__ = ["SESSION_KEY", "Span", "Trace", "TraceState"]

NAME_TAG = "mlflow.traceName"
ARTIFACTS_TAG = "mlflow.artifactLocation"
SPANS_TAG = "mlflow.trace.spansLocation"
SPANS_HERE = "TRACKING_STORE"
ARCHIVE_TAG = "mlflow.trace.archiveLocation"
ARCHIVAL_FAILURE_TAG = "mlflow.trace.archivalFailure"
PROMPTS_TAG = "mlflow.linkedPrompts"

RUN_KEY = "mlflow.sourceRun"
MODEL_KEY = "mlflow.modelId"
USER_KEY = "mlflow.trace.user"
TOKENS_KEY = "mlflow.trace.tokenUsage"
COST_KEY = "mlflow.trace.cost"
SIZES_KEY = "mlflow.trace.sizeStats"
FINAL_KEY = "mlflow.trace.infoFinalized"
"""Set once a client has told of its trace as a whole: what spans say adds nothing to that any more."""


class TraceState(str, Enum):
    """How a trace ended (MLflow's ``TraceState``)."""

    UNSPECIFIED = "STATE_UNSPECIFIED"
    OK = "OK"
    ERROR = "ERROR"
    IN_PROGRESS = "IN_PROGRESS"


@dataclass(frozen=True, slots=True)
class Trace:
    """What is known of a trace as a whole; times are milliseconds.

    Args:
        trace_id: ``tr-`` and 32 hexadecimal digits as clients make it; unique in its workspace.
        workspace: Where it is.
        experiment_id: The experiment that it was logged to.
        started_ms: When it began, since the epoch.
        execution_ms: How long it took; ``None`` while it goes on.
        state: How it ended.
        client_request_id: The application's own id of the request.
        request_preview: The beginning of what was asked.
        response_preview: The beginning of what was answered.
        metadata: What its client wrote down once.
        tags: What anybody may change.
        assessments: What is thought of it, in the order in which that was given.
    """

    trace_id: str
    workspace: str
    experiment_id: str
    started_ms: int
    execution_ms: int | None = None
    state: TraceState = TraceState.UNSPECIFIED
    client_request_id: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    assessments: Sequence[Assessment] = ()

    @property
    def has_spans_here(self) -> bool:
        """Whether its spans are in the database, and not in a file that its client uploaded."""
        return self.tags.get(SPANS_TAG) == SPANS_HERE


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened at one moment of a span."""

    name: str
    at_ns: int
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SpanLink:
    """A span of this or another trace that this one has to do with."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """One step of a trace; times are nanoseconds since the epoch.

    Args:
        trace_id: The trace that it is a part of.
        span_id: 16 hexadecimal digits.
        parent_id: The step that this is a part of; ``None`` for the whole.
        name: What was done.
        started_ns: When it began.
        ended_ns: When it ended; ``None`` while it goes on.
        status: ``OK``, ``ERROR`` or ``UNSET``.
        status_message: What went wrong.
        attributes: What its client wrote down, by name.
        events: What happened meanwhile.
        links: What else it has to do with.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    started_ns: int
    ended_ns: int | None = None
    status: str = "UNSET"
    status_message: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[SpanEvent] = ()
    links: Sequence[SpanLink] = ()

    @property
    def type(self) -> str | None:
        """What kind of step it is, by MLflow's words or the client's own."""
        found = self.attributes.get(TYPE_ATTRIBUTE)
        return None if found is None else str(found)


TYPE_ATTRIBUTE = "mlflow.spanType"
INPUTS_ATTRIBUTE = "mlflow.spanInputs"
OUTPUTS_ATTRIBUTE = "mlflow.spanOutputs"
TOKENS_ATTRIBUTE = "mlflow.chat.tokenUsage"
COST_ATTRIBUTE = "mlflow.llm.cost"
MODEL_ATTRIBUTE = "mlflow.llm.model"
PROVIDER_ATTRIBUTE = "mlflow.llm.provider"
TRACE_ID_ATTRIBUTE = "mlflow.traceRequestId"
TAG_ATTRIBUTE = "mlflow.traceTag."
