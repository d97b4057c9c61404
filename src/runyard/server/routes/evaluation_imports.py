"""Runyard's own routes for taking over what models are judged by, with its ids and times."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.protocol.json_fields import json_list
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.dataset_records import dataset_records
from runyard.protocol.messages.imported_evaluation import (
    ImportEvaluationDataset,
    ImportEvaluationDatasetAnswer,
    ImportJudging,
    ImportJudgingAnswer,
    ImportRecords,
    dataset_in,
    imported_issue_in,
    label_schema_in,
    scorer_in,
)
from runyard.server.routing import Routes
from runyard.services import evaluation_imports, judging_imports
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/v1/import"


@routes.post(
    f"{_BASE}/judging",
    permits=Permission.MANAGE,
    is_audited=False,
    summary="Keep up to 100 scorers, label schemas and issues each of an experiment, with ids and times.",
)
def import_judging(call: Call, body: ImportJudging) -> ImportJudgingAnswer:
    """Answer what is wrong with those that are left out."""
    coming = judging_imports.ComingJudging(
        scorers=[scorer_in(each, body.experiment_id) for each in body.scorers],
        label_schemas=[label_schema_in(each, body.experiment_id) for each in body.label_schemas],
        issues=[imported_issue_in(each, body.experiment_id) for each in body.issues],
    )
    problems = judging_imports.import_judging(call, body.source, body.experiment_id, coming)
    return ImportJudgingAnswer(problems=problems)


@routes.post(
    f"{_BASE}/evaluation-datasets",
    permits=Permission.MANAGE,
    is_audited=False,
    summary="Keep an evaluation dataset with its id, digest and times; its records follow.",
)
def begin_dataset(call: Call, body: ImportEvaluationDataset) -> ImportEvaluationDatasetAnswer:
    """Answer whether no more of it is wanted."""
    return ImportEvaluationDatasetAnswer(
        is_complete=evaluation_imports.begin_dataset(call, body.source, dataset_in(body.dataset))
    )


@routes.post(
    f"{_BASE}/evaluation-datasets/records",
    permits=Permission.MANAGE,
    is_audited=False,
    summary="Keep up to 1,000 records of an imported evaluation dataset, and mark it once they are all here.",
)
def keep_records(call: Call, body: ImportRecords) -> Empty:
    """Note what has come."""
    records = dataset_records(json_list(body.records, "records"))
    evaluation_imports.keep_records(call, body.source, body.dataset_id, records, body.is_last)
    return Empty()
