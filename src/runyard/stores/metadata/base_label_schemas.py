"""The contract of the store of label schemas; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from runyard.entities.label_schema import LabelSchema


class LabelSchemaStore(ABC):
    """Remembers the questions of experiments, each name once in an experiment."""

    @abstractmethod
    def add_schema(self, schema: LabelSchema) -> None:
        """Keep a new question.

        Raises:
            AlreadyExists: The experiment has one of this name, or there is one of this id.
        """

    @abstractmethod
    def find_schema_ids(self, workspace: str, schema_ids: Sequence[str]) -> list[str]:
        """Return those of the ids that are of questions of the workspace."""

    @abstractmethod
    def get_schema(self, workspace: str, schema_id: str) -> LabelSchema:
        """Return a question; within a write transaction it stays as it is until that ends.

        Raises:
            NotFound: The workspace has no such question.
        """

    @abstractmethod
    def get_schema_by_name(self, experiment_id: str, name: str) -> LabelSchema:
        """Return an experiment's question of a name.

        Raises:
            NotFound: It has none.
        """

    @abstractmethod
    def list_schemas(self, experiment_id: str, limit: int, offset: int = 0) -> list[LabelSchema]:
        """Return an experiment's questions, the last made first."""

    @abstractmethod
    def change_schema(self, schema: LabelSchema) -> None:
        """Keep the name, instruction, input and the like of a question that is there.

        Raises:
            AlreadyExists: The experiment has another one of this name.
        """

    @abstractmethod
    def delete_schema(self, schema_id: str) -> None:
        """Remove a question."""
