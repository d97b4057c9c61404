"""The contract of the store of issues; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from runyard.entities.issue import Issue
from runyard.stores.metadata.base import Search


class IssueStore(ABC):
    """Remembers what goes wrong in experiments."""

    @abstractmethod
    def add_issue(self, issue: Issue) -> None:
        """Keep a new issue.

        Raises:
            AlreadyExists: There is one of this id.
        """

    @abstractmethod
    def find_issue_ids(self, workspace: str, issue_ids: Sequence[str]) -> list[str]:
        """Return those of the ids that are of issues of the workspace."""

    @abstractmethod
    def get_issue(self, workspace: str, issue_id: str) -> Issue:
        """Return an issue; within a write transaction it stays as it is until that ends.

        Raises:
            NotFound: The workspace has no such issue.
        """

    @abstractmethod
    def change_issue(self, issue: Issue) -> None:
        """Keep the name, description, status, severity and time of change of an issue that is there."""

    @abstractmethod
    def search_issues(self, search: Search, counts_traces: bool = False) -> list[Issue]:
        """Return a page of issues, the gravest first and among them the last created.

        Where traces are counted, those that are said of more traces come before the last created.

        Args:
            search: What to look for: its workspace, ``only_ids`` of experiments (``None`` for all), filter,
                limit and offset.
            counts_traces: Whether each issue tells how many traces of its workspace it is said of.
        """
