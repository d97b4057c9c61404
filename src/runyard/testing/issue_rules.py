"""The rules that every store of issues must pass."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.issue import Issue, IssueSeverity, IssueStatus
from runyard.errors import AlreadyExists, NotFound
from runyard.protocol.evaluation_filters import parse_issue_filter
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_issues import IssueStore
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest


@dataclass(frozen=True, slots=True)
class IssuesUnderTest:
    """The store of issues, and the stores that it shares a database with."""

    issues: IssueStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()


def new_issue(experiment_id: str, issue_id: str = "iss-1", **changes: Any) -> Issue:
    """Return a pending issue, as a service would make it."""
    issue = Issue(
        issue_id=issue_id,
        experiment_id=experiment_id,
        name=f"name of {issue_id}",
        description="what it is",
        status=IssueStatus.PENDING,
        created_ms=NOW_MS,
        updated_ms=NOW_MS,
        root_causes=[],
        categories=[],
    )
    return replace(issue, **changes)


class IssueStoreRules(ABC):
    """Inherit, and implement the hook, to hold a store of issues to its contract."""

    @abstractmethod
    def open_issues(self, folder: Path) -> IssuesUnderTest:
        """Return a store that keeps its things in ``folder``, and finds there what another one kept."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[IssuesUnderTest]:
        """Return a store with two workspaces and no issues."""
        with contextlib.closing(self.open_issues(tmp_path)) as store:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                store.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield store

    @pytest.fixture
    def experiment_id(self, store: IssuesUnderTest) -> str:
        """Return an active experiment's id."""
        return store.metadata.add_experiment("judged").experiment_id

    def test_an_issue_is_found_as_it_was_added(
        self, tmp_path: Path, store: IssuesUnderTest, experiment_id: str
    ) -> None:
        """No field is lost or changed, neither here nor in another process."""
        issue = new_issue(
            experiment_id,
            severity=IssueSeverity.NOT_AN_ISSUE,
            status=IssueStatus.REJECTED,
            root_causes=["é", ""],
            categories=["a"],
            source_run_id="r" * 32,
            created_by="ann",
            updated_ms=NOW_MS + 4,
        )
        store.issues.add_issue(issue)
        assert store.issues.get_issue(WORKSPACE, "iss-1") == issue
        with contextlib.closing(self.open_issues(tmp_path)) as again:
            assert again.issues.get_issue(WORKSPACE, "iss-1") == issue

    def test_an_id_is_taken_once_and_found_in_its_workspace(
        self, store: IssuesUnderTest, experiment_id: str
    ) -> None:
        """What was kept first stays."""
        issue = new_issue(experiment_id)
        store.issues.add_issue(issue)
        with pytest.raises(AlreadyExists):
            store.issues.add_issue(replace(issue, name="another"))
        assert store.issues.get_issue(WORKSPACE, issue.issue_id) == issue
        assert store.issues.find_issue_ids(WORKSPACE, ["none", issue.issue_id]) == [issue.issue_id]
        assert store.issues.find_issue_ids(OTHER_WORKSPACE, [issue.issue_id]) == []

    def test_an_unknown_issue_is_not_found(self, store: IssuesUnderTest, experiment_id: str) -> None:
        """Nor is one of another workspace."""
        store.issues.add_issue(new_issue(experiment_id))
        for workspace, issue_id in ((WORKSPACE, "iss-2"), (OTHER_WORKSPACE, "iss-1")):
            with pytest.raises(NotFound, match=f"Issue with ID '{issue_id}' not found"):
                store.issues.get_issue(workspace, issue_id)

    def test_what_may_change_of_an_issue_is_kept(self, store: IssuesUnderTest, experiment_id: str) -> None:
        """The rest, and the other issues, stay."""
        for issue_id in ("iss-1", "iss-2"):
            store.issues.add_issue(new_issue(experiment_id, issue_id, created_by="ann"))
        changed = new_issue(
            experiment_id,
            name="another",
            description="é",
            status=IssueStatus.RESOLVED,
            severity=IssueSeverity.HIGH,
            updated_ms=NOW_MS + 9,
        )
        store.issues.change_issue(changed)
        assert store.issues.get_issue(WORKSPACE, "iss-1") == replace(changed, created_by="ann")
        kept = new_issue(experiment_id, "iss-2", created_by="ann")
        assert store.issues.get_issue(WORKSPACE, "iss-2") == kept
        assert [each.issue_id for each in store.issues.search_issues(Search(WORKSPACE))] == ["iss-1", "iss-2"]

    def test_the_gravest_come_first_and_the_last_created_among_them(
        self, store: IssuesUnderTest, experiment_id: str
    ) -> None:
        """Ids break ties; pages hold each once."""
        severities = (None, IssueSeverity.LOW, IssueSeverity.MEDIUM, IssueSeverity.LOW, IssueSeverity.LOW)
        for number, severity in enumerate(severities):
            created_ms = NOW_MS + min(number, 3)
            issue = new_issue(experiment_id, f"iss-{number}", severity=severity, created_ms=created_ms)
            store.issues.add_issue(issue)
        found = [
            issue.issue_id
            for offset in (0, 2, 4)
            for issue in store.issues.search_issues(Search(WORKSPACE, limit=2, offset=offset))
        ]
        assert found == ["iss-2", "iss-4", "iss-3", "iss-1", "iss-0"]

    def test_a_search_stays_within_workspace_and_experiments(
        self, store: IssuesUnderTest, experiment_id: str
    ) -> None:
        """Whatever ids it names."""
        second = store.metadata.add_experiment("second").experiment_id
        elsewhere = store.metadata.add_experiment("x", OTHER_WORKSPACE).experiment_id
        for issue_id, owner in (("iss-1", experiment_id), ("iss-2", second), ("iss-3", elsewhere)):
            store.issues.add_issue(new_issue(owner, issue_id))

        def found(only_ids: set[str] | None, workspace: str = WORKSPACE) -> list[str]:
            only = None if only_ids is None else frozenset(only_ids)
            search = Search(workspace, only_ids=only)
            return [issue.issue_id for issue in store.issues.search_issues(search)]

        assert found(None) == ["iss-2", "iss-1"]
        assert found({second, elsewhere}) == ["iss-2"]
        assert found(set()) == []
        assert found(None, OTHER_WORKSPACE) == ["iss-3"]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("status = 'pending'", ["iss-1"]),
            ("status != 'pending'", ["iss-2"]),
            ("source_run_id = 'r1'", ["iss-1"]),
            ("source_run_id != 'r1'", []),
            ("status = 'pending' OR status = 'rejected'", ["iss-1", "iss-2"]),
        ],
    )
    def test_a_filter_finds_issues(
        self, store: IssuesUnderTest, experiment_id: str, text: str, expected: list[str]
    ) -> None:
        """By what became of them and by the run that found them."""
        store.issues.add_issue(new_issue(experiment_id, source_run_id="r1"))
        store.issues.add_issue(new_issue(experiment_id, "iss-2", status=IssueStatus.REJECTED))
        found = store.issues.search_issues(Search(WORKSPACE, filter=parse_issue_filter(text)))
        assert sorted(issue.issue_id for issue in found) == expected
