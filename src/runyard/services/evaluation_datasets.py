"""What can be done with evaluation datasets: create, find, describe, link to experiments, delete."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from runyard.entities.evaluation_dataset import USER_TAG, EvaluationDataset, dataset_digest
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol import limits
from runyard.protocol.evaluation_filters import (
    parse_evaluation_dataset_filter,
    parse_evaluation_dataset_order,
)
from runyard.protocol.messages.evaluation_datasets import SearchEvaluationDatasets
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.services.call import Call
from runyard.services.experiments import get_experiment, readable
from runyard.stores.metadata.base import Search

DEFAULT_DATASETS_PAGE = 1000
MAX_DATASETS_PAGE = 50_000
MAX_NAME_LENGTH = 255
MAX_KEY_LENGTH = 255
MAX_VALUE_LENGTH = 5000
MAX_TAGS = 100
MAX_LINKS = 1000


def create_dataset(
    call: Call, name: str, experiment_ids: Sequence[str], tags: Mapping[str, Any]
) -> EvaluationDataset:
    """Return a new dataset without records, linked to experiments.

    Raises:
        InvalidParameter: A name or a tag can't be.
        NotFound: There is no such experiment.
    """
    limits.check_length(name, MAX_NAME_LENGTH, "name")
    texts = tag_texts(tags)
    now_ms = call.now_ms()
    user = texts.get(USER_TAG)
    with call.stores.atomic():
        dataset = EvaluationDataset(
            dataset_id=f"d-{uuid.uuid4().hex}",
            workspace=call.workspace.name,
            name=name,
            created_ms=now_ms,
            updated_ms=now_ms,
            digest=dataset_digest(name, now_ms),
            created_by=user,
            updated_by=user,
            tags=texts,
            experiment_ids=_existing(call, experiment_ids),
        )
        call.stores.metadata.evaluation_datasets.add_dataset(dataset)
    return dataset


def get_dataset(call: Call, dataset_id: str) -> EvaluationDataset:
    """Return a dataset as the caller may see it.

    Who has a role in single experiments alone sees those datasets that are linked to one of them, and of
    their links no others.

    Raises:
        NotFound: There is no such dataset, or none that the caller may see.
    """
    found = call.stores.metadata.evaluation_datasets.get_dataset(call.workspace.name, dataset_id)
    seen = _as_seen(call, found)
    if not seen.experiment_ids and call.experiments_to_read() is not None:
        raise NotFound(f"Evaluation dataset with id '{dataset_id}' not found")
    return seen


def delete_dataset(call: Call, dataset_id: str) -> None:
    """Delete a dataset with its records for good; one that is not there is no error, as in MLflow."""
    with call.stores.atomic():
        try:
            get_dataset(call, dataset_id)
        except NotFound:
            return
        call.stores.metadata.evaluation_datasets.delete_dataset(dataset_id)


def search_datasets(call: Call, asked: SearchEvaluationDatasets) -> Page[EvaluationDataset]:
    """Return a page of datasets, the last created first unless an order is asked for."""
    limit = DEFAULT_DATASETS_PAGE if asked.max_results is None else asked.max_results
    limits.check_page_size(limit, MAX_DATASETS_PAGE)
    offset = parse_page_token(asked.page_token)
    search = Search(
        workspace=call.workspace.name,
        filter=parse_evaluation_dataset_filter(asked.filter_string),
        order=parse_evaluation_dataset_order(asked.order_by),
        limit=limit + 1,
        offset=offset,
    )
    linked_to = _experiments_to_search(call, asked.experiment_ids)
    found = call.stores.metadata.evaluation_datasets.search_datasets(search, linked_to)
    return page_of([_as_seen(call, dataset) for dataset in found], limit, offset)


def set_tags(call: Call, dataset_id: str, tags: Mapping[str, Any]) -> EvaluationDataset:
    """Set tags of a dataset, over older values, and return it; a tag without a value is passed over."""
    texts = tag_texts(tags)
    with call.stores.atomic():
        dataset = _named(call, dataset_id, f"Could not find evaluation dataset with ID {dataset_id}")
        call.stores.metadata.evaluation_datasets.set_tags(dataset_id, texts)
    return replace(dataset, tags={**dataset.tags, **texts})


def delete_tag(call: Call, dataset_id: str, key: str) -> None:
    """Delete a tag of a dataset; where there is none, nothing happens, as in MLflow."""
    with call.stores.atomic():
        try:
            get_dataset(call, dataset_id)
        except NotFound:
            return
        call.stores.metadata.evaluation_datasets.delete_tag(dataset_id, key)


def list_experiment_ids(call: Call, dataset_id: str) -> list[str]:
    """Return the experiments that a dataset is linked to; none if there is no such dataset, as in MLflow."""
    try:
        return list(get_dataset(call, dataset_id).experiment_ids)
    except NotFound:
        return []


def add_to_experiments(call: Call, dataset_id: str, experiment_ids: Sequence[str]) -> EvaluationDataset:
    """Link a dataset to more experiments and return it.

    Raises:
        NotFound: There is no such dataset or experiment.
    """
    with call.stores.atomic():
        _named(call, dataset_id, f"Dataset '{dataset_id}' not found")
        store, now_ms = call.stores.metadata.evaluation_datasets, call.now_ms()
        store.link(dataset_id, _existing(call, experiment_ids), now_ms)
        store.note_change(dataset_id, now_ms)
        return get_dataset(call, dataset_id)


def remove_from_experiments(call: Call, dataset_id: str, experiment_ids: Sequence[str]) -> EvaluationDataset:
    """End a dataset's links to experiments and return it; where there is no link, nothing happens."""
    _check_link_count(experiment_ids)
    with call.stores.atomic():
        _named(call, dataset_id, f"Dataset '{dataset_id}' not found")
        store = call.stores.metadata.evaluation_datasets
        if store.unlink(dataset_id, readable(call, experiment_ids)):
            store.note_change(dataset_id, call.now_ms())
        return get_dataset(call, dataset_id)


def _named(call: Call, dataset_id: str, missing: str) -> EvaluationDataset:
    """Return a dataset as :func:`get_dataset` does; MLflow has other words in each place where it is not."""
    try:
        return get_dataset(call, dataset_id)
    except NotFound:
        raise NotFound(missing) from None


def _as_seen(call: Call, dataset: EvaluationDataset) -> EvaluationDataset:
    seen = call.experiments_to_read()
    if seen is None:
        return dataset
    return replace(dataset, experiment_ids=[each for each in dataset.experiment_ids if each in seen])


def _experiments_to_search(call: Call, experiment_ids: Sequence[str]) -> list[str] | None:
    """Return the experiments to one of which a dataset must be linked; ``None`` if it needs no link."""
    if experiment_ids:
        return readable(call, experiment_ids)
    seen = call.experiments_to_read()
    return None if seen is None else sorted(seen)


def _existing(call: Call, experiment_ids: Sequence[str]) -> list[str]:
    """Return the ids of experiments that are there, each once."""
    _check_link_count(experiment_ids)
    return list(dict.fromkeys(get_experiment(call, each).experiment_id for each in experiment_ids))


def _check_link_count(experiment_ids: Sequence[str]) -> None:
    if len(experiment_ids) > MAX_LINKS:
        raise InvalidParameter(
            f"'experiment_ids' has {len(experiment_ids)} entries; at most {MAX_LINKS} are allowed."
        )


def tag_texts(tags: Mapping[str, Any]) -> dict[str, str]:
    """Return tags as they are kept, without those that have no value.

    Raises:
        InvalidParameter: One of them can't be, or they are too many.
    """
    if len(tags) > MAX_TAGS:
        raise InvalidParameter(f"'tags' has {len(tags)} entries; at most {MAX_TAGS} are allowed.")
    texts = {key: str(value) for key, value in tags.items() if value is not None}
    for key, text in texts.items():
        if not key:
            raise InvalidParameter("A key in 'tags' must not be empty.")
        limits.check_length(key, MAX_KEY_LENGTH, "tags.key")
        limits.check_length(text, MAX_VALUE_LENGTH, "tags.value")
    return texts
