"""Taking over evaluation datasets of elsewhere, with their ids, digests, times and records.

A dataset carries the tag :data:`IMPORT_TAG` once all of its records have come, and stays as it is from then
on, but for links: those to experiments that come later are added then.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from runyard.entities.evaluation_dataset import DatasetRecord, EvaluationDataset
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol import limits
from runyard.services.call import Call
from runyard.services.dataset_records import MAX_USER_LENGTH
from runyard.services.evaluation_datasets import MAX_LINKS, MAX_NAME_LENGTH, tag_texts
from runyard.services.imports import IMPORT_TAG, check_imported_time, check_source, imported_experiment

MAX_RECORDS = 1000
MAX_DIGEST_LENGTH = 64

_DATASET_ID = re.compile(r"d-[0-9a-f]{32}")
_RECORD_ID = re.compile(r"dr-[0-9a-f]{32}")


def begin_dataset(call: Call, source: str, described: EvaluationDataset) -> bool:
    """Keep a dataset as it is described, but for its records; return whether all of it came before.

    Raises:
        AlreadyExists: Another workspace has a dataset of this id.
        InvalidParameter: Something in it can't be.
        InvalidState: One of its experiments takes nothing from this source.
        NotFound: There is no such experiment.
    """
    check_source(source)
    _check(described)
    store = call.stores.metadata.evaluation_datasets
    told = replace(described, workspace=call.workspace.name, tags=_kept_tags(described))
    with call.stores.atomic():
        for each in described.experiment_ids:
            imported_experiment(call, source, each)
        try:
            here = store.get_dataset(call.workspace.name, told.dataset_id)
        except NotFound:
            store.add_dataset(told)
            here = told
        store.link(told.dataset_id, told.experiment_ids, told.created_ms)
        if IMPORT_TAG in here.tags:
            return True
        store.set_tags(told.dataset_id, told.tags)
        store.note_records(
            told.dataset_id,
            updated_ms=told.updated_ms,
            updated_by=told.updated_by,
            digest=told.digest,
            schema=told.schema,
        )
    return False


def keep_records(
    call: Call, source: str, dataset_id: str, records: Sequence[DatasetRecord], is_last: bool
) -> None:
    """Keep records of a dataset that has begun to come, and mark it as complete with the last of them.

    Raises:
        AlreadyExists: Another dataset has a record of one of their ids.
        InvalidParameter: Too many, or something in one of them can't be.
        NotFound: There is no such dataset.
    """
    check_source(source)
    if len(records) > MAX_RECORDS:
        raise InvalidParameter(f"'records' has {len(records)} entries; at most {MAX_RECORDS} are allowed.")
    for index, record in enumerate(records):
        _check_record(record, f"records[{index}]")
    with call.stores.atomic():
        dataset = call.stores.metadata.evaluation_datasets.get_dataset(call.workspace.name, dataset_id)
        # Another import may have brought all of it meanwhile.
        if IMPORT_TAG in dataset.tags:
            return
        call.stores.metadata.dataset_records.put_records(dataset_id, records)
        if is_last:
            call.stores.metadata.evaluation_datasets.set_tags(dataset_id, {IMPORT_TAG: source})


def _kept_tags(described: EvaluationDataset) -> dict[str, str]:
    return {key: value for key, value in described.tags.items() if key != IMPORT_TAG}


def _check(described: EvaluationDataset) -> None:
    if _DATASET_ID.fullmatch(described.dataset_id) is None:
        raise InvalidParameter(f"'{described.dataset_id[:40]}' is no id of an evaluation dataset.")
    limits.check_length(described.name, MAX_NAME_LENGTH, "name")
    limits.check_length(described.digest, MAX_DIGEST_LENGTH, "digest")
    tag_texts(described.tags)
    if len(described.experiment_ids) > MAX_LINKS:
        raise InvalidParameter(f"'experiment_ids' has more than {MAX_LINKS} entries.")
    _check_told(described, "dataset")


def _check_record(record: DatasetRecord, field: str) -> None:
    if _RECORD_ID.fullmatch(record.record_id) is None:
        raise InvalidParameter(f"'{record.record_id[:40]}' is no id of a record, in '{field}'.")
    _check_told(record, field)


def _check_told(told: EvaluationDataset | DatasetRecord, field: str) -> None:
    check_imported_time(told.created_ms, f"{field}.created_time")
    check_imported_time(told.updated_ms, f"{field}.last_update_time")
    limits.check_length(told.created_by or "", MAX_USER_LENGTH, f"{field}.created_by")
    limits.check_length(told.updated_by or "", MAX_USER_LENGTH, f"{field}.last_updated_by")
