"""The rules that every store of datastores must pass."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from runyard.entities.datastore import Datastore, DatastoreKind, Place
from runyard.errors import NotFound
from runyard.stores.metadata.base_datastores import DatastoreStore
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest

BUCKET = Datastore(
    name="images",
    kind=DatastoreKind.S3,
    place=Place(bucket="b", prefix="a/ü", endpoint="https://s3.example", region="eu-west-1"),
    description="scans",
    created_ms=NOW_MS,
    created_by="ann",
    updated_ms=NOW_MS,
    sealed="sealed:1",
)
FOLDER = Datastore("a-folder", DatastoreKind.FOLDER, created_ms=NOW_MS, created_by="ben", updated_ms=NOW_MS)


@dataclass(frozen=True, slots=True)
class DatastoresUnderTest:
    """The store of datastores, and the stores that it shares a database with."""

    datastores: DatastoreStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()


class DatastoreStoreRules(ABC):
    """Inherit, and implement the hook, to hold a store of datastores to its contract."""

    @abstractmethod
    def open_datastores(self, folder: Path) -> DatastoresUnderTest:
        """Return a store that keeps its things in ``folder``, and finds there what another one kept."""

    @pytest.fixture
    def under_test(self, tmp_path: Path) -> Iterator[DatastoresUnderTest]:
        """Return a store without datastores, with two workspaces beside it."""
        with contextlib.closing(self.open_datastores(tmp_path)) as under_test:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                under_test.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield under_test

    @pytest.fixture
    def datastores(self, under_test: DatastoresUnderTest) -> DatastoreStore:
        """Return the store itself."""
        return under_test.datastores

    def test_datastores_are_found_as_they_were_added(
        self, datastores: DatastoreStore, tmp_path: Path
    ) -> None:
        """By name, also by another process."""
        assert datastores.list_datastores(WORKSPACE) == []
        for each in (BUCKET, FOLDER):
            assert datastores.add_datastore(WORKSPACE, each)
        assert datastores.list_datastores(WORKSPACE) == [FOLDER, BUCKET]
        with contextlib.closing(self.open_datastores(tmp_path)) as again:
            assert again.datastores.get_datastore(WORKSPACE, "images") == BUCKET

    def test_a_name_is_taken_once(self, datastores: DatastoreStore) -> None:
        """And the second one changes nothing; to replace it keeps its beginning."""
        other = replace(FOLDER, name=BUCKET.name, created_ms=NOW_MS + 5, updated_ms=NOW_MS + 5)
        datastores.add_datastore(WORKSPACE, BUCKET)
        assert not datastores.add_datastore(WORKSPACE, other)
        assert datastores.get_datastore(WORKSPACE, BUCKET.name) == BUCKET
        datastores.replace_datastore(WORKSPACE, other)
        assert datastores.get_datastore(WORKSPACE, BUCKET.name) == replace(other, created_ms=NOW_MS)

    def test_of_many_who_add_it_at_once_one_succeeds(self, datastores: DatastoreStore) -> None:
        """Whoever it is."""
        with ThreadPoolExecutor(8) as pool:
            added = list(pool.map(lambda _: datastores.add_datastore(WORKSPACE, BUCKET), range(16)))
        assert sum(added) == 1

    def test_the_datastores_of_workspaces_are_apart(self, datastores: DatastoreStore) -> None:
        """Whoever adds, removes or chooses one changes nothing of another workspace."""
        datastores.add_datastore(WORKSPACE, BUCKET)
        datastores.set_default(WORKSPACE, BUCKET.name)
        with pytest.raises(NotFound, match="images"):
            datastores.get_datastore(OTHER_WORKSPACE, BUCKET.name)
        assert not datastores.remove_datastore(OTHER_WORKSPACE, BUCKET.name)
        assert datastores.find_default(OTHER_WORKSPACE) is None
        assert datastores.list_datastores(OTHER_WORKSPACE) == []
        assert datastores.find_default(WORKSPACE) == BUCKET.name

    def test_what_is_removed_is_gone_and_no_default_any_more(self, datastores: DatastoreStore) -> None:
        """Another one stays the default."""
        for each in (BUCKET, FOLDER):
            datastores.add_datastore(WORKSPACE, each)
        datastores.set_default(WORKSPACE, FOLDER.name)
        datastores.set_default(WORKSPACE, BUCKET.name)
        assert datastores.remove_datastore(WORKSPACE, FOLDER.name)
        assert datastores.find_default(WORKSPACE) == BUCKET.name
        assert datastores.remove_datastore(WORKSPACE, BUCKET.name)
        assert datastores.find_default(WORKSPACE) is None
        assert not datastores.remove_datastore(WORKSPACE, BUCKET.name)

    def test_the_default_may_be_one_that_is_not_kept_here(self, datastores: DatastoreStore) -> None:
        """As those that each workspace has."""
        datastores.set_default(WORKSPACE, "workspaceartifactstore")
        assert datastores.find_default(WORKSPACE) == "workspaceartifactstore"

    def test_a_credential_is_not_in_what_is_shown(self) -> None:
        """Not even the encrypted one."""
        assert "sealed" not in repr(BUCKET)
