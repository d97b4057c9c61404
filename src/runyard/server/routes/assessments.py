"""MLflow's routes about what is thought of traces."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.errors import InvalidParameter
from runyard.protocol.messages.assessments import (
    AssessmentAnswer,
    CreateAssessment,
    UpdateAssessment,
    WireAssessment,
    assessment_in,
    given_in,
    masked,
    wire_assessment,
)
from runyard.protocol.messages.common import Empty
from runyard.server.routing import Routes
from runyard.services import assessments, reach
from runyard.services.assessments import AssessmentChange
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/3.0/mlflow/traces/{trace_id}/assessments"
_ONE = f"{_BASE}/{{assessment_id}}"
_FIELDS = frozenset({"assessment_name", "expectation", "feedback", "rationale", "metadata", "valid"})


@routes.post(
    _BASE, permits=Permission.CONTRIBUTE, of=reach.trace, summary="Give feedback, an expectation or an issue."
)
def create_assessment(call: Call, body: CreateAssessment, trace_id: str) -> AssessmentAnswer:
    """Keep an assessment and answer it as it is kept."""
    made = assessments.create_assessment(call, assessment_in(body.assessment, trace_id))
    return AssessmentAnswer(assessment=wire_assessment(made))


@routes.get(_ONE, permits=Permission.READ, of=reach.trace, summary="Get an assessment.")
def get_assessment(call: Call, trace_id: str, assessment_id: str) -> AssessmentAnswer:
    """Answer an assessment."""
    found = assessments.get_assessment(call, trace_id, assessment_id)
    return AssessmentAnswer(assessment=wire_assessment(found))


@routes.patch(_ONE, permits=Permission.CONTRIBUTE, of=reach.trace, summary="Change an assessment.")
def update_assessment(
    call: Call, body: UpdateAssessment, trace_id: str, assessment_id: str
) -> AssessmentAnswer:
    """Change what the mask names and answer the assessment."""
    change = _change(body.assessment, masked(body.update_mask))
    changed = assessments.update_assessment(call, trace_id, assessment_id, change)
    return AssessmentAnswer(assessment=wire_assessment(changed))


@routes.delete(_ONE, permits=Permission.CONTRIBUTE, of=reach.trace, summary="Take an assessment back.")
def delete_assessment(call: Call, trace_id: str, assessment_id: str) -> Empty:
    """Delete an assessment if it is there."""
    assessments.delete_assessment(call, trace_id, assessment_id)
    return Empty()


def _change(sent: WireAssessment, fields: frozenset[str]) -> AssessmentChange:
    if not fields <= _FIELDS:
        unknown = ", ".join(sorted(fields - _FIELDS))
        raise InvalidParameter(f"'update_mask' names {unknown[:200]!r}; known are {sorted(_FIELDS)}.")
    return AssessmentChange(
        given=given_in(sent) if fields & {"feedback", "expectation"} else None,
        name=sent.assessment_name if "assessment_name" in fields else None,
        rationale=(sent.rationale or "") if "rationale" in fields else None,
        metadata=(sent.metadata or {}) if "metadata" in fields else None,
        is_valid=(sent.valid is not False) if "valid" in fields else None,
    )
