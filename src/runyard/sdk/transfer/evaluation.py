"""The contract of what a source holds to judge models by: scorers, questions, issues, evaluation datasets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runyard.entities.evaluation_dataset import DatasetRecord, EvaluationDataset
from runyard.entities.issue import Issue
from runyard.entities.label_schema import LabelSchema
from runyard.entities.scorer import Scorer
from runyard.sdk.transfer.records import SourceExperiment


@dataclass(frozen=True, slots=True)
class Judging:
    """What the traces of one experiment are judged by, and what came of it."""

    scorers: Sequence[Scorer] = ()
    label_schemas: Sequence[LabelSchema] = ()
    issues: Sequence[Issue] = ()


class Evaluation:
    """Reads what a source holds to judge models by; this one holds nothing, as MLflow's folders do."""

    def judging(self, experiment: SourceExperiment) -> Judging:
        """Return what belongs to an experiment; the question that each has is left out."""
        return Judging()

    def datasets(self) -> Iterator[EvaluationDataset]:
        """Yield the evaluation datasets, with the source's ids of the experiments that they are linked to."""
        yield from ()

    def records(self, dataset: EvaluationDataset) -> Iterator[DatasetRecord]:
        """Yield the records of a dataset, in any order."""
        yield from ()
