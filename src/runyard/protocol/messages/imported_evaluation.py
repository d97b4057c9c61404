"""Runyard's own messages about taking over what models are judged by, with its ids and times."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from runyard.entities.evaluation_dataset import EvaluationDataset
from runyard.entities.issue import Issue
from runyard.entities.label_schema import LabelSchema
from runyard.entities.scorer import OnlineScoring, Scorer, ScorerVersion
from runyard.protocol.json_fields import json_object
from runyard.protocol.messages.common import Int64, KeyValue, Wire, key_values, mapping
from runyard.protocol.messages.issues import CreateIssue, issue_in
from runyard.protocol.messages.label_schemas import (
    WireLabelInput,
    label_input,
    label_schema_type,
    wire_label_input,
)


class ImportedScorerVersion(Wire):
    """A version of a scorer."""

    version: Int64
    serialized_scorer: str
    creation_time: Int64


class ImportedScorer(Wire):
    """A scorer with its versions, the lowest first, and what is said of its use on new traces."""

    scorer_id: str
    name: str
    versions: list[ImportedScorerVersion]
    online_scoring_config_id: str = ""
    sample_rate: float | None = None
    filter_string: str | None = None


class ImportedLabelSchema(Wire):
    """A question of an experiment; the one that each experiment has does not come."""

    schema_id: str
    name: str
    type: str
    input: WireLabelInput
    created_at: Int64
    last_updated_at: Int64
    instruction: str | None = None
    enable_comment: bool = False


class ImportedIssue(Wire):
    """An issue, with what its experiment is called at the source."""

    issue_id: str
    issue: CreateIssue
    created_timestamp: Int64
    last_updated_timestamp: Int64


class ImportJudging(Wire):
    """Body of ``POST /api/v1/import/judging``: what an experiment's traces are judged by."""

    source: str
    experiment_id: str
    scorers: list[ImportedScorer] = []
    label_schemas: list[ImportedLabelSchema] = []
    issues: list[ImportedIssue] = []


class ImportJudgingAnswer(Wire, omit_defaults=False):
    """What was wrong with those that were left out."""

    problems: list[str]


class ImportedEvaluationDataset(Wire):
    """An evaluation dataset without records; experiments are those here that it is linked to.

    ``schema`` is JSON as a text, as MLflow's own messages have it.
    """

    dataset_id: str
    name: str
    digest: str
    created_time: Int64
    last_update_time: Int64
    schema: str | None = None
    created_by: str | None = None
    last_updated_by: str | None = None
    tags: list[KeyValue] = []
    experiment_ids: list[str] = []


class ImportEvaluationDataset(Wire):
    """Body of ``POST /api/v1/import/evaluation-datasets``."""

    source: str
    dataset: ImportedEvaluationDataset


class ImportEvaluationDatasetAnswer(Wire, omit_defaults=False):
    """Whether all of the dataset came by an import before."""

    is_complete: bool


class ImportRecords(Wire):
    """Body of ``POST /api/v1/import/evaluation-datasets/records``; with ``is_last`` all of them have come.

    ``records`` is a JSON list as a text, as MLflow's own messages have it: there a null says something.
    """

    source: str
    dataset_id: str
    records: str = "[]"
    is_last: bool = False


def imported_scorer(scorer: Scorer) -> ImportedScorer:
    """Return a scorer as it is sent."""
    first, online = scorer.versions[0], scorer.online
    return ImportedScorer(
        scorer_id=first.scorer_id,
        name=first.name,
        versions=[
            ImportedScorerVersion(
                version=each.version, serialized_scorer=each.serialized, creation_time=each.created_ms
            )
            for each in scorer.versions
        ],
        online_scoring_config_id="" if online is None else online.config_id,
        sample_rate=None if online is None else online.sample_rate,
        filter_string=None if online is None else online.filter,
    )


def imported_label_schema(schema: LabelSchema) -> ImportedLabelSchema:
    """Return a question as it is sent."""
    return ImportedLabelSchema(
        schema_id=schema.schema_id,
        name=schema.name,
        type=schema.type.name,
        input=wire_label_input(schema.input),
        created_at=schema.created_ms,
        last_updated_at=schema.updated_ms,
        instruction=schema.instruction,
        enable_comment=schema.enable_comment,
    )


def imported_issue(issue: Issue) -> ImportedIssue:
    """Return an issue as it is sent."""
    described = CreateIssue(
        experiment_id="",
        name=issue.name,
        description=issue.description,
        status=issue.status.value,
        severity=None if issue.severity is None else issue.severity.value,
        root_causes=list(issue.root_causes),
        source_run_id=issue.source_run_id,
        created_by=issue.created_by,
        categories=list(issue.categories),
    )
    return ImportedIssue(
        issue_id=issue.issue_id,
        issue=described,
        created_timestamp=issue.created_ms,
        last_updated_timestamp=issue.updated_ms,
    )


def imported_dataset(dataset: EvaluationDataset, experiment_ids: Sequence[str]) -> ImportedEvaluationDataset:
    """Return a dataset as it is sent, linked to these experiments."""
    return ImportedEvaluationDataset(
        dataset_id=dataset.dataset_id,
        name=dataset.name,
        digest=dataset.digest,
        created_time=dataset.created_ms,
        last_update_time=dataset.updated_ms,
        schema=None if dataset.schema is None else json.dumps(dataset.schema),
        created_by=dataset.created_by,
        last_updated_by=dataset.updated_by,
        tags=key_values(dataset.tags),
        experiment_ids=list(experiment_ids),
    )


def scorer_in(sent: ImportedScorer, experiment_id: str) -> Scorer:
    """Return a scorer of an experiment as it was sent."""
    versions = [
        ScorerVersion(
            sent.scorer_id, experiment_id, sent.name, each.version, each.serialized_scorer, each.creation_time
        )
        for each in sent.versions
    ]
    config_id, rate = sent.online_scoring_config_id, sent.sample_rate
    if rate is None:
        return Scorer(versions)
    return Scorer(versions, OnlineScoring(config_id, sent.scorer_id, experiment_id, rate, sent.filter_string))


def label_schema_in(sent: ImportedLabelSchema, experiment_id: str) -> LabelSchema:
    """Return a question of an experiment as it was sent.

    Raises:
        InvalidParameter: It is none.
    """
    return LabelSchema(
        schema_id=sent.schema_id,
        experiment_id=experiment_id,
        name=sent.name,
        type=label_schema_type(sent.type),
        input=label_input(sent.input),
        created_ms=sent.created_at,
        updated_ms=sent.last_updated_at,
        instruction=sent.instruction,
        enable_comment=sent.enable_comment,
    )


def imported_issue_in(sent: ImportedIssue, experiment_id: str) -> Issue:
    """Return an issue of an experiment as it was sent.

    Raises:
        InvalidParameter: There is no such status or severity.
    """
    issue = issue_in(sent.issue, sent.issue_id, sent.created_timestamp, sent.last_updated_timestamp)
    return replace(issue, experiment_id=experiment_id)


def dataset_in(sent: ImportedEvaluationDataset) -> EvaluationDataset:
    """Return a dataset as it was sent.

    Raises:
        InvalidParameter: Its schema is no JSON.
    """
    return EvaluationDataset(
        dataset_id=sent.dataset_id,
        workspace="",
        name=sent.name,
        created_ms=sent.created_time,
        updated_ms=sent.last_update_time,
        digest=sent.digest,
        schema=json_object(sent.schema, "schema") if sent.schema else None,
        created_by=sent.created_by,
        updated_by=sent.last_updated_by,
        tags=mapping(sent.tags),
        experiment_ids=sent.experiment_ids,
    )
