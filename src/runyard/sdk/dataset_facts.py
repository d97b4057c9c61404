"""What the server tells of a version of a dataset."""

from __future__ import annotations

from runyard.protocol.messages.data_assets import WireDataAsset
from runyard.sdk.argument_errors import names_arguments


@names_arguments
class DatasetFacts:
    """A version of a dataset as it was when the server was asked; one that is not registered has no facts."""

    _record: WireDataAsset | None

    @property
    def id(self) -> str | None:
        """The id of the version; None until it is registered.

        Example:
            >>> Dataset.get_by_id(ws, photos.id).name
            'photos'
        """
        return None if self._record is None else self._record.asset_id

    @property
    def name(self) -> str | None:
        """The name that it is registered by.

        Example:
            >>> photos.name
            'photos'
        """
        return None if self._record is None else self._record.name

    @property
    def version(self) -> int | None:
        """The version that it is.

        Example:
            >>> photos.version
            1
        """
        return None if self._record is None else self._record.version

    @property
    def description(self) -> str | None:
        """What it is.

        Example:
            >>> photos.description
            ''
        """
        return None if self._record is None else self._record.description

    @property
    def tags(self) -> dict[str, str]:
        """Free key and value pairs.

        Example:
            >>> photos.update(tags={"team": "robots"}).tags
            {'team': 'robots'}
        """
        return {} if self._record is None else dict(self._record.tags)

    @property
    def record(self) -> WireDataAsset | None:
        """What the server said of it; None until it is registered.

        Example:
            >>> photos.record.kind
            'file'
        """
        return self._record
