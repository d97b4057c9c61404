"""What can be done with issues: create, get, change, search."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

from runyard.entities.issue import Issue
from runyard.errors import InvalidParameter
from runyard.protocol import limits
from runyard.protocol.evaluation_filters import parse_issue_filter
from runyard.protocol.messages.issues import (
    CreateIssue,
    SearchIssues,
    UpdateIssue,
    issue_in,
    issue_severity,
    issue_status,
)
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.services.call import Call
from runyard.services.experiments import get_active_experiment, readable
from runyard.stores.metadata.base import Search

DEFAULT_ISSUES_PAGE = 100
MAX_ISSUES_PAGE = 50_000
MAX_NAME_LENGTH = 250
MAX_TEXT_LENGTH = 65_535
MAX_USER_LENGTH = 255
MAX_LISTED = 100


def create_issue(call: Call, asked: CreateIssue) -> Issue:
    """Return a new issue of an active experiment.

    Raises:
        InvalidParameter: A field can't be.
        NotFound: There is no such experiment, or no such run where one is named.
    """
    now_ms = call.now_ms()
    issue = issue_in(asked, f"iss-{uuid.uuid4().hex}", now_ms, now_ms)
    check_issue(issue)
    with call.stores.atomic():
        experiment = get_active_experiment(call, asked.experiment_id)
        if asked.source_run_id:
            call.stores.metadata.runs.get_run(call.workspace.name, asked.source_run_id)
        issue = replace(issue, experiment_id=experiment.experiment_id)
        call.stores.metadata.issues.add_issue(issue)
    return issue


def get_issue(call: Call, issue_id: str) -> Issue:
    """Return an issue."""
    return call.stores.metadata.issues.get_issue(call.workspace.name, issue_id)


def update_issue(call: Call, issue_id: str, asked: UpdateIssue) -> Issue:
    """Change what is said of an issue and return it; what is left out or empty stays.

    Raises:
        InvalidParameter: A field can't be.
        NotFound: There is no such issue.
    """
    limits.check_length(asked.name or "", MAX_NAME_LENGTH, "name")
    limits.check_length(asked.description or "", MAX_TEXT_LENGTH, "description")
    status, severity = issue_status(asked.status), issue_severity(asked.severity)
    with call.stores.atomic():
        issue = get_issue(call, issue_id)
        changed = replace(
            issue,
            name=asked.name or issue.name,
            description=asked.description or issue.description,
            status=status or issue.status,
            severity=severity or issue.severity,
            updated_ms=call.now_ms(),
        )
        call.stores.metadata.issues.change_issue(changed)
    return changed


def search_issues(call: Call, asked: SearchIssues) -> Page[Issue]:
    """Return a page of issues, the gravest first and among them the last created."""
    limit = DEFAULT_ISSUES_PAGE if asked.max_results is None else asked.max_results
    limits.check_page_size(limit, MAX_ISSUES_PAGE)
    offset = parse_page_token(asked.page_token)
    only_ids = call.experiments_to_read()
    if asked.experiment_id:
        only_ids = frozenset(readable(call, [asked.experiment_id]))
    search = Search(
        workspace=call.workspace.name,
        filter=parse_issue_filter(asked.filter_string),
        limit=limit + 1,
        offset=offset,
        only_ids=only_ids,
    )
    found = call.stores.metadata.issues.search_issues(search, bool(asked.include_trace_count))
    return page_of(found, limit, offset)


def check_issue(issue: Issue) -> None:
    """Refuse an issue whose texts are too long or too many."""
    limits.check_length(issue.name, MAX_NAME_LENGTH, "name")
    limits.check_length(issue.description, MAX_TEXT_LENGTH, "description")
    limits.check_length(issue.created_by or "", MAX_USER_LENGTH, "created_by")
    for field, texts in (("root_causes", issue.root_causes), ("categories", issue.categories)):
        _check_texts(texts, field)


def _check_texts(texts: Sequence[str], field: str) -> None:
    if len(texts) > MAX_LISTED:
        raise InvalidParameter(f"'{field}' has {len(texts)} entries; at most {MAX_LISTED} are allowed.")
    for index, text in enumerate(texts):
        limits.check_length(text, MAX_TEXT_LENGTH, f"{field}[{index}]")
