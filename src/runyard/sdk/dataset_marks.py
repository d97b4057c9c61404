"""What a person says of a version of a dataset: its description and its tags, which may change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from runyard.protocol.messages.data_assets import ChangeDataAsset, WireDataAsset
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import optional_text, pairs
from runyard.sdk.dataset_facts import DatasetFacts
from runyard.sdk.dataset_records import change_record

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

Self = TypeVar("Self", bound="DatasetMarks")


@names_arguments
class DatasetMarks(DatasetFacts, ABC):
    """What a person notes on a version of a dataset."""

    @abstractmethod
    def _registered_record(self) -> WireDataAsset:
        """Return what the server said of the version; it must be registered."""

    @abstractmethod
    def _there(self) -> Workspace:
        """Return the workspace that it is registered in."""

    def update(self: Self, description: str | None = None, tags: Mapping[str, str] | None = None) -> Self:
        """Change what is said of this version, and return it; what is left out stays as it is.

        Raises:
            InvalidParameter: The dataset is not registered, or a text is too long.

        Example:
            >>> photos.update(description="What the camera saw.").description
            'What the camera saw.'
        """
        record = self._registered_record()
        wanted = ChangeDataAsset(
            description=optional_text(description, "description"),
            tags=None if tags is None else dict(pairs(tags, "tags")),
        )
        self._record = change_record(self._there(), record.asset_id, wanted)
        return self

    def add_tags(self: Self, tags: Mapping[str, str] | None = None) -> Self:
        """Set tags of this version, and return it; others stay as they are.

        Raises:
            InvalidParameter: The dataset is not registered, or a text is too long.

        Example:
            >>> photos.add_tags({"checked": "yes"}).tags
            {'checked': 'yes'}
        """
        return self.update(tags={**self.tags, **pairs(tags or {}, "tags")})

    def remove_tags(self: Self, tags: Sequence[str] | None = None) -> Self:
        """Remove tags of this version by their keys, and return it; keys that it has not are passed over.

        Raises:
            InvalidParameter: The dataset is not registered.

        Example:
            >>> photos.add_tags({"checked": "yes"}).remove_tags(["checked"]).tags
            {}
        """
        gone = {tags} if isinstance(tags, str) else set(tags or ())
        return self.update(tags={key: value for key, value in self.tags.items() if key not in gone})
