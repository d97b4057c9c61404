"""What somebody or something thinks of a trace: feedback, an expectation, or a reference to an issue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class AssessmentKind(str, Enum):
    """What an assessment holds, by MLflow's words."""

    FEEDBACK = "feedback"
    EXPECTATION = "expectation"
    ISSUE = "issue"


@dataclass(frozen=True, slots=True)
class AssessmentError:
    """Why a piece of feedback could not be given."""

    code: str
    message: str | None = None
    stack_trace: str | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """One assessment of a trace; times are milliseconds since the epoch.

    Args:
        assessment_id: Unique within the trace.
        trace_id: The trace.
        kind: What it holds.
        name: What it is about; of an issue, the issue's id.
        value: Any JSON; of an issue, the issue's name.
        source_type: HUMAN, LLM_JUDGE, CODE or SOURCE_TYPE_UNSPECIFIED.
        source_id: Who or what gave it.
        created_ms: When it was given.
        updated_ms: When it was changed last.
        error: Why there is no value.
        rationale: Why the value is what it is.
        metadata: What else its giver wrote down.
        span_id: The span that it is about; ``None`` for the trace as a whole.
        overrides: The assessment that this one stands for instead.
        is_valid: Whether no other stands for it.
    """

    assessment_id: str
    trace_id: str
    kind: AssessmentKind
    name: str
    value: Any
    source_type: str
    source_id: str
    created_ms: int
    updated_ms: int
    error: AssessmentError | None = None
    rationale: str | None = None
    metadata: Mapping[str, str] | None = None
    span_id: str | None = None
    overrides: str | None = None
    is_valid: bool = True

    @property
    def is_of_session(self) -> bool:
        """Whether it is about the whole session of its trace."""
        return SESSION_KEY in (self.metadata or {})


SESSION_KEY = "mlflow.trace.session"
"""The metadata of a trace, or of an assessment, that names the session it belongs to."""
