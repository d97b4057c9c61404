"""The evaluation datasets and the scorers that a workspace keeps: looked at, and deleted."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from runyard.decoding import learnt
from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.evaluation_datasets import (
    DeleteDatasetRecords,
    DeleteDatasetRecordsAnswer,
    EvaluationDatasetAnswer,
    GetDatasetRecords,
    GetDatasetRecordsAnswer,
    SearchEvaluationDatasets,
    SearchEvaluationDatasetsAnswer,
    WireEvaluationDataset,
)
from runyard.protocol.messages.scorers import (
    ListScorers,
    NamedScorer,
    NamedScorerVersion,
    ScorersAnswer,
    WireScorer,
)
from runyard.sdk.addresses import named_segment
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import listed, text
from runyard.sdk.connection import Connection
from runyard.sdk.pages import pages
from runyard.sdk.transport import Request

_DATASETS = "/api/3.0/mlflow/datasets"
_SCORERS = "/api/3.0/mlflow/scorers"


@names_arguments
class EvaluationDatasets:
    """Questions with what is expected of the answers, which ``mlflow.genai.datasets`` keeps in a workspace.

    Args:
        connection: Reaches the workspace.

    Example:
        >>> [each.name for each in ws.evaluation_datasets.search()]
        []
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def search(
        self, experiment_ids: Collection[str] = (), filter_text: str | None = None
    ) -> Iterator[WireEvaluationDataset]:
        """Yield datasets without their records, the last made first.

        Args:
            experiment_ids: Only those that are linked to one of these; by default all of the workspace.
            filter_text: What to look for, in MLflow's grammar, as ``name LIKE 'capital%'``.

        Raises:
            InvalidFilter: The filter does not follow the grammar.

        Example:
            >>> [each.name for each in ws.evaluation_datasets.search(filter_text="name = 'capitals'")]
            []
        """
        ids = list(listed(experiment_ids, "experiment_ids"))

        def page(token: str | None) -> SearchEvaluationDatasetsAnswer:
            query = SearchEvaluationDatasets(experiment_ids=ids, filter_string=filter_text, page_token=token)
            return self._connection.post(
                f"{_DATASETS}/search", query, SearchEvaluationDatasetsAnswer, is_repeatable=True
            )

        for answer in pages(page):
            yield from answer.datasets or ()

    def get(self, dataset_id: str) -> WireEvaluationDataset:
        """Return a dataset without its records.

        Raises:
            NotFound: The workspace has no such dataset.

        Example:
            >>> ws.evaluation_datasets.get("d-" + "0" * 32)
            Traceback (most recent call last):
                ...
            runyard.errors.NotFound: ...
        """
        return self._connection.get(_path(dataset_id), EvaluationDatasetAnswer).dataset

    def list_records(self, dataset_id: str) -> Iterator[dict[str, Any]]:
        """Yield the records of a dataset: inputs, expectations, tags, and where each comes from.

        Raises:
            NotFound: The workspace has no such dataset.

        Example:
            >>> list(ws.evaluation_datasets.list_records("d-" + "0" * 32))
            Traceback (most recent call last):
                ...
            runyard.errors.NotFound: ...
        """

        def page(token: str | None) -> GetDatasetRecordsAnswer:
            query = GetDatasetRecords(page_token=token)
            return self._connection.get(f"{_path(dataset_id)}/records", GetDatasetRecordsAnswer, query)

        for answer in pages(page):
            yield from json.loads(answer.records)

    def delete_records(self, dataset_id: str, record_ids: Collection[str]) -> int:
        """Delete records for good, and return how many there were.

        Raises:
            NotFound: The workspace has no such dataset.
            InvalidParameter: No record is named.

        Example:
            >>> ws.evaluation_datasets.delete_records("d-" + "0" * 32, ["dr-1"])
            Traceback (most recent call last):
                ...
            runyard.errors.NotFound: ...
        """
        named = list(listed(record_ids, "record_ids"))
        if not named:
            raise InvalidParameter("record_ids must name the records to delete, and is empty.")
        body = msgspec.json.encode(DeleteDatasetRecords(dataset_record_ids=named))
        path = f"{_path(dataset_id)}/records"
        answer = self._connection.send(Request("DELETE", path, body=body, is_repeatable=True))
        return msgspec.json.decode(answer, type=learnt(DeleteDatasetRecordsAnswer)).deleted_count

    def delete(self, dataset_id: str) -> None:
        """Delete a dataset and its records for good; one that is not there is deleted already.

        Raises:
            Forbidden: The credential does not allow it.

        Example:
            >>> ws.evaluation_datasets.delete("d-" + "0" * 32)
        """
        self._connection.delete(_path(dataset_id), Empty(), Empty)


@names_arguments
class Scorers:
    """What judges the traces of experiments, as ``register()`` of MLflow's scorers keeps it.

    Args:
        connection: Reaches the workspace.

    Example:
        >>> ws.scorers.list(experiment.id)
        []
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, experiment_id: str) -> list[WireScorer]:
        """Return the scorers of an experiment, each in its last version.

        Raises:
            NotFound: The workspace has no such experiment.

        Example:
            >>> ws.scorers.list(experiment.id)
            []
        """
        query = ListScorers(experiment_id=text(experiment_id, "experiment_id"))
        return self._connection.get(f"{_SCORERS}/list", ScorersAnswer, query).scorers or []

    def delete(self, experiment_id: str, name: str, version: int | None = None) -> None:
        """Delete a version of a scorer, or all of it, for good.

        Raises:
            NotFound: The experiment has no such scorer or version.

        Example:
            >>> ws.scorers.delete(experiment.id, "relevance")
            Traceback (most recent call last):
                ...
            runyard.errors.NotFound: ...
        """
        query = NamedScorerVersion(experiment_id=experiment_id, name=name, version=version)
        self._connection.delete(f"{_SCORERS}/delete", query, Empty)

    def versions(self, experiment_id: str, name: str) -> ScorerVersions:
        """Return all versions of a scorer, the first one first.

        Raises:
            NotFound: The experiment has no such scorer.

        Example:
            >>> ws.scorers.versions(experiment.id, "relevance")
            Traceback (most recent call last):
                ...
            runyard.errors.NotFound: ...
        """
        query = NamedScorer(experiment_id=experiment_id, name=name)
        return self._connection.get(f"{_SCORERS}/versions", ScorersAnswer, query).scorers or []


# A method called list hides the type in its class.
ScorerVersions = list[WireScorer]


class HasEvaluation:
    """What a workspace has for judging what models answer."""

    _connection: Connection

    @property
    def evaluation_datasets(self) -> EvaluationDatasets:
        """Its evaluation datasets.

        Example:
            >>> [each.name for each in ws.evaluation_datasets.search()]
            []
        """
        return EvaluationDatasets(self._connection)

    @property
    def scorers(self) -> Scorers:
        """What judges the traces of its experiments.

        Example:
            >>> ws.scorers.list(experiment.id)
            []
        """
        return Scorers(self._connection)


def _path(dataset_id: str) -> str:
    return f"{_DATASETS}/{named_segment(text(dataset_id, 'dataset_id'), 'evaluation dataset')}"
