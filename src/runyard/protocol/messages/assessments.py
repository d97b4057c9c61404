"""MLflow's messages about what is thought of traces."""

from __future__ import annotations

import json
import re
from typing import Any

from msgspec import UNSET, UnsetType

from runyard.entities.assessment import Assessment, AssessmentError, AssessmentKind
from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import Wire
from runyard.protocol.timestamps import milliseconds_of, timestamp_of
from runyard.protocol.wire import invalid

_JSON_FORMAT = "JSON_FORMAT"
_SOURCES = ("SOURCE_TYPE_UNSPECIFIED", "HUMAN", "LLM_JUDGE", "CODE")
_WIDE = 2**53


class WireAssessmentSource(Wire):
    """Who or what gave an assessment."""

    source_type: str = _SOURCES[0]
    source_id: str = ""


class WireAssessmentError(Wire):
    """Why a piece of feedback could not be given."""

    error_code: str = ""
    error_message: str | UnsetType = UNSET
    stack_trace: str | UnsetType = UNSET


class WireFeedback(Wire):
    """What is thought of something; MLflow writes a value that is nothing, too."""

    value: Any = UNSET
    error: WireAssessmentError | UnsetType = UNSET


class WireSerializedValue(Wire):
    """A value that protobuf has no form for."""

    serialization_format: str | UnsetType = UNSET
    value: str | UnsetType = UNSET


class WireExpectation(Wire):
    """What should have come out."""

    value: Any = UNSET
    serialized_value: WireSerializedValue | UnsetType = UNSET


class WireIssueReference(Wire):
    """An issue that a trace is an example of."""

    issue_name: str = ""


class WireAssessment(Wire):
    """An assessment on the wire: of feedback, expectation and issue it has one."""

    assessment_id: str | UnsetType = UNSET
    assessment_name: str = ""
    trace_id: str | UnsetType = UNSET
    span_id: str | UnsetType = UNSET
    source: WireAssessmentSource | UnsetType = UNSET
    create_time: str | UnsetType = UNSET
    last_update_time: str | UnsetType = UNSET
    feedback: WireFeedback | UnsetType = UNSET
    expectation: WireExpectation | UnsetType = UNSET
    issue: WireIssueReference | UnsetType = UNSET
    rationale: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET
    overrides: str | UnsetType = UNSET
    valid: bool | UnsetType = UNSET


class CreateAssessment(Wire):
    """Body of ``POST traces/{trace_id}/assessments``."""

    assessment: WireAssessment


class UpdateAssessment(Wire):
    """Body of ``PATCH traces/{trace_id}/assessments/{assessment_id}``; the mask says which fields count."""

    assessment: WireAssessment
    update_mask: str


class AssessmentAnswer(Wire, omit_defaults=False):
    """One assessment."""

    assessment: WireAssessment


def given_in(sent: WireAssessment) -> tuple[AssessmentKind, Any, AssessmentError | None]:
    """Return kind, value and error of an assessment.

    Raises:
        InvalidParameter: It holds nothing, or more than one thing.
    """
    if sum(each is not UNSET for each in (sent.feedback, sent.expectation, sent.issue)) != 1:
        raise InvalidParameter("Exactly one of `expectation`, `feedback`, or `issue` should be specified.")
    if not isinstance(sent.feedback, UnsetType):
        return (
            AssessmentKind.FEEDBACK,
            None if sent.feedback.value is UNSET else sent.feedback.value,
            _error(sent.feedback.error),
        )
    if not isinstance(sent.issue, UnsetType):
        return AssessmentKind.ISSUE, sent.issue.issue_name, None
    assert not isinstance(sent.expectation, UnsetType)
    return AssessmentKind.EXPECTATION, _expected(sent.expectation), None


def assessment_in(sent: WireAssessment, trace_id: str) -> Assessment:
    """Return the assessment of a trace that a request tells of; what it leaves out is empty or 0."""
    kind, value, error = given_in(sent)
    source = sent.source or WireAssessmentSource()
    return Assessment(
        assessment_id=sent.assessment_id or "",
        trace_id=trace_id,
        kind=kind,
        name=sent.assessment_name,
        value=value,
        source_type=_source_type(source.source_type),
        source_id=source.source_id,
        created_ms=milliseconds_of(sent.create_time, "create_time") if sent.create_time else 0,
        updated_ms=milliseconds_of(sent.last_update_time, "last_update_time") if sent.last_update_time else 0,
        error=error,
        rationale=sent.rationale or None,
        metadata=sent.metadata or None,
        span_id=sent.span_id or None,
        overrides=sent.overrides or None,
        is_valid=sent.valid is not False,
    )


def masked(update_mask: str) -> frozenset[str]:
    """Return the fields that a mask names, which protobuf's JSON writes in camel case."""
    return frozenset(
        re.sub(r"(?<=[a-z])([A-Z])", r"_\1", path.strip()).lower() for path in update_mask.split(",")
    )


def wire_assessment(assessment: Assessment) -> WireAssessment:
    """Return an assessment as MLflow writes it."""
    answer = WireAssessment(
        assessment_id=assessment.assessment_id,
        assessment_name=assessment.name,
        trace_id=assessment.trace_id,
        span_id=assessment.span_id or UNSET,
        source=WireAssessmentSource(source_type=assessment.source_type, source_id=assessment.source_id),
        create_time=timestamp_of(assessment.created_ms),
        last_update_time=timestamp_of(assessment.updated_ms),
        rationale=assessment.rationale or UNSET,
        metadata=dict(assessment.metadata) if assessment.metadata else UNSET,
        overrides=assessment.overrides or UNSET,
        valid=assessment.is_valid,
    )
    if assessment.kind is AssessmentKind.FEEDBACK:
        answer.feedback = WireFeedback(value=assessment.value, error=_wire_error(assessment.error))
    elif assessment.kind is AssessmentKind.ISSUE:
        answer.issue = WireIssueReference(issue_name=str(assessment.value))
    else:
        answer.expectation = _wire_expectation(assessment.value)
    return answer


def _wire_expectation(value: Any) -> WireExpectation:
    if isinstance(value, bool | str | float) or (isinstance(value, int) and abs(value) <= _WIDE):
        return WireExpectation(value=value)
    return WireExpectation(serialized_value=_serialized(value))


def _serialized(value: Any) -> WireSerializedValue:
    return WireSerializedValue(serialization_format=_JSON_FORMAT, value=json.dumps(value))


def _expected(sent: WireExpectation) -> Any:
    if not isinstance(sent.serialized_value, UnsetType):
        form = sent.serialized_value.serialization_format or ""
        if form != _JSON_FORMAT:
            raise InvalidParameter(
                f"Unknown serialization format: {form[:100]}. Only JSON_FORMAT is supported."
            )
        try:
            return json.loads(sent.serialized_value.value or "")
        except (ValueError, RecursionError):
            raise InvalidParameter("The serialized value of the expectation is no JSON.") from None
    if sent.value is UNSET or sent.value is None:
        raise InvalidParameter("The `value` field must be specified.")
    return sent.value


def _error(sent: WireAssessmentError | UnsetType) -> AssessmentError | None:
    if isinstance(sent, UnsetType):
        return None
    return AssessmentError(sent.error_code, sent.error_message or None, sent.stack_trace or None)


def _wire_error(error: AssessmentError | None) -> WireAssessmentError | UnsetType:
    if error is None:
        return UNSET
    return WireAssessmentError(
        error_code=error.code, error_message=error.message or UNSET, stack_trace=error.stack_trace or UNSET
    )


def _source_type(sent: str) -> str:
    word = {"AI_JUDGE": "LLM_JUDGE"}.get(sent.upper(), sent.upper())
    if word not in _SOURCES:
        raise invalid("source_type", sent, f"Valid source types: {list(_SOURCES)}")
    return word
