"""The rules that every store of data assets must pass."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.data_asset import (
    DataAsset,
    DataContent,
    DataFormat,
    DataKind,
    DataSource,
    Reading,
    SourceKind,
)
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.artifacts.paths import ArtifactPath
from runyard.stores.metadata.base_data_assets import DataAssetStore
from runyard.stores.metadata.base_trash import TrashStore
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest

FOLDER, OTHER_FOLDER = f"data-assets/{'a' * 32}", f"data-assets/{'b' * 32}"
_ids = count()


@dataclass(frozen=True, slots=True)
class DataAssetsUnderTest:
    """The store of data assets, and the stores that it shares a database with."""

    data_assets: DataAssetStore
    trash: TrashStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()


def files_at(*addresses: str) -> DataContent:
    """Return data that is files on the web."""
    return DataContent(DataKind.FILE, tuple(DataSource(SourceKind.URL, each) for each in addresses))


def uploaded(folder: str, sha256: str = "0" * 64) -> DataContent:
    """Return data that was uploaded."""
    return DataContent(DataKind.FILE, (DataSource(SourceKind.UPLOAD, folder, sha256=sha256),))


def new_asset(name: str = "titanic", content: DataContent | None = None, **changes: Any) -> DataAsset:
    """Return a data asset to be registered, as a service would make it."""
    made = DataAsset(
        WORKSPACE, name, 0, f"id-{next(_ids)}", content or files_at("https://a/b"), NOW_MS, "ann"
    )
    return replace(made, **changes)


class DataAssetStoreRules(ABC):
    """Inherit, and implement the hook, to hold a store of data assets to its contract."""

    @abstractmethod
    def open_data_assets(self, folder: Path) -> DataAssetsUnderTest:
        """Return a store that keeps its things in ``folder``, and finds there what another one kept."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[DataAssetsUnderTest]:
        """Return a store with two workspaces and no data assets."""
        with contextlib.closing(self.open_data_assets(tmp_path)) as store:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                store.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield store

    @pytest.fixture
    def assets(self, store: DataAssetsUnderTest) -> DataAssetStore:
        """Return the store of data assets alone."""
        return store.data_assets

    def test_versions_count_up(self, tmp_path: Path, assets: DataAssetStore) -> None:
        """Here and in another process, each with its own words."""
        given = new_asset(description="d é", tags={"a": "b"})
        first = assets.register(given, as_new_version=False)
        assert first == (replace(given, version=1, latest_version=1), True)
        other = new_asset(content=files_at("https://a/c"))
        second = assets.register(other, as_new_version=True)
        assert second == (replace(other, version=2, latest_version=2), True)
        with contextlib.closing(self.open_data_assets(tmp_path)) as again:
            newest = again.data_assets.get_asset(WORKSPACE, "titanic")
            assert newest == second.asset
            oldest = again.data_assets.get_asset(WORKSPACE, "titanic", 1)
            assert oldest == replace(given, version=1, latest_version=2)
            assert again.data_assets.get_asset_by_id(WORKSPACE, given.asset_id) == oldest

    def test_what_the_latest_version_is_already_is_that_version(self, assets: DataAssetStore) -> None:
        """Whether or not another version may be."""
        first = assets.register(new_asset(), as_new_version=False).asset
        for as_new_version in (False, True):
            again = assets.register(new_asset(created_by="bob"), as_new_version=as_new_version)
            assert again == (first, False)

    def test_a_name_is_something_else_only_if_that_is_wanted(self, assets: DataAssetStore) -> None:
        """Else nothing changes."""
        assets.register(new_asset(), as_new_version=False)
        with pytest.raises(AlreadyExists, match="version 1"):
            assets.register(new_asset(content=files_at("https://a/c")), as_new_version=False)
        assert [each.version for each in assets.list_versions(WORKSPACE, "titanic", 10)] == [1]

    @pytest.mark.parametrize(
        "content",
        [
            files_at("https://a/c", "https://a/b"),
            DataContent(DataKind.FILE, (DataSource(SourceKind.DATASTORE, "é/*.csv", "blobs"),)),
            DataContent(
                DataKind.TABULAR,
                (DataSource(SourceKind.URL, "https://a/b"),),
                Reading(
                    DataFormat.DELIMITED,
                    "\t",
                    header=False,
                    encoding="latin-1",
                    include_path=True,
                    drops_invalid_lines=True,
                    column_types={"é": "float64"},
                ),
            ),
            DataContent(
                DataKind.TABULAR, (DataSource(SourceKind.URL, "https://a/b"),), Reading(DataFormat.PARQUET)
            ),
            uploaded(FOLDER),
        ],
        ids=repr,
    )
    def test_every_part_is_kept_and_makes_another_version(
        self, assets: DataAssetStore, content: DataContent
    ) -> None:
        """Of rows and of files."""
        assets.register(new_asset(), as_new_version=False)
        assert assets.register(new_asset(content=content), as_new_version=True).is_new
        assert assets.get_asset(WORKSPACE, "titanic").content == content

    def test_of_an_upload_the_content_counts_and_not_the_place(self, assets: DataAssetStore) -> None:
        """So the same folder uploaded again is the same version."""
        assets.register(new_asset(content=uploaded(FOLDER)), as_new_version=False)
        again = assets.register(new_asset(content=uploaded(OTHER_FOLDER)), as_new_version=True)
        assert not again.is_new
        assert again.asset.content == uploaded(FOLDER)
        assert assets.register(new_asset(content=uploaded(FOLDER, "1" * 64)), as_new_version=True).is_new

    def test_what_is_not_there_is_not_found(self, assets: DataAssetStore) -> None:
        """In one's own workspace, whatever another one has."""
        kept = assets.register(new_asset(), as_new_version=False).asset
        for workspace, name, version in (
            (WORKSPACE, "other", None),
            (OTHER_WORKSPACE, "titanic", None),
            (WORKSPACE, "titanic", 2),
        ):
            with pytest.raises(NotFound, match=name):
                assets.get_asset(workspace, name, version)
            with pytest.raises(NotFound, match=name):
                assets.delete(workspace, name, version, NOW_MS)
        with pytest.raises(NotFound):
            assets.get_asset_by_id(OTHER_WORKSPACE, kept.asset_id)
        with pytest.raises(NotFound):
            assets.list_versions(OTHER_WORKSPACE, "titanic", 10)
        assert assets.list_assets(OTHER_WORKSPACE, 10) == []

    def test_assets_are_listed_by_name_and_versions_from_the_last(self, assets: DataAssetStore) -> None:
        """Page by page."""
        for name, address in (("b", "https://1"), ("a", "https://2"), ("b", "https://3")):
            assets.register(new_asset(name, files_at(address)), as_new_version=True)
        found = assets.list_assets(WORKSPACE, 10)
        assert [(each.name, each.version) for each in found] == [("a", 1), ("b", 2)]
        assert [each.name for each in assets.list_assets(WORKSPACE, 1, 1)] == ["b"]
        found = assets.list_versions(WORKSPACE, "b", 10)
        assert [(each.version, each.latest_version) for each in found] == [(2, 2), (1, 2)]
        assert [each.version for each in assets.list_versions(WORKSPACE, "b", 1, 1)] == [1]
        assert assets.list_versions(WORKSPACE, "b", 1, 2) == []

    def test_what_is_said_is_said_of_one_version(self, assets: DataAssetStore) -> None:
        """In place of what was said before."""
        first = assets.register(new_asset(tags={"a": "b"}), as_new_version=True).asset
        assets.register(new_asset(content=files_at("https://2")), as_new_version=True)
        assets.describe(first.asset_id, "new é", {"c": "d"})
        found = assets.list_versions(WORKSPACE, "titanic", 10)
        assert [(each.description, each.tags) for each in found] == [("", {}), ("new é", {"c": "d"})]

    def test_a_number_is_given_once(self, assets: DataAssetStore) -> None:
        """Also after the last version has gone, when the name is free for anything."""
        for address in ("https://1", "https://2", "https://3"):
            assets.register(new_asset(content=files_at(address)), as_new_version=True)
        assert assets.delete(WORKSPACE, "titanic", 3, NOW_MS) == 1
        assert assets.get_asset(WORKSPACE, "titanic").latest_version == 2
        made = assets.register(new_asset(content=files_at("https://4")), as_new_version=True).asset
        assert made.version == 4
        assert assets.delete(WORKSPACE, "titanic", None, NOW_MS) == 3
        assert assets.list_assets(WORKSPACE, 10) == []
        with pytest.raises(NotFound):
            assets.get_asset(WORKSPACE, "titanic")
        with pytest.raises(NotFound):
            assets.delete(WORKSPACE, "titanic", None, NOW_MS)
        made = assets.register(new_asset(content=files_at("https://5")), as_new_version=False).asset
        assert made.version == 5

    def test_uploaded_files_stay_until_nothing_needs_them(self, store: DataAssetsUnderTest) -> None:
        """A folder may be named by versions of several assets; the last one that goes gives it up."""
        assets, trash = store.data_assets, store.trash
        path = ArtifactPath((WORKSPACE, *FOLDER.split("/")))
        for name in ("one", "two"):
            assets.register(new_asset(name, uploaded(FOLDER)), as_new_version=False)
        elsewhere = new_asset("one", uploaded(FOLDER), workspace=OTHER_WORKSPACE)
        assets.register(elsewhere, as_new_version=False)
        assert trash.find_kept(path) == [path]
        assets.delete(WORKSPACE, "one", 1, NOW_MS)
        assert trash.list_removed_artifacts(WORKSPACE, NOW_MS) == []
        assert trash.find_kept(path) == [path]
        assets.delete(WORKSPACE, "two", None, NOW_MS)
        assert trash.list_removed_artifacts(WORKSPACE, NOW_MS) == [path]
        assert trash.find_kept(path) == []
        assert trash.list_removed_artifacts(OTHER_WORKSPACE, NOW_MS) == []

    def test_folders_that_no_version_names_are_found_and_given_up(self, store: DataAssetsUnderTest) -> None:
        """Once, and never one that a version names by then."""
        assets, trash = store.data_assets, store.trash
        path = ArtifactPath((WORKSPACE, *OTHER_FOLDER.split("/")))
        assets.register(new_asset("one", uploaded(FOLDER)), as_new_version=False)
        # What another workspace keeps under the same name is its own.
        assets.register(
            new_asset("one", uploaded(OTHER_FOLDER), workspace=OTHER_WORKSPACE), as_new_version=False
        )
        assert assets.find_unkept(WORKSPACE, []) == []
        assert assets.find_unkept(WORKSPACE, [OTHER_FOLDER, FOLDER]) == [OTHER_FOLDER]
        assets.note_unkept(WORKSPACE, [FOLDER, OTHER_FOLDER], NOW_MS)
        assert trash.list_removed_artifacts(WORKSPACE, NOW_MS) == [path]
        assert trash.list_removed_artifacts(OTHER_WORKSPACE, NOW_MS) == []
        assert assets.find_unkept(WORKSPACE, [OTHER_FOLDER, FOLDER]) == []

    def test_threads_that_register_at_once_count_to_different_numbers(self, assets: DataAssetStore) -> None:
        """None is given twice, and none is left out."""

        def register(number: int) -> int:
            content = files_at(f"https://{number}")
            return assets.register(new_asset(content=content), as_new_version=True).asset.version

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(register, range(20))) == list(range(1, 21))
