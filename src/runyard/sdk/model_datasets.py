"""The datasets that a version of a model was made with, kept as a tag of the version."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import mapping
from runyard.protocol.messages.registered_models import WireModelVersion
from runyard.sdk.abstract_dataset import AbstractDataset
from runyard.sdk.dataset import FileDataset, TabularDataset, get_dataset_by_id
from runyard.sdk.model_search import FRAMEWORK_TAG, FRAMEWORK_VERSION_TAG

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

DATASETS_TAG = "runyard.datasets"


class MadeWith(ABC):
    """What a version of a model was made with."""

    _workspace: Workspace

    @abstractmethod
    def _known_tags(self) -> Mapping[str, str]:
        """Return all tags that the version is known to have."""

    @property
    def datasets(self) -> dict[str, list[FileDataset | TabularDataset]]:
        """The datasets that it was made with, by what they were for.

        Raises:
            NotFound: One of them is not registered any more.

        Example:
            >>> made_with = [("training data", dataset)]
            >>> Model.register(ws, "out/ridge.pkl", "ridge", datasets=made_with).datasets
            {'training data': [TabularDataset('titanic', version=1)]}
        """
        return datasets_of(self._workspace, self._known_tags().get(DATASETS_TAG))

    @property
    def model_framework(self) -> str:
        """What it was made with, as it was said when it was registered; empty for nothing.

        Example:
            >>> Model.register(ws, "out/ridge.pkl", "ridge", model_framework="ScikitLearn").model_framework
            'ScikitLearn'
        """
        return self._known_tags().get(FRAMEWORK_TAG, "")

    @property
    def model_framework_version(self) -> str:
        """Which version of that; empty for nothing.

        Example:
            >>> Model.register(
            ...     ws,
            ...     "out/ridge.pkl",
            ...     "ridge",
            ...     model_framework="ScikitLearn",
            ...     model_framework_version="1.7",
            ... ).model_framework_version
            '1.7'
        """
        return self._known_tags().get(FRAMEWORK_VERSION_TAG, "")


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


def is_made_with(record: WireModelVersion, dataset_id: str) -> bool:
    """Tell whether a version says that it was made with the dataset of an id."""
    said = mapping(record.tags or ()).get(DATASETS_TAG)
    return any(each == dataset_id for _, each in json.loads(said or "[]"))


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
