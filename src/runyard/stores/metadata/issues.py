"""Issues in SQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, ScalarSelect, Select, func, select, update

from runyard.entities.assessment import AssessmentKind
from runyard.entities.issue import Issue, IssueSeverity, IssueStatus
from runyard.errors import AlreadyExists, NotFound
from runyard.protocol.filter_tree import Comparison
from runyard.stores.database import Database, chunks, insert_if_free
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_issues import IssueStore
from runyard.stores.metadata.schema import REMOVED, experiments
from runyard.stores.metadata.schema_evaluation import issues
from runyard.stores.metadata.schema_traces import assessments, traces
from runyard.stores.metadata.search import Condition, any_of, compared, experiment_numbers, holds


class SqlIssues(IssueStore):
    """Keeps issues in the table ``issues``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_issue(self, issue: Issue) -> None:
        row = {
            "issue_id": issue.issue_id,
            "experiment_id": int(issue.experiment_id),
            "root_causes": json.dumps(list(issue.root_causes)),
            "categories": json.dumps(list(issue.categories)),
            "source_run_id": issue.source_run_id,
            "created_by": issue.created_by,
            "created_ms": issue.created_ms,
            **_changing(issue),
        }
        with self._database.writing() as connection:
            if not insert_if_free(connection, issues, row):
                raise AlreadyExists(f"An issue with ID '{issue.issue_id}' is there already.")

    def find_issue_ids(self, workspace: str, issue_ids: Sequence[str]) -> list[str]:
        found: list[str] = []
        with self._database.reading() as connection:
            for part in chunks(issue_ids):
                query = _of(workspace).where(issues.c.issue_id.in_(part))
                found += connection.scalars(query.with_only_columns(issues.c.issue_id))
        return found

    def get_issue(self, workspace: str, issue_id: str) -> Issue:
        query = self._database.locked(_of(workspace).where(issues.c.issue_id == issue_id), issues)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"Issue with ID '{issue_id}' not found")
        return _issue(row)

    def change_issue(self, issue: Issue) -> None:
        this = issues.c.issue_id == issue.issue_id
        with self._database.writing() as connection:
            connection.execute(update(issues).where(this).values(**_changing(issue)))

    def search_issues(self, search: Search, counts_traces: bool = False) -> list[Issue]:
        columns = issues.c
        query = _of(search.workspace)
        if search.only_ids is not None:
            query = query.where(any_of(columns.experiment_id, experiment_numbers(sorted(search.only_ids))))
        if search.filter is not None:
            query = query.where(holds(search.filter, _holds))
        order = [columns.rank.desc(), columns.created_ms.desc(), columns.issue_id.desc()]
        if counts_traces:
            count = _trace_count(search.workspace).label("trace_count")
            query = query.add_columns(count)
            order.insert(1, count.desc())
        query = query.order_by(*order)
        with self._database.reading() as connection:
            return [
                replace(_issue(row), trace_count=row.trace_count if counts_traces else None)
                for row in connection.execute(query.limit(search.limit).offset(search.offset))
            ]


def _changing(issue: Issue) -> dict[str, Any]:
    severity = issue.severity
    return {
        "name": issue.name,
        "description": issue.description,
        "status": issue.status.value,
        "severity": None if severity is None else severity.value,
        "rank": -1 if severity is None else severity.rank,
        "updated_ms": issue.updated_ms,
    }


def _of(workspace: str) -> Select[Any]:
    is_its = experiments.c.experiment_id == issues.c.experiment_id
    of_workspace = (experiments.c.workspace == workspace, experiments.c.lifecycle_stage != REMOVED)
    return select(issues).join(experiments, is_its).where(*of_workspace)


def _trace_count(workspace: str) -> ScalarSelect[int]:
    """Return how many traces an issue is said of, to be asked for each row of ``issues``."""
    said = assessments.c
    is_its = traces.c.trace_number == said.trace_number
    return (
        select(func.count(said.trace_number.distinct()))
        .join(traces, is_its)
        .where(said.name == issues.c.issue_id, said.kind == AssessmentKind.ISSUE.value)
        .where(traces.c.workspace == workspace)
        .correlate(issues)
        .scalar_subquery()
    )


def _holds(comparison: Comparison) -> Condition:
    column = issues.c[comparison.key]
    said = compared(column, comparison.operator, comparison.value)
    return column.is_not(None) & said if column.nullable else said


def _issue(row: Row[Any]) -> Issue:
    return Issue(
        issue_id=row.issue_id,
        experiment_id=str(row.experiment_id),
        name=row.name,
        description=row.description,
        status=IssueStatus(row.status),
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        severity=None if row.severity is None else IssueSeverity(row.severity),
        root_causes=json.loads(row.root_causes),
        categories=json.loads(row.categories),
        source_run_id=row.source_run_id,
        created_by=row.created_by,
    )
