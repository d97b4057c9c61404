"""What an export holds to judge models by: scorers, questions, issues, datasets and records, a line each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from runyard.decoding import learnt
from runyard.entities.evaluation_dataset import DatasetRecord, EvaluationDataset
from runyard.errors import InvalidParameter
from runyard.protocol.messages.dataset_records import dataset_records
from runyard.protocol.messages.evaluation_datasets import wire_record
from runyard.protocol.messages.imported_evaluation import (
    ImportedEvaluationDataset,
    ImportedIssue,
    ImportedLabelSchema,
    ImportedScorer,
    dataset_in,
    imported_dataset,
    imported_issue,
    imported_issue_in,
    imported_label_schema,
    imported_scorer,
    label_schema_in,
    scorer_in,
)
from runyard.sdk.transfer.destination import IMPORT_TAG
from runyard.sdk.transfer.evaluation import Evaluation, Judging
from runyard.sdk.transfer.records import Counts, SourceExperiment
from runyard.sdk.transfer.source import Source

EVALUATION = "evaluation.jsonl"
MAX_LINE_BYTES = 64 * 1024 * 1024

_SCORER, _SCHEMA, _ISSUE, _DATASET, _RECORD = "scorer", "label_schema", "issue", "dataset", "record"

Message = TypeVar("Message", bound=msgspec.Struct)


def write_evaluation(path: Path, source: Source, experiment: SourceExperiment) -> Iterator[Counts]:
    """Write what an experiment is judged by, with the datasets that are linked to it, and yield the counts.

    The same content is the same bytes.
    """
    judging = source.evaluation.judging(experiment)
    with path.open("x", encoding="utf-8") as file:
        for scorer in judging.scorers:
            _write(file, _SCORER, imported_scorer(scorer))
            yield Counts(scorers=1, scorer_versions=len(scorer.versions))
        for schema in judging.label_schemas:
            _write(file, _SCHEMA, imported_label_schema(schema))
            yield Counts(label_schemas=1)
        for issue in judging.issues:
            _write(file, _ISSUE, imported_issue(issue))
            yield Counts(issues=1)
        for dataset in source.evaluation.datasets():
            if experiment.source_id in dataset.experiment_ids:
                tags = {key: value for key, value in dataset.tags.items() if key != IMPORT_TAG}
                _write(file, _DATASET, imported_dataset(replace(dataset, tags=tags), []))
                yield Counts(evaluation_datasets=1)
                for record in source.evaluation.records(dataset):
                    _write(file, _RECORD, wire_record(dataset.dataset_id, record))
                    yield Counts(records=1)


def _write(file: Any, kind: str, content: Any) -> None:
    line = {kind: msgspec.to_builtins(content)}
    file.write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")


class EvaluationLines(Evaluation):
    """Reads the file of an export; one that has none holds nothing.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, int] = {}

    def judging(self, experiment: SourceExperiment) -> Judging:
        """See :class:`Evaluation`."""
        return Judging(
            scorers=[scorer_in(each, experiment.source_id) for each in self._told(_SCORER, ImportedScorer)],
            label_schemas=[
                label_schema_in(each, experiment.source_id)
                for each in self._told(_SCHEMA, ImportedLabelSchema)
            ],
            issues=[
                imported_issue_in(each, experiment.source_id) for each in self._told(_ISSUE, ImportedIssue)
            ],
        )

    def datasets(self) -> Iterator[EvaluationDataset]:
        """See :class:`Evaluation`."""
        for place, content in self._lines(_DATASET):
            dataset = dataset_in(self._converted(content, ImportedEvaluationDataset))
            self._places[dataset.dataset_id] = place
            # An export is of one experiment.
            yield replace(dataset, experiment_ids=["0"])

    def records(self, dataset: EvaluationDataset) -> Iterator[DatasetRecord]:
        """See :class:`Evaluation`."""
        # They stand behind their dataset.
        for _, content in self._lines(_RECORD, self._places[dataset.dataset_id], is_run=True):
            yield from dataset_records([content])

    def _told(self, kind: str, message: type[Message]) -> Iterator[Message]:
        for _, content in self._lines(kind):
            yield self._converted(content, message)

    def _converted(self, content: Any, message: type[Message]) -> Message:
        try:
            return msgspec.convert(content, learnt(message))
        except msgspec.ValidationError as error:
            raise InvalidParameter(f"{self._path} has a line that can't be read: {error}") from error

    def _lines(self, kind: str, place: int = 0, *, is_run: bool = False) -> Iterator[tuple[int, Any]]:
        """Yield what lines of a kind say, and where each ends; with ``is_run`` up to one of another kind."""
        if not self._path.exists():
            return
        start = f'{{"{kind}":'.encode()
        with self._path.open("rb") as file:
            file.seek(place)
            while line := file.readline(MAX_LINE_BYTES):
                if line.startswith(start):
                    yield file.tell(), self._parsed(line)[kind]
                elif is_run:
                    return

    def _parsed(self, line: bytes) -> dict[str, Any]:
        try:
            return dict(json.loads(line))
        except (ValueError, TypeError, RecursionError) as error:
            raise InvalidParameter(f"{self._path} has a line that is no JSON object: {error}") from error
