"""What a running server holds to judge models by: one of MLflow's from version 3.4, or a Runyard."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec

from runyard.decoding import learnt
from runyard.entities.evaluation_dataset import DatasetRecord, EvaluationDataset, dataset_digest
from runyard.entities.issue import Issue, IssueSeverity, IssueStatus
from runyard.entities.label_schema import LabelSchema
from runyard.entities.scorer import OnlineScoring, Scorer, ScorerVersion
from runyard.errors import InternalError, MethodNotAllowed, NotFound, NotImplementedHere
from runyard.protocol.messages.dataset_records import dataset_records
from runyard.protocol.messages.label_schemas import WireLabelInput, label_input, label_schema_type
from runyard.sdk.transfer.evaluation import Evaluation, Judging
from runyard.sdk.transfer.mlflow_pages import answers
from runyard.sdk.transfer.mlflow_values import whole
from runyard.sdk.transfer.records import SourceExperiment

PAGE = 100
RECORDS_PAGE = 1000

_API = "/api/3.0/mlflow"
_ABSENT = (NotFound, MethodNotAllowed, NotImplementedHere)
# A server over a folder answers so, with a status that says that it is broken.
_WITHOUT_A_DATABASE = "not supported with FileStore"

Get = Callable[[str, Mapping[str, str]], dict[str, Any]]
Post = Callable[[str, Mapping[str, Any]], dict[str, Any]]


class ServerEvaluation(Evaluation):
    """Reads page by page.

    Args:
        get: Sends a query to an address and returns the answer.
        post: Sends a body to an address and returns the answer.
    """

    def __init__(self, get: Get, post: Post) -> None:
        self._get = get
        self._post = post

    @cached_property
    def _has_any(self) -> bool:
        try:
            self._post(f"{_API}/datasets/search", {"max_results": 1})
        except _ABSENT:
            return False
        except InternalError as error:
            if _WITHOUT_A_DATABASE not in error.message:
                raise
            return False
        return True

    def judging(self, experiment: SourceExperiment) -> Judging:
        """See :class:`Evaluation`."""
        # Of an experiment in the trash a server tells nothing.
        if experiment.is_deleted or not self._has_any:
            return Judging()
        return Judging(
            scorers=list(self._scorers(experiment)),
            label_schemas=[
                _label_schema(found)
                for found in self._listed("label-schemas/list", "label_schemas", experiment)
                if not found.get("is_default")
            ],
            issues=[_issue(found) for found in self._issues(experiment)],
        )

    def datasets(self) -> Iterator[EvaluationDataset]:
        """See :class:`Evaluation`."""
        if not self._has_any:
            return
        # Datasets that are made meanwhile come last, so none is passed over.
        body = {"max_results": PAGE, "order_by": ["created_time ASC"]}
        for found in self._found("datasets/search", "datasets", body):
            address = f"{_API}/datasets/{found['dataset_id']}/experiment-ids"
            yield _dataset(found, self._get(address, {}).get("experiment_ids", []))

    def records(self, dataset: EvaluationDataset) -> Iterator[DatasetRecord]:
        """See :class:`Evaluation`."""
        query = {"max_results": str(RECORDS_PAGE)}
        address = f"{_API}/datasets/{dataset.dataset_id}/records"
        for answer in answers(lambda page: self._get(address, page), query):
            yield from dataset_records(json.loads(answer.get("records") or "[]"))

    def _scorers(self, experiment: SourceExperiment) -> Iterator[Scorer]:
        for latest in self._listed("scorers/list", "scorers", experiment):
            query = {"experiment_id": experiment.source_id, "name": latest["scorer_name"]}
            found = self._get(f"{_API}/scorers/versions", query).get("scorers", [])
            versions = sorted(map(_scorer_version, found), key=lambda each: each.version)
            yield Scorer(versions, self._online(versions[0].scorer_id))

    def _online(self, scorer_id: str) -> OnlineScoring | None:
        try:
            answer = self._get(f"{_API}/scorers/online-configs", {"scorer_ids": scorer_id})
        except _ABSENT:
            return None  # MLflow before version 3.9
        for found in answer.get("configs", []):
            return OnlineScoring(
                config_id=found["online_scoring_config_id"],
                scorer_id=scorer_id,
                experiment_id=str(found["experiment_id"]),
                sample_rate=float(found["sample_rate"]),
                filter=found.get("filter_string"),
            )
        return None

    def _issues(self, experiment: SourceExperiment) -> Iterator[dict[str, Any]]:
        body = {"experiment_id": experiment.source_id, "max_results": PAGE}
        with contextlib.suppress(*_ABSENT):
            yield from self._found("issues/search", "issues", body)

    def _listed(self, path: str, field: str, experiment: SourceExperiment) -> Iterator[dict[str, Any]]:
        query = {"experiment_id": experiment.source_id}
        with contextlib.suppress(*_ABSENT):
            for answer in answers(lambda page: self._get(f"{_API}/{path}", page), query):
                yield from answer.get(field, [])

    def _found(self, path: str, field: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for answer in answers(lambda page: self._post(f"{_API}/{path}", page), body):
            yield from answer.get(field, [])


def _scorer_version(found: Mapping[str, Any]) -> ScorerVersion:
    return ScorerVersion(
        scorer_id=found["scorer_id"],
        experiment_id=str(found["experiment_id"]),
        name=found["scorer_name"],
        version=int(found["scorer_version"]),
        serialized=found["serialized_scorer"],
        created_ms=whole(found.get("creation_time")) or 0,
    )


def _label_schema(found: Mapping[str, Any]) -> LabelSchema:
    return LabelSchema(
        schema_id=found["schema_id"],
        experiment_id=str(found["experiment_id"]),
        name=found["name"],
        type=label_schema_type(found["type"]),
        input=label_input(msgspec.convert(found["input"], learnt(WireLabelInput), strict=False)),
        created_ms=whole(found.get("created_at")) or 0,
        updated_ms=whole(found.get("last_updated_at")) or 0,
        instruction=found.get("instruction"),
        enable_comment=bool(found.get("enable_comment")),
    )


def _issue(found: Mapping[str, Any]) -> Issue:
    severity = found.get("severity")
    return Issue(
        issue_id=found["issue_id"],
        experiment_id=str(found["experiment_id"]),
        name=found["name"],
        description=found["description"],
        status=IssueStatus(found["status"]),
        created_ms=whole(found.get("created_timestamp")) or 0,
        updated_ms=whole(found.get("last_updated_timestamp")) or 0,
        severity=IssueSeverity(severity) if severity else None,
        root_causes=found.get("root_causes", []),
        categories=found.get("categories", []),
        source_run_id=found.get("source_run_id"),
        created_by=found.get("created_by"),
    )


def _dataset(found: Mapping[str, Any], experiment_ids: list[str]) -> EvaluationDataset:
    created_ms = whole(found.get("created_time")) or 0
    updated_ms = whole(found.get("last_update_time")) or created_ms
    return EvaluationDataset(
        dataset_id=found["dataset_id"],
        workspace="",
        name=found["name"],
        created_ms=created_ms,
        updated_ms=updated_ms,
        digest=found.get("digest") or dataset_digest(found["name"], updated_ms),
        schema=json.loads(found["schema"]) if found.get("schema") else None,
        created_by=found.get("created_by"),
        updated_by=found.get("last_updated_by"),
        tags={key: str(value) for key, value in json.loads(found.get("tags") or "{}").items()},
        experiment_ids=[str(each) for each in experiment_ids],
    )
