"""The contract of the stores of evaluation datasets; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runyard.entities.evaluation_dataset import DatasetRecord, EvaluationDataset
from runyard.stores.metadata.base import Search
from runyard.stores.rows import Taken


@dataclass(frozen=True, slots=True)
class RecordPosition:
    """A place in the order in which a dataset's records are read: by their first coming, then by id."""

    created_ms: int
    record_id: str


class EvaluationDatasetStore(ABC):
    """Remembers evaluation datasets with their tags and the experiments that they are linked to.

    A deleted dataset is gone with its records. One that is got within a write transaction stays as it is
    until that ends.
    """

    @abstractmethod
    def add_dataset(self, dataset: EvaluationDataset) -> None:
        """Keep a new dataset with its tags and links; its records are put later.

        Raises:
            AlreadyExists: There is one of this id.
        """

    @abstractmethod
    def count_records(self, workspace: str, dataset_ids: Sequence[str]) -> dict[str, int]:
        """Return how many records those of the datasets have that the workspace has, by their ids."""

    @abstractmethod
    def get_dataset(self, workspace: str, dataset_id: str) -> EvaluationDataset:
        """Return a dataset with its tags and the experiments that it is linked to.

        Raises:
            NotFound: The workspace has no such dataset.
        """

    @abstractmethod
    def delete_dataset(self, dataset_id: str) -> None:
        """Remove a dataset with all that hangs on it."""

    @abstractmethod
    def search_datasets(
        self, search: Search, linked_to: Sequence[str] | None = None
    ) -> list[EvaluationDataset]:
        """Return a page of datasets, the last created first unless an order is asked for.

        Args:
            search: What to look for; its view and its experiments are not used.
            linked_to: Only datasets that are linked to one of these experiments; ``None`` for all.
        """

    @abstractmethod
    def set_tags(self, dataset_id: str, tags: Mapping[str, str]) -> None:
        """Set tags, over older values."""

    @abstractmethod
    def delete_tag(self, dataset_id: str, key: str) -> None:
        """Delete one tag, if it is there."""

    @abstractmethod
    def link(self, dataset_id: str, experiment_ids: Sequence[str], now_ms: int) -> None:
        """Link a dataset to experiments that are there; to those that it is linked to already, once."""

    @abstractmethod
    def unlink(self, dataset_id: str, experiment_ids: Sequence[str]) -> int:
        """End links and return how many there were."""

    @abstractmethod
    def note_change(self, dataset_id: str, updated_ms: int) -> None:
        """Note when a dataset's experiments changed last."""

    @abstractmethod
    def note_records(
        self,
        dataset_id: str,
        *,
        updated_ms: int,
        updated_by: str | None,
        digest: str,
        schema: Mapping[str, Any] | None,
    ) -> None:
        """Note that records were merged: when, by whom, and what the dataset is since."""

    @abstractmethod
    def take_datasets(self, workspace: str) -> Taken:
        """Remove some of what a workspace's datasets are, records first, as much as takes a moment."""

    @abstractmethod
    def measure_datasets(self, workspace: str) -> Taken:
        """Return what :meth:`take_datasets` would remove in all."""


class DatasetRecordStore(ABC):
    """Remembers the records of evaluation datasets, each inputs of a dataset once, and counts them."""

    @abstractmethod
    def find_records(self, dataset_id: str, inputs_sha256: Sequence[str]) -> dict[str, DatasetRecord]:
        """Return those of a dataset's records whose inputs are among these."""

    @abstractmethod
    def put_records(self, dataset_id: str, records: Sequence[DatasetRecord]) -> None:
        """Keep records, new ones and such as were found; of these the id, inputs and coming stay.

        Raises:
            AlreadyExists: Another record has the id of a new one.
        """

    @abstractmethod
    def list_records(
        self, dataset_id: str, limit: int, after: RecordPosition | None = None
    ) -> list[DatasetRecord]:
        """Return records in the order of their first coming, those behind a position."""

    @abstractmethod
    def delete_records(self, dataset_id: str, record_ids: Sequence[str]) -> int:
        """Remove records of a dataset and return how many there were."""
