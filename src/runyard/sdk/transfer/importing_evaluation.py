"""Taking over what models are judged by: of each experiment, then evaluation datasets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from runyard.entities.evaluation_dataset import DatasetRecord, EvaluationDataset
from runyard.protocol.messages.evaluation_datasets import wire_record
from runyard.protocol.messages.imports import CountImported
from runyard.sdk.transfer.evaluation import Judging
from runyard.sdk.transfer.importing_traces import differences
from runyard.sdk.transfer.records import Counts, SourceExperiment
from runyard.sdk.transfer.source import sound
from runyard.sdk.transfer.spreading import REFUSED, groups
from runyard.sdk.transfer.takeover import Takeover

ITEMS_AT_ONCE = 100
COUNTED_AT_ONCE = 100
RECORDS_AT_ONCE = 1000
RECORD_BYTES_AT_ONCE = 4 * 1024 * 1024

_NAMES = ("scorers", "scorer_versions", "label_schemas", "issues", "evaluation_datasets", "records")


class EvaluationImport:
    """Takes scorers, label schemas, issues and evaluation datasets over, and counts both sides."""

    def __init__(self, takeover: Takeover) -> None:
        self._source = takeover.source
        self._destination = takeover.destination
        self._is_dry_run = takeover.is_dry_run
        self._note = takeover.note
        self._told = takeover.told
        self.read = Counts()
        self.kept = Counts()

    def take_judging(self, experiment: SourceExperiment, experiment_id: str) -> None:
        """Take over what belongs to one experiment."""
        try:
            (judging,) = sound(self._judging(experiment), self._source.name)
        except REFUSED as error:
            self._note(f"What judges experiment {experiment.name!r}: {error}")
            return
        for part in _parts(judging):
            read = Counts(
                scorers=len(part.scorers),
                scorer_versions=sum(len(each.versions) for each in part.scorers),
                label_schemas=len(part.label_schemas),
                issues=len(part.issues),
            )
            self.read.add(read)
            if not self._is_dry_run:
                for problem in self._destination.import_judging(experiment_id, part):
                    self._note(problem)
                self._compare(f"What judges experiment {experiment.name!r}", _asked(part), read)

    def take_datasets(self, experiment_ids: Mapping[str, str | None], with_unlinked: bool) -> None:
        """Take over evaluation datasets, once their experiments are here.

        Args:
            experiment_ids: The ids here of the experiments that were taken over, by their ids there.
            with_unlinked: Whether to take also those that are linked to none of these.
        """
        for dataset in sound(self._source.evaluation.datasets(), self._source.name):
            links = [here for each in dataset.experiment_ids if (here := experiment_ids.get(each))]
            is_wanted = any(each in experiment_ids for each in dataset.experiment_ids)
            if with_unlinked or is_wanted:
                self._take(dataset, links)
                self._told("Evaluation datasets", self.read.evaluation_datasets, 0)

    def _judging(self, experiment: SourceExperiment) -> Iterator[Judging]:
        yield self._source.evaluation.judging(experiment)

    def _take(self, dataset: EvaluationDataset, links: Sequence[str]) -> None:
        name, read = (
            f"Evaluation dataset {dataset.name!r} ({dataset.dataset_id})",
            Counts(evaluation_datasets=1),
        )
        try:
            is_complete = self._is_dry_run or self._destination.begin_dataset(dataset, links)
            for records, count, is_last in self._batches(dataset):
                read.records += count
                if not is_complete:
                    self._destination.send_records(dataset.dataset_id, records, is_last=is_last)
        except REFUSED as error:
            self._note(f"{name}: {error}")
        self.read.add(read)
        if not self._is_dry_run:
            self._compare(name, CountImported(evaluation_dataset_ids=[dataset.dataset_id]), read)

    def _batches(self, dataset: EvaluationDataset) -> Iterator[tuple[str, int, bool]]:
        """Yield records as JSON, how many they are, and whether they are the last; at least once."""
        waiting: list[str] = []
        size_bytes = 0
        for record in sound(self._source.evaluation.records(dataset), self._source.name):
            written = _written(dataset, record)
            if waiting and (
                len(waiting) == RECORDS_AT_ONCE or size_bytes + len(written) > RECORD_BYTES_AT_ONCE
            ):
                yield f"[{','.join(waiting)}]", len(waiting), False
                waiting, size_bytes = [], 0
            waiting.append(written)
            size_bytes += len(written)
        yield f"[{','.join(waiting)}]", len(waiting), True

    def _compare(self, name: str, asked: CountImported, read: Counts) -> None:
        found = self._destination.count(asked)
        kept = Counts(**{each: getattr(found, each) for each in _NAMES})
        self.kept.add(kept)
        different = differences(kept, read)
        if different:
            self._note(f"{name} differs from the source, or has changed or was deleted since: {different}.")


def _written(dataset: EvaluationDataset, record: DatasetRecord) -> str:
    return json.dumps(wire_record(dataset.dataset_id, record))


def _parts(judging: Judging) -> Iterator[Judging]:
    for scorers in groups(iter(judging.scorers), ITEMS_AT_ONCE):
        yield Judging(scorers=scorers)
    for schemas in groups(iter(judging.label_schemas), ITEMS_AT_ONCE):
        yield Judging(label_schemas=schemas)
    for issues in groups(iter(judging.issues), ITEMS_AT_ONCE):
        yield Judging(issues=issues)


def _asked(part: Judging) -> CountImported:
    return CountImported(
        scorer_ids=[each.versions[0].scorer_id for each in part.scorers],
        label_schema_ids=[each.schema_id for each in part.label_schemas],
        issue_ids=[each.issue_id for each in part.issues],
    )
