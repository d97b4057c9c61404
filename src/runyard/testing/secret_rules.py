"""The rules that every store of secrets must pass."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from runyard.entities.secret import Secret
from runyard.errors import NotFound
from runyard.stores.metadata.base_secrets import SecretStore
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest

SECRET = Secret("password", "text/plain", NOW_MS, NOW_MS, "ann")


@dataclass(frozen=True, slots=True)
class SecretsUnderTest:
    """The store of secrets, and the stores that it shares a database with."""

    secrets: SecretStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()


class SecretStoreRules(ABC):
    """Inherit, and implement the hook, to hold a store of secrets to its contract."""

    @abstractmethod
    def open_secrets(self, folder: Path) -> SecretsUnderTest:
        """Return a store that keeps its things in ``folder``, and finds there what another one kept."""

    @pytest.fixture
    def under_test(self, tmp_path: Path) -> Iterator[SecretsUnderTest]:
        """Return a store without secrets, with two workspaces beside it."""
        with contextlib.closing(self.open_secrets(tmp_path)) as under_test:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                under_test.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield under_test

    @pytest.fixture
    def secrets(self, under_test: SecretsUnderTest) -> SecretStore:
        """Return the store itself."""
        return under_test.secrets

    def test_secrets_are_listed_by_name_and_found_again(self, secrets: SecretStore, tmp_path: Path) -> None:
        """Also by another process."""
        assert secrets.list_secrets(WORKSPACE) == []
        others = [replace(SECRET, name=name) for name in ("a", "Z", "z.9")]
        for each in (SECRET, *others):
            secrets.set_secret(WORKSPACE, each, f"sealed:{each.name}")
        by_name = sorted([SECRET, *others], key=lambda each: each.name)
        assert secrets.list_secrets(WORKSPACE) == by_name
        with contextlib.closing(self.open_secrets(tmp_path)) as again:
            assert again.secrets.list_secrets(WORKSPACE) == by_name
            assert again.secrets.read_sealed(WORKSPACE, "a") == (others[0], "sealed:a")

    def test_a_secret_that_is_set_again_keeps_its_beginning(self, secrets: SecretStore) -> None:
        """All else is the later one's."""
        secrets.set_secret(WORKSPACE, SECRET, "sealed:1")
        later = Secret(SECRET.name, "", NOW_MS + 5, NOW_MS + 5, "ben")
        secrets.set_secret(WORKSPACE, later, "sealed:2")
        expected = replace(later, created_ms=NOW_MS)
        assert secrets.read_sealed(WORKSPACE, SECRET.name) == (expected, "sealed:2")
        assert secrets.list_secrets(WORKSPACE) == [expected]

    def test_the_secrets_of_workspaces_are_apart(self, secrets: SecretStore) -> None:
        """Whoever sets, reads or removes one touches none of another workspace's."""
        secrets.set_secret(WORKSPACE, SECRET, "sealed:1")
        with pytest.raises(NotFound):
            secrets.read_sealed(OTHER_WORKSPACE, SECRET.name)
        assert not secrets.remove_secret(OTHER_WORKSPACE, SECRET.name)
        secrets.set_secret(OTHER_WORKSPACE, SECRET, "sealed:2")
        assert secrets.read_sealed(WORKSPACE, SECRET.name)[1] == "sealed:1"

    def test_a_removed_secret_is_gone(self, secrets: SecretStore) -> None:
        """And to remove it again says that there is none."""
        secrets.set_secret(WORKSPACE, SECRET, "sealed:1")
        assert secrets.remove_secret(WORKSPACE, SECRET.name)
        assert not secrets.remove_secret(WORKSPACE, SECRET.name)
        with pytest.raises(NotFound, match="password"):
            secrets.read_sealed(WORKSPACE, SECRET.name)

    def test_names_are_told_apart_by_case(self, secrets: SecretStore) -> None:
        """As everywhere."""
        secrets.set_secret(WORKSPACE, SECRET, "sealed:1")
        with pytest.raises(NotFound):
            secrets.read_sealed(WORKSPACE, SECRET.name.upper())

    def test_of_many_who_set_it_at_once_one_is_the_last(self, secrets: SecretStore) -> None:
        """And what is kept is all of that one's."""
        with ThreadPoolExecutor(8) as pool:
            list(
                pool.map(
                    lambda number: secrets.set_secret(
                        WORKSPACE, replace(SECRET, content_type=str(number)), f"sealed:{number}"
                    ),
                    range(16),
                )
            )
        kept, sealed = secrets.read_sealed(WORKSPACE, SECRET.name)
        assert sealed == f"sealed:{kept.content_type}"
