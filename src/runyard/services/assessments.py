"""What can be done with what is thought of a trace: give, change, take back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runyard.entities.assessment import Assessment, AssessmentError, AssessmentKind
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol import limits
from runyard.protocol.wire import MAX_DEPTH
from runyard.services.call import Call

MAX_NAME_LENGTH = 500
MAX_ID_LENGTH = 200
MAX_TEXT_LENGTH = 65_535
MAX_VALUE_LENGTH = 1_000_000
MAX_METADATA = 100
MAX_ASSESSMENTS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class AssessmentChange:
    """What is to be changed of an assessment; what is ``None`` stays. ``given`` holds a new value.

    Args:
        given: What the assessment holds now, as kind, value and error.
        name: Its new name.
        rationale: Its new rationale.
        metadata: What is added to its metadata.
        is_valid: Whether it counts.
    """

    given: tuple[AssessmentKind, Any, AssessmentError | None] | None = None
    name: str | None = None
    rationale: str | None = None
    metadata: Mapping[str, str] | None = None
    is_valid: bool | None = None


def create_assessment(call: Call, given: Assessment) -> Assessment:
    """Return a new assessment; one that it overrides does not count any more.

    Raises:
        NotFound: There is no such trace, or nothing to override.
    """
    made = _stamped(call, given)
    _check(made)
    store, workspace = call.stores.metadata.assessments, call.workspace.name
    with call.stores.atomic():
        call.stores.metadata.traces.get_trace(workspace, made.trace_id)
        if made.overrides and not store.set_validity(workspace, made.trace_id, made.overrides, False):
            raise NotFound(f"Assessment with ID '{made.overrides}' not found for trace '{made.trace_id}'")
        store.add_assessment(workspace, made)
    return made


def keep_assessments(call: Call, trace_id: str, given: Sequence[Assessment]) -> None:
    """Keep assessments that came with their trace; one that is there is written over."""
    if len(given) > MAX_ASSESSMENTS_AT_ONCE:
        raise InvalidParameter(
            f"'assessments' has {len(given)} entries; at most {MAX_ASSESSMENTS_AT_ONCE} are allowed."
        )
    store, workspace = call.stores.metadata.assessments, call.workspace.name
    for each in given:
        made = _stamped(call, replace(each, trace_id=trace_id))
        _check(made)
        if each.assessment_id:
            store.delete_assessment(workspace, trace_id, each.assessment_id)
        store.add_assessment(workspace, made)


def get_assessment(call: Call, trace_id: str, assessment_id: str) -> Assessment:
    """Return one assessment."""
    return call.stores.metadata.assessments.get_assessment(call.workspace.name, trace_id, assessment_id)


def update_assessment(call: Call, trace_id: str, assessment_id: str, change: AssessmentChange) -> Assessment:
    """Change an assessment and return it; its source and span stay what they are.

    Raises:
        InvalidParameter: It holds another kind of value than the new one.
        NotFound: There is no such trace or assessment.
    """
    with call.stores.atomic():
        before = get_assessment(call, trace_id, assessment_id)
        after = _changed(before, change, call.now_ms())
        _check(after)
        call.stores.metadata.assessments.update_assessment(call.workspace.name, after)
    return after


def delete_assessment(call: Call, trace_id: str, assessment_id: str) -> None:
    """Take an assessment back if it is there; one that it stood for counts again."""
    store, workspace = call.stores.metadata.assessments, call.workspace.name
    with call.stores.atomic():
        call.stores.metadata.traces.get_trace(workspace, trace_id)
        try:
            gone = store.get_assessment(workspace, trace_id, assessment_id)
        except NotFound:
            return
        store.delete_assessment(workspace, trace_id, assessment_id)
        if gone.overrides:
            store.set_validity(workspace, trace_id, gone.overrides, True)


def _changed(before: Assessment, change: AssessmentChange, now_ms: int) -> Assessment:
    after = replace(before, updated_ms=now_ms)
    if change.given is not None:
        kind, value, error = change.given
        if kind is not before.kind:
            raise InvalidParameter(
                f"Cannot update {kind.value} value on {_WITH_ARTICLE[before.kind]} assessment."
            )
        after = replace(after, value=value, error=error)
    if change.name is not None:
        after = replace(after, name=change.name)
    if change.rationale is not None and before.kind is not AssessmentKind.EXPECTATION:
        after = replace(after, rationale=change.rationale)
    if change.metadata is not None:
        after = replace(after, metadata={**(before.metadata or {}), **change.metadata})
    return after if change.is_valid is None else replace(after, is_valid=change.is_valid)


_WITH_ARTICLE = {
    AssessmentKind.FEEDBACK: "a Feedback",
    AssessmentKind.EXPECTATION: "an Expectation",
    AssessmentKind.ISSUE: "an Issue",
}


def _stamped(call: Call, given: Assessment) -> Assessment:
    """Return an assessment with an id and times, where its giver left them out."""
    now_ms = call.now_ms()
    return replace(
        given,
        assessment_id=given.assessment_id or f"a-{uuid.uuid4().hex}",
        created_ms=given.created_ms or now_ms,
        updated_ms=given.updated_ms or now_ms,
    )


def _check_depth(value: Any, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise InvalidParameter(f"'value' is nested deeper than {MAX_DEPTH} levels.")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_depth(inner, depth + 1)


def _check(assessment: Assessment) -> None:
    if not assessment.name:
        raise InvalidParameter("'assessment_name' must not be empty.")
    limits.check_length(assessment.name, MAX_NAME_LENGTH, "assessment_name")
    limits.check_length(assessment.assessment_id, MAX_ID_LENGTH, "assessment_id")
    limits.check_length(assessment.source_id, MAX_NAME_LENGTH, "source.source_id")
    limits.check_length(assessment.span_id or "", MAX_ID_LENGTH, "span_id")
    limits.check_length(assessment.rationale or "", MAX_TEXT_LENGTH, "rationale")
    _check_depth(assessment.value)
    limits.check_length(json.dumps(assessment.value), MAX_VALUE_LENGTH, "value")
    if assessment.error is not None:
        for text in (assessment.error.code, assessment.error.message, assessment.error.stack_trace):
            limits.check_length(text or "", MAX_TEXT_LENGTH, "error")
    metadata = assessment.metadata or {}
    if len(metadata) > MAX_METADATA:
        raise InvalidParameter(f"'metadata' has {len(metadata)} entries; at most {MAX_METADATA} are allowed.")
    for key, value in metadata.items():
        limits.check_length(key, limits.MAX_KEY_LENGTH, "metadata.key")
        limits.check_length(value, MAX_TEXT_LENGTH, "metadata.value")
