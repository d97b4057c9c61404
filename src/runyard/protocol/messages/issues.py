"""MLflow's messages about issues."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from runyard.entities.issue import Issue, IssueSeverity, IssueStatus
from runyard.protocol.messages.common import Int64, Wire
from runyard.protocol.wire import choice


class CreateIssue(Wire):
    """Body of ``POST issues``."""

    experiment_id: str
    name: str
    description: str
    status: str | None = None
    severity: str | None = None
    root_causes: list[str] = []
    source_run_id: str | None = None
    created_by: str | None = None
    categories: list[str] = []


class UpdateIssue(Wire):
    """Body of ``PATCH issues/{issue_id}``; what is left out or empty stays as it is."""

    name: str | None = None
    description: str | None = None
    status: str | None = None
    severity: str | None = None


class SearchIssues(Wire):
    """Body of ``issues/search``."""

    experiment_id: str | None = None
    filter_string: str | None = None
    max_results: Int64 | None = None
    page_token: str | None = None
    include_trace_count: bool | None = None


class WireIssue(Wire, omit_defaults=False):
    """An issue on the wire."""

    issue_id: str
    experiment_id: str
    name: str
    description: str
    status: str
    created_timestamp: int
    last_updated_timestamp: int
    severity: str | UnsetType = UNSET
    root_causes: list[str] | UnsetType = UNSET
    source_run_id: str | UnsetType = UNSET
    created_by: str | UnsetType = UNSET
    categories: list[str] | UnsetType = UNSET
    trace_count: int | UnsetType = UNSET


class IssueAnswer(Wire, omit_defaults=False):
    """One issue."""

    issue: WireIssue


class SearchIssuesAnswer(Wire, omit_defaults=False):
    """A page of issues; the last one has an empty token."""

    issues: list[WireIssue] | UnsetType = UNSET
    next_page_token: str = ""


def wire_issue(issue: Issue) -> WireIssue:
    """Return an issue as MLflow writes it."""
    return WireIssue(
        issue_id=issue.issue_id,
        experiment_id=issue.experiment_id,
        name=issue.name,
        description=issue.description,
        status=issue.status.value,
        created_timestamp=issue.created_ms,
        last_updated_timestamp=issue.updated_ms,
        severity=UNSET if issue.severity is None else issue.severity.value,
        root_causes=list(issue.root_causes) or UNSET,
        source_run_id=issue.source_run_id or UNSET,
        created_by=issue.created_by or UNSET,
        categories=list(issue.categories) or UNSET,
        trace_count=UNSET if issue.trace_count is None else issue.trace_count,
    )


def issue_status(word: str | None) -> IssueStatus | None:
    """Return the status that a request names, if it names one."""
    return None if word is None else choice(IssueStatus, word, "status")


def issue_severity(word: str | None) -> IssueSeverity | None:
    """Return the severity that a request names, if it names one."""
    return None if word is None else choice(IssueSeverity, word, "severity")


def issue_in(asked: CreateIssue, issue_id: str, created_ms: int, updated_ms: int) -> Issue:
    """Return an issue as a request describes it.

    Raises:
        InvalidParameter: There is no such status or severity.
    """
    return Issue(
        issue_id=issue_id,
        experiment_id=asked.experiment_id,
        name=asked.name,
        description=asked.description,
        status=issue_status(asked.status) or IssueStatus.PENDING,
        created_ms=created_ms,
        updated_ms=updated_ms,
        severity=issue_severity(asked.severity),
        root_causes=asked.root_causes,
        categories=asked.categories,
        source_run_id=asked.source_run_id or None,
        created_by=asked.created_by or None,
    )
