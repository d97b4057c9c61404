"""An issue (MLflow 3): something that goes wrong in the traces of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class IssueStatus(str, Enum):
    """What has become of an issue (MLflow's ``IssueStatus``)."""

    PENDING = "pending"
    REJECTED = "rejected"
    RESOLVED = "resolved"


class IssueSeverity(str, Enum):
    """How grave an issue is, the least first (MLflow's ``IssueSeverity``)."""

    NOT_AN_ISSUE = "not_an_issue"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """Its place among the others, to sort by."""
        return list(IssueSeverity).index(self)


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue as it is stored; times are milliseconds since the epoch.

    Args:
        trace_count: How many traces it is said of; None where they were not counted. It is not stored.
    """

    issue_id: str
    experiment_id: str
    name: str
    description: str
    status: IssueStatus
    created_ms: int
    updated_ms: int
    severity: IssueSeverity | None = None
    root_causes: Sequence[str] = ()
    categories: Sequence[str] = ()
    source_run_id: str | None = None
    created_by: str | None = None
    trace_count: int | None = None
