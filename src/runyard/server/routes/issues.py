"""MLflow's routes about issues."""

from __future__ import annotations

from msgspec import UNSET

from runyard.auth.permissions import Permission
from runyard.protocol.messages.issues import (
    CreateIssue,
    IssueAnswer,
    SearchIssues,
    SearchIssuesAnswer,
    UpdateIssue,
    wire_issue,
)
from runyard.server.routing import Routes
from runyard.services import issues, reach
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/3.0/mlflow/issues"

routes.refuse(
    "POST",
    "/ajax-api/3.0/mlflow/issues/invoke",
    why="Runyard calls no language model and looks for no issues by itself. Find them in your own process "
    "and create them with `POST /api/3.0/mlflow/issues`.",
)


@routes.post(
    _BASE, permits=Permission.CONTRIBUTE, of=reach.experiment, summary="Create an issue of an experiment."
)
def create_issue(call: Call, body: CreateIssue) -> IssueAnswer:
    """Make an issue."""
    return IssueAnswer(issue=wire_issue(issues.create_issue(call, body)))


@routes.post(
    f"{_BASE}/search",
    permits=Permission.READ,
    of=reach.searched,
    summary="Search issues, the gravest and the last created first.",
)
def search_issues(call: Call, body: SearchIssues) -> SearchIssuesAnswer:
    """Answer a page of issues."""
    page = issues.search_issues(call, body)
    return SearchIssuesAnswer(
        issues=[wire_issue(issue) for issue in page.items] or UNSET,
        next_page_token=page.next_token or "",
    )


@routes.get(f"{_BASE}/{{issue_id}}", permits=Permission.READ, of=reach.issue, summary="Get an issue.")
def get_issue(call: Call, issue_id: str) -> IssueAnswer:
    """Answer an issue."""
    return IssueAnswer(issue=wire_issue(issues.get_issue(call, issue_id)))


@routes.patch(
    f"{_BASE}/{{issue_id}}",
    permits=Permission.CONTRIBUTE,
    of=reach.issue,
    summary="Change what is said of an issue.",
)
def update_issue(call: Call, body: UpdateIssue, issue_id: str) -> IssueAnswer:
    """Change an issue."""
    return IssueAnswer(issue=wire_issue(issues.update_issue(call, issue_id, body)))
