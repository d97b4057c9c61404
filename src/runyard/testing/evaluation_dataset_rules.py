"""The rules that every store of evaluation datasets must pass."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.evaluation_dataset import DatasetRecord, EvaluationDataset, RecordSource, SourceType
from runyard.entities.experiment import Experiment
from runyard.errors import AlreadyExists, NotFound
from runyard.protocol.evaluation_filters import (
    parse_evaluation_dataset_filter,
    parse_evaluation_dataset_order,
)
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_evaluation_datasets import (
    DatasetRecordStore,
    EvaluationDatasetStore,
    RecordPosition,
)
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest


@dataclass(frozen=True, slots=True)
class EvaluationDatasetsUnderTest:
    """The stores of evaluation datasets, and the stores that they share a database with."""

    datasets: EvaluationDatasetStore
    records: DatasetRecordStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()


def new_dataset(dataset_id: str = "d-1", **changes: Any) -> EvaluationDataset:
    """Return a dataset without records, as a service would make it."""
    dataset = EvaluationDataset(
        dataset_id=dataset_id,
        workspace=WORKSPACE,
        name=f"name of {dataset_id}",
        created_ms=NOW_MS,
        updated_ms=NOW_MS,
        digest="01234567",
    )
    return replace(dataset, **changes)


def new_record(number: int, **changes: Any) -> DatasetRecord:
    """Return a record whose inputs are a number, as a service would make it."""
    record = DatasetRecord(f"dr-{number}", {"number": number}, NOW_MS + number, NOW_MS + number)
    return replace(record, **changes)


class EvaluationDatasetStoreRules(ABC):
    """Inherit, and implement the hooks, to hold the stores of evaluation datasets to their contract."""

    @abstractmethod
    def open_datasets(self, folder: Path) -> EvaluationDatasetsUnderTest:
        """Return stores that keep their things in ``folder``, and find there what others kept."""

    @abstractmethod
    def kept_rows(self, folder: Path, dataset_id: str) -> int:
        """Return how many rows ``folder`` holds that say something of a dataset, read without the store."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[EvaluationDatasetsUnderTest]:
        """Return stores with two workspaces and no datasets."""
        with contextlib.closing(self.open_datasets(tmp_path)) as store:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                store.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield store

    @pytest.fixture
    def experiment(self, store: EvaluationDatasetsUnderTest) -> Experiment:
        """Return an active experiment."""
        return store.metadata.add_experiment("judged")

    def test_a_dataset_is_found_as_it_was_added(
        self, tmp_path: Path, store: EvaluationDatasetsUnderTest, experiment: Experiment
    ) -> None:
        """No field is lost or changed, neither here nor in another process."""
        dataset = new_dataset(
            name="日本 'q\"",
            updated_ms=NOW_MS + 5,
            created_by="ann",
            updated_by="bob",
            tags={"team": "é", "a b": ""},
            experiment_ids=[experiment.experiment_id],
        )
        store.datasets.add_dataset(dataset)
        assert store.datasets.get_dataset(WORKSPACE, "d-1") == dataset
        with contextlib.closing(self.open_datasets(tmp_path)) as again:
            assert again.datasets.get_dataset(WORKSPACE, "d-1") == dataset

    def test_ids_are_taken_once_and_records_are_counted_in_their_workspace(
        self, store: EvaluationDatasetsUnderTest
    ) -> None:
        """An id of a record is taken once among all datasets."""
        for dataset_id in ("d-1", "d-2"):
            store.datasets.add_dataset(new_dataset(dataset_id))
        with pytest.raises(AlreadyExists):
            store.datasets.add_dataset(new_dataset("d-1", name="another"))
        store.records.put_records("d-1", [new_record(1), new_record(2)])
        with pytest.raises(AlreadyExists):
            store.records.put_records("d-2", [new_record(3), new_record(2)])
        counted = store.datasets.count_records(WORKSPACE, ["d-1", "d-2", "d-3"])
        assert counted == {"d-1": 2, "d-2": 0}
        assert store.datasets.count_records(OTHER_WORKSPACE, ["d-1"]) == {}

    def test_an_unknown_dataset_is_not_found(self, store: EvaluationDatasetsUnderTest) -> None:
        """Nor is one of another workspace."""
        store.datasets.add_dataset(new_dataset())
        for workspace, dataset_id in ((WORKSPACE, "d-2"), (OTHER_WORKSPACE, "d-1"), (WORKSPACE, "D-1")):
            with pytest.raises(NotFound, match=f"Evaluation dataset with id '{dataset_id}' not found"):
                store.datasets.get_dataset(workspace, dataset_id)

    def test_a_deleted_dataset_takes_all_of_it_along(
        self, tmp_path: Path, store: EvaluationDatasetsUnderTest, experiment: Experiment
    ) -> None:
        """The others keep theirs."""
        for dataset_id in ("d-1", "d-2"):
            linked = [experiment.experiment_id]
            store.datasets.add_dataset(new_dataset(dataset_id, tags={"k": "v"}, experiment_ids=linked))
        store.records.put_records("d-1", [new_record(1), new_record(2)])
        store.records.put_records("d-2", [new_record(3, inputs={"number": 1})])
        assert self.kept_rows(tmp_path, "d-1") == 5
        store.datasets.delete_dataset("d-1")
        store.datasets.delete_dataset("d-1")
        assert (self.kept_rows(tmp_path, "d-1"), self.kept_rows(tmp_path, "d-2")) == (0, 4)
        with pytest.raises(NotFound):
            store.datasets.get_dataset(WORKSPACE, "d-1")

    def test_tags_are_set_over_older_values_and_deleted(self, store: EvaluationDatasetsUnderTest) -> None:
        """A tag that is not there is no error."""
        store.datasets.add_dataset(new_dataset(tags={"a": "1", "b": "2"}))
        store.datasets.set_tags("d-1", {"b": "3", "c": "4"})
        store.datasets.set_tags("d-1", {})
        store.datasets.delete_tag("d-1", "a")
        store.datasets.delete_tag("d-1", "a")
        assert store.datasets.get_dataset(WORKSPACE, "d-1").tags == {"b": "3", "c": "4"}

    def test_links_are_kept_once_in_the_order_in_which_they_came(
        self, store: EvaluationDatasetsUnderTest
    ) -> None:
        """And end where they are asked to; to end says how many there were."""
        first, second, third = (store.metadata.add_experiment(name).experiment_id for name in "abc")
        store.datasets.add_dataset(new_dataset(experiment_ids=[second]))
        store.datasets.link("d-1", [third, second], NOW_MS + 1)
        store.datasets.link("d-1", [first], NOW_MS + 2)
        store.datasets.link("d-1", [], NOW_MS + 3)
        assert store.datasets.get_dataset(WORKSPACE, "d-1").experiment_ids == [second, third, first]
        assert store.datasets.unlink("d-1", [second, first]) == 2
        assert store.datasets.unlink("d-1", [second]) == 0
        store.datasets.note_change("d-1", NOW_MS + 9)
        kept = store.datasets.get_dataset(WORKSPACE, "d-1")
        assert (kept.experiment_ids, kept.updated_ms) == ([third], NOW_MS + 9)

    def test_what_records_change_of_their_dataset_is_noted(self, store: EvaluationDatasetsUnderTest) -> None:
        """Its count is the store's own."""
        store.datasets.add_dataset(new_dataset(updated_by="ann"))
        schema = {"inputs": {"é": "string"}, "outputs": "string", "expectations": {}, "version": "1.0"}
        store.records.put_records("d-1", [new_record(1)])
        store.datasets.note_records(
            "d-1", updated_ms=NOW_MS + 3, updated_by=None, digest="76543210", schema=schema
        )
        kept = store.datasets.get_dataset(WORKSPACE, "d-1")
        assert (kept.updated_ms, kept.updated_by, kept.digest) == (NOW_MS + 3, None, "76543210")
        assert (kept.schema, kept.record_count) == (schema, 1)

    def test_a_record_comes_back_as_it_was_put(
        self, tmp_path: Path, store: EvaluationDatasetsUnderTest
    ) -> None:
        """Whatever JSON it is made of; what says nothing is told from what says nothing of it."""
        store.datasets.add_dataset(new_dataset())
        deep = {"a": [1, 2.5, None, True, {"é": "\u2028"}], "": 10**30}
        records = [
            new_record(1, inputs=deep, outputs=["x"], expectations={}, tags={"k": 1}, created_by="ann"),
            new_record(2, outputs={}, updated_by="bob"),
            new_record(3, source=RecordSource(SourceType.TRACE, {"trace_id": "tr-1"})),
            new_record(4, outputs=False, expectations={"x": None}, source=RecordSource(SourceType.HUMAN)),
        ]
        store.records.put_records("d-1", records)
        assert store.records.list_records("d-1", 10) == records
        with contextlib.closing(self.open_datasets(tmp_path)) as again:
            assert again.records.list_records("d-1", 10) == records

    def test_a_record_of_the_same_inputs_is_written_over(self, store: EvaluationDatasetsUnderTest) -> None:
        """Its id and its first coming stay, and so does the dataset's count."""
        store.datasets.add_dataset(new_dataset())
        store.records.put_records("d-1", [new_record(1), new_record(2)])
        changed = new_record(1, outputs="x", tags={"k": "v"}, updated_ms=NOW_MS + 50, updated_by="bob")
        store.records.put_records("d-1", [changed])
        store.records.put_records("d-1", [])
        assert store.records.list_records("d-1", 10) == [changed, new_record(2)]
        assert store.datasets.get_dataset(WORKSPACE, "d-1").record_count == 2

    def test_records_are_found_by_their_inputs(self, store: EvaluationDatasetsUnderTest) -> None:
        """Those of the dataset that is asked for alone."""
        for dataset_id, number in (("d-1", 1), ("d-2", 2)):
            store.datasets.add_dataset(new_dataset(dataset_id))
            store.records.put_records(dataset_id, [new_record(number)])
        keys = [new_record(number).inputs_sha256 for number in (1, 2, 3)]
        assert store.records.find_records("d-1", keys) == {keys[0]: new_record(1)}
        assert store.records.find_records("d-1", []) == {}

    def test_pages_of_records_hold_each_once(self, store: EvaluationDatasetsUnderTest) -> None:
        """In the order of their first coming; ids break ties."""
        store.datasets.add_dataset(new_dataset())
        records = [new_record(number, created_ms=NOW_MS + number // 2) for number in range(1, 8)]
        store.records.put_records("d-1", records[::-1])
        page = store.records.list_records("d-1", 3)
        assert page == records[:3]
        after = RecordPosition(page[-1].created_ms, page[-1].record_id)
        assert store.records.list_records("d-1", 10, after) == records[3:]
        assert store.records.list_records("d-2", 10) == []

    def test_deleted_records_are_counted(self, store: EvaluationDatasetsUnderTest) -> None:
        """Those of other datasets stay."""
        for dataset_id, number in (("d-1", 1), ("d-2", 2)):
            store.datasets.add_dataset(new_dataset(dataset_id))
            store.records.put_records(dataset_id, [new_record(number), new_record(number + 10)])
        assert store.records.delete_records("d-1", ["dr-1", "dr-2", "dr-9"]) == 1
        assert store.records.delete_records("d-1", []) == 0
        assert [len(store.records.list_records(each, 9)) for each in ("d-1", "d-2")] == [1, 2]
        assert store.datasets.get_dataset(WORKSPACE, "d-1").record_count == 1

    def test_threads_can_put_at_once(self, store: EvaluationDatasetsUnderTest) -> None:
        """No record is lost, and none counted twice."""
        store.datasets.add_dataset(new_dataset())

        def put(number: int) -> None:
            with store.metadata.atomic():
                store.datasets.get_dataset(WORKSPACE, "d-1")
                store.records.put_records("d-1", [new_record(number)])

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, range(40)))
        assert store.records.list_records("d-1", 99) == [new_record(number) for number in range(40)]
        assert store.datasets.get_dataset(WORKSPACE, "d-1").record_count == 40

    def test_an_error_in_a_transaction_takes_back_all_of_it(self, store: EvaluationDatasetsUnderTest) -> None:
        """A dataset and what hangs on it are kept together or not at all."""

        def fail_in_the_middle() -> None:
            with store.metadata.atomic():
                store.datasets.add_dataset(new_dataset(tags={"a": "1"}))
                store.records.put_records("d-1", [new_record(1)])
                raise KeyError("stop")

        with pytest.raises(KeyError, match="stop"):
            fail_in_the_middle()
        with pytest.raises(NotFound):
            store.datasets.get_dataset(WORKSPACE, "d-1")

    def test_a_workspace_is_emptied_in_small_steps(self, store: EvaluationDatasetsUnderTest) -> None:
        """What was measured is what goes, and other workspaces keep theirs."""
        for dataset_id, workspace in (("d-1", WORKSPACE), ("d-2", WORKSPACE), ("d-3", OTHER_WORKSPACE)):
            store.datasets.add_dataset(new_dataset(dataset_id, workspace=workspace, tags={"k": "v"}))
        store.records.put_records("d-1", [new_record(number) for number in range(1500)])
        store.records.put_records("d-3", [new_record(2000)])
        whole = store.datasets.measure_datasets(WORKSPACE)
        first = store.datasets.take_datasets(WORKSPACE)
        second = store.datasets.take_datasets(WORKSPACE)
        assert (first.is_over, second.is_over) == (False, True)
        assert first.rows + second.rows == whole.rows == 1504
        assert first.size_bytes + second.size_bytes == whole.size_bytes > 0
        assert store.datasets.search_datasets(Search(WORKSPACE)) == []
        assert store.datasets.get_dataset(OTHER_WORKSPACE, "d-3").record_count == 1

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("name = 'small'", ["d-1"]),
            ("name != 'small'", ["d-2", "d-3"]),
            ("name LIKE '%l%' AND created_by = 'ann'", ["d-1"]),
            ("name ILIKE 'SMALL'", ["d-1"]),
            ("name RLIKE '^s.*l$'", ["d-1"]),
            ("tags.team RLIKE '[b-z]'", ["d-2"]),
            ("name IN ('small', 'huge', 'x')", ["d-1", "d-3"]),
            ("created_by != 'ann'", ["d-2"]),
            ("last_updated_by LIKE 'b%'", ["d-1"]),
            (f"created_time > {NOW_MS + 1}", ["d-2", "d-3"]),
            (f"last_update_time <= {NOW_MS + 20} AND created_time != {NOW_MS + 1}", ["d-2"]),
            ("tags.team = 'a'", ["d-1"]),
            ("tags.team != 'a'", ["d-2"]),
            ("tags.team IS NULL", ["d-3"]),
            ("tags.team ILIKE 'A' OR name = 'huge'", ["d-1", "d-3"]),
            ("NOT created_by = 'ann'", ["d-2", "d-3"]),
        ],
    )
    def test_a_filter_finds_datasets(
        self, store: EvaluationDatasetsUnderTest, text: str, expected: list[str]
    ) -> None:
        """By what they are and by their tags."""
        _add_three(store.datasets)
        search = Search(WORKSPACE, filter=parse_evaluation_dataset_filter(text))
        found = store.datasets.search_datasets(search)
        assert sorted(dataset.dataset_id for dataset in found) == expected

    @pytest.mark.parametrize(
        ("keys", "expected"),
        [
            ([], ["d-3", "d-2", "d-1"]),
            (["name"], ["d-3", "d-1", "d-2"]),
            (["name DESC"], ["d-2", "d-1", "d-3"]),
            (["last_update_time ASC"], ["d-2", "d-1", "d-3"]),
            (["created_time asc", "name"], ["d-1", "d-3", "d-2"]),
        ],
    )
    def test_datasets_are_ordered(
        self, store: EvaluationDatasetsUnderTest, keys: list[str], expected: list[str]
    ) -> None:
        """The last created first where nobody asks; pages hold each once."""
        _add_three(store.datasets)
        search = Search(WORKSPACE, order=parse_evaluation_dataset_order(keys))
        found = [
            dataset.dataset_id
            for limit, offset in ((2, 0), (2, 2))
            for dataset in store.datasets.search_datasets(replace(search, limit=limit, offset=offset))
        ]
        assert found == expected

    def test_a_search_can_ask_for_links(self, store: EvaluationDatasetsUnderTest) -> None:
        """A dataset of several of the experiments is found once."""
        first, second = (store.metadata.add_experiment(name).experiment_id for name in "ab")
        for dataset_id, linked in (("d-1", [first, second]), ("d-2", [second]), ("d-3", [])):
            store.datasets.add_dataset(new_dataset(dataset_id, experiment_ids=linked))

        def found(linked_to: list[str] | None) -> list[str]:
            return [each.dataset_id for each in store.datasets.search_datasets(Search(WORKSPACE), linked_to)]

        assert found([first]) == ["d-1"]
        assert found([first, second]) == ["d-2", "d-1"]
        assert found([]) == []
        assert found(None) == ["d-3", "d-2", "d-1"]


def _add_three(datasets: EvaluationDatasetStore) -> None:
    datasets.add_dataset(
        new_dataset(
            "d-1",
            name="small",
            created_ms=NOW_MS + 1,
            updated_ms=NOW_MS + 30,
            created_by="ann",
            updated_by="bob",
            tags={"team": "a"},
        )
    )
    datasets.add_dataset(
        new_dataset(
            "d-2",
            name="sparse",
            created_ms=NOW_MS + 9,
            updated_ms=NOW_MS + 20,
            created_by="bob",
            tags={"team": "b", "k": "v"},
        )
    )
    datasets.add_dataset(new_dataset("d-3", name="huge", created_ms=NOW_MS + 9, updated_ms=NOW_MS + 40))
    datasets.add_dataset(new_dataset("d-4", workspace=OTHER_WORKSPACE, name="small", created_by="ann"))
