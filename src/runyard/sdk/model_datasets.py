"""The datasets that a version of a model was made with, kept as a tag of the version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runyard.errors import InvalidParameter
from runyard.sdk.dataset import AbstractDataset, FileDataset, TabularDataset, get_dataset_by_id

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

DATASETS_TAG = "runyard.datasets"


def dataset_tags(datasets: Sequence[tuple[str, AbstractDataset]] | None) -> dict[str, str]:
    """Return the tag that says which datasets a version was made with; none for none.

    Args:
        datasets: What each was for, as ``training data``, and the dataset.

    Raises:
        InvalidParameter: It is no list of these, or a dataset is not registered.
    """
    if not datasets:
        return {}
    return {DATASETS_TAG: json.dumps([_named(each) for each in datasets])}


def datasets_of(workspace: Workspace, said: str | None) -> dict[str, list[FileDataset | TabularDataset]]:
    """Return the datasets of a tag by what they were for.

    Raises:
        NotFound: One of them is not registered any more.
    """
    found: dict[str, list[FileDataset | TabularDataset]] = {}
    for purpose, asset_id in json.loads(said or "[]"):
        found.setdefault(purpose, []).append(get_dataset_by_id(workspace, asset_id))
    return found


def _named(pair: object) -> tuple[str, str]:
    match pair:
        case (str() as purpose, AbstractDataset() as dataset):
            if dataset.id is None:
                raise InvalidParameter(
                    f"datasets: that for {purpose!r} is not registered; register(workspace, name) returns "
                    "one that is."
                )
            return purpose, dataset.id
    raise InvalidParameter(f"datasets must be pairs as ('training data', dataset), not {pair!r}.")
