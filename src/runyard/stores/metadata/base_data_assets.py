"""The contract of the store of data assets; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from runyard.entities.data_asset import DataAsset


class RegisteredAsset(NamedTuple):
    """A version, and whether it is a new one."""

    asset: DataAsset
    is_new: bool


class DataAssetStore(ABC):
    """Remembers data assets by workspace and name, each in versions that count up.

    A folder of the workspace that a version names stays as long as the version. The number of a version that
    is gone is not given again.
    """

    @abstractmethod
    def register(self, asset: DataAsset, *, as_new_version: bool) -> RegisteredAsset:
        """Keep a version and return it; its number is given here. What the latest one is already, is that.

        Args:
            asset: What to keep.
            as_new_version: Whether there may be a version of this name that is something else.

        Raises:
            AlreadyExists: There is, and there may not.
        """

    @abstractmethod
    def get_asset(self, workspace: str, name: str, version: int | None = None) -> DataAsset:
        """Return a version, the one with the highest number unless it is named.

        Raises:
            NotFound: The workspace has no such data asset or version.
        """

    @abstractmethod
    def get_asset_by_id(self, workspace: str, asset_id: str) -> DataAsset:
        """Return the version of that id.

        Raises:
            NotFound: The workspace has none.
        """

    @abstractmethod
    def list_assets(self, workspace: str, limit: int, offset: int = 0) -> list[DataAsset]:
        """Return the latest version of each data asset, by name."""

    @abstractmethod
    def list_versions(self, workspace: str, name: str, limit: int, offset: int = 0) -> list[DataAsset]:
        """Return versions of a data asset, the highest number first.

        Raises:
            NotFound: The workspace has no such data asset.
        """

    @abstractmethod
    def describe(self, asset_id: str, description: str, tags: Mapping[str, str]) -> None:
        """Keep what is said of a version, in place of what was said before."""

    @abstractmethod
    def delete(self, workspace: str, name: str, version: int | None, now_ms: int) -> int:
        """Forget a version, or all of them, for good; return how many.

        Folders that nothing else needs are noted as removed, for the next collection.

        Raises:
            NotFound: The workspace has no such data asset or version.
        """

    @abstractmethod
    def find_unkept(self, workspace: str, folders: Sequence[str]) -> list[str]:
        """Return those of the folders that no version names and that are not noted as removed, in order."""

    @abstractmethod
    def note_unkept(self, workspace: str, folders: Sequence[str], now_ms: int) -> None:
        """Note folders as removed that no version names, for the next collection; the others stay."""
