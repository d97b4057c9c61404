"""MLflow's routes about evaluation datasets.

A dataset belongs to the workspace: to change one takes a role there. Who has a role in single experiments
alone reads what is linked to them.
"""

from __future__ import annotations

from msgspec import UNSET

from runyard.auth.permissions import Permission
from runyard.protocol.json_fields import json_list, json_object
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.evaluation_datasets import (
    CreateEvaluationDataset,
    DatasetExperimentIdsAnswer,
    DatasetExperiments,
    DeleteDatasetRecords,
    DeleteDatasetRecordsAnswer,
    EvaluationDatasetAnswer,
    GetDatasetRecords,
    GetDatasetRecordsAnswer,
    SearchEvaluationDatasets,
    SearchEvaluationDatasetsAnswer,
    SetEvaluationDatasetTags,
    UpsertDatasetRecords,
    UpsertDatasetRecordsAnswer,
    wire_evaluation_dataset,
    wire_records,
)
from runyard.server.routing import Routes
from runyard.services import dataset_records, evaluation_datasets, reach
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/3.0/mlflow/datasets"
_ONE = f"{_BASE}/{{dataset_id}}"


@routes.post(
    f"{_BASE}/create",
    permits=Permission.CONTRIBUTE,
    summary="Create an evaluation dataset without records.",
)
def create_dataset(call: Call, body: CreateEvaluationDataset) -> EvaluationDatasetAnswer:
    """Make a dataset."""
    tags = json_object(body.tags, "tags") if body.tags else {}
    made = evaluation_datasets.create_dataset(call, body.name, body.experiment_ids, tags)
    return EvaluationDatasetAnswer(dataset=wire_evaluation_dataset(made))


@routes.get(
    f"{_BASE}/search", permits=Permission.READ, of=reach.searched, summary="Search evaluation datasets."
)
@routes.post(
    f"{_BASE}/search", permits=Permission.READ, of=reach.searched, summary="Search evaluation datasets."
)
def search_datasets(call: Call, body: SearchEvaluationDatasets) -> SearchEvaluationDatasetsAnswer:
    """Answer a page of datasets."""
    page = evaluation_datasets.search_datasets(call, body)
    return SearchEvaluationDatasetsAnswer(
        datasets=[wire_evaluation_dataset(dataset) for dataset in page.items] or UNSET,
        next_page_token=page.next_token or UNSET,
    )


@routes.get(_ONE, permits=Permission.READ, of=reach.searched, summary="Get an evaluation dataset.")
def get_dataset(call: Call, dataset_id: str) -> EvaluationDatasetAnswer:
    """Answer a dataset without its records."""
    found = evaluation_datasets.get_dataset(call, dataset_id)
    return EvaluationDatasetAnswer(dataset=wire_evaluation_dataset(found))


@routes.delete(
    _ONE,
    permits=Permission.CONTRIBUTE,
    is_audited=True,
    summary="Delete an evaluation dataset and its records for good.",
)
def delete_dataset(call: Call, dataset_id: str) -> Empty:
    """Delete a dataset."""
    evaluation_datasets.delete_dataset(call, dataset_id)
    return Empty()


@routes.patch(f"{_ONE}/tags", permits=Permission.CONTRIBUTE, summary="Set tags of an evaluation dataset.")
def set_dataset_tags(call: Call, body: SetEvaluationDatasetTags, dataset_id: str) -> EvaluationDatasetAnswer:
    """Set tags of a dataset."""
    tagged = evaluation_datasets.set_tags(call, dataset_id, json_object(body.tags, "tags"))
    return EvaluationDatasetAnswer(dataset=wire_evaluation_dataset(tagged))


@routes.delete(
    f"{_ONE}/tags/{{key:path}}",
    permits=Permission.CONTRIBUTE,
    summary="Delete a tag of an evaluation dataset.",
)
def delete_dataset_tag(call: Call, dataset_id: str, key: str) -> Empty:
    """Delete a tag of a dataset; a key may have slashes in it."""
    evaluation_datasets.delete_tag(call, dataset_id, key)
    return Empty()


@routes.post(
    f"{_ONE}/records",
    permits=Permission.CONTRIBUTE,
    summary="Merge records into an evaluation dataset, by their inputs.",
)
def upsert_dataset_records(
    call: Call, body: UpsertDatasetRecords, dataset_id: str
) -> UpsertDatasetRecordsAnswer:
    """Merge records into a dataset."""
    merged = dataset_records.merge_records(call, dataset_id, json_list(body.records, "records"))
    return UpsertDatasetRecordsAnswer(inserted_count=merged.inserted, updated_count=merged.updated)


@routes.get(
    f"{_ONE}/records",
    permits=Permission.READ,
    of=reach.searched,
    summary="Read the records of an evaluation dataset.",
)
def get_dataset_records(call: Call, body: GetDatasetRecords, dataset_id: str) -> GetDatasetRecordsAnswer:
    """Answer a page of a dataset's records."""
    page = dataset_records.list_records(call, dataset_id, body.max_results, body.page_token)
    return GetDatasetRecordsAnswer(
        records=wire_records(dataset_id, page.items), next_page_token=page.next_token or UNSET
    )


@routes.delete(
    f"{_ONE}/records",
    permits=Permission.CONTRIBUTE,
    is_audited=True,
    summary="Delete records of an evaluation dataset.",
)
def delete_dataset_records(
    call: Call, body: DeleteDatasetRecords, dataset_id: str
) -> DeleteDatasetRecordsAnswer:
    """Delete records of a dataset."""
    count = dataset_records.delete_records(call, dataset_id, body.dataset_record_ids)
    return DeleteDatasetRecordsAnswer(deleted_count=count)


@routes.get(
    f"{_ONE}/experiment-ids",
    permits=Permission.READ,
    of=reach.searched,
    summary="List the experiments that an evaluation dataset is linked to.",
)
def get_dataset_experiment_ids(call: Call, dataset_id: str) -> DatasetExperimentIdsAnswer:
    """Answer the experiments of a dataset; one that is not there has none, as in MLflow."""
    found = evaluation_datasets.list_experiment_ids(call, dataset_id)
    return DatasetExperimentIdsAnswer(experiment_ids=found or UNSET)


@routes.post(
    f"{_ONE}/add-experiments",
    permits=Permission.CONTRIBUTE,
    summary="Link an evaluation dataset to more experiments.",
)
def add_dataset_to_experiments(
    call: Call, body: DatasetExperiments, dataset_id: str
) -> EvaluationDatasetAnswer:
    """Link a dataset to experiments."""
    linked = evaluation_datasets.add_to_experiments(call, dataset_id, body.experiment_ids)
    return EvaluationDatasetAnswer(dataset=wire_evaluation_dataset(linked))


@routes.post(
    f"{_ONE}/remove-experiments",
    permits=Permission.CONTRIBUTE,
    summary="End an evaluation dataset's links to experiments.",
)
def remove_dataset_from_experiments(
    call: Call, body: DatasetExperiments, dataset_id: str
) -> EvaluationDatasetAnswer:
    """End a dataset's links to experiments."""
    unlinked = evaluation_datasets.remove_from_experiments(call, dataset_id, body.experiment_ids)
    return EvaluationDatasetAnswer(dataset=wire_evaluation_dataset(unlinked))
