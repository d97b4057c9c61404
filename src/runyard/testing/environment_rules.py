"""The rules that every store of environments must pass."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.environment import CondaSpec, DockerSpec, Environment, EnvironmentSpec, PythonSpec
from runyard.errors import NotFound
from runyard.stores.metadata.base_environments import EnvironmentStore
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest


@dataclass(frozen=True, slots=True)
class EnvironmentsUnderTest:
    """The store of environments, and the stores that it shares a database with."""

    environments: EnvironmentStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()


def spec_of(*pip: str, **changes: Any) -> EnvironmentSpec:
    """Return what an environment is that installs these."""
    conda = CondaSpec(("conda-forge",), ("python=3.11", "pip"), pip)
    return replace(EnvironmentSpec(PythonSpec(conda=conda), variables={"é": "ü"}), **changes)


def new_environment(name: str = "train", spec: EnvironmentSpec | None = None, **changes: Any) -> Environment:
    """Return an environment to be registered, as a service would make it."""
    made = Environment(WORKSPACE, name, 0, spec or spec_of("numpy"), NOW_MS, "ann")
    return replace(made, **changes)


class EnvironmentStoreRules(ABC):
    """Inherit, and implement the hook, to hold a store of environments to its contract."""

    @abstractmethod
    def open_environments(self, folder: Path) -> EnvironmentsUnderTest:
        """Return a store that keeps its things in ``folder``, and finds there what another one kept."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[EnvironmentsUnderTest]:
        """Return a store with two workspaces and no environments."""
        with contextlib.closing(self.open_environments(tmp_path)) as store:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                store.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield store

    @pytest.fixture
    def environments(self, store: EnvironmentsUnderTest) -> EnvironmentStore:
        """Return the store of environments alone."""
        return store.environments

    def test_versions_count_up(self, tmp_path: Path, environments: EnvironmentStore) -> None:
        """Here and in another process."""
        first = environments.register(new_environment(description="d", tags={"a": "b"}))
        second = environments.register(
            new_environment(spec=spec_of("numpy", "pandas"), created_ms=NOW_MS + 1, created_by="bob")
        )
        assert first == (
            new_environment(description="d", tags={"a": "b"}, version=1, latest_version=1),
            True,
        )
        kept: dict[str, Any] = {"description": "d", "tags": {"a": "b"}, "latest_version": 2}
        newest = new_environment(
            spec=spec_of("numpy", "pandas"), version=2, created_ms=NOW_MS + 1, created_by="bob", **kept
        )
        assert second == (newest, True)
        with contextlib.closing(self.open_environments(tmp_path)) as again:
            assert again.environments.get_environment(WORKSPACE, "train") == newest
            assert again.environments.get_environment(WORKSPACE, "train", 1) == new_environment(
                version=1, **kept
            )

    def test_the_same_content_again_is_the_same_version_and_the_latest(
        self, environments: EnvironmentStore
    ) -> None:
        """Who registered it first, and when, stays."""
        environments.register(new_environment())
        environments.register(new_environment(spec=spec_of("pandas")))
        again, is_new = environments.register(new_environment(created_ms=NOW_MS + 9, created_by="bob"))
        assert not is_new
        assert (again.version, again.latest_version, again.created_by) == (1, 1, "ann")
        assert environments.get_environment(WORKSPACE, "train").version == 1
        third = environments.register(new_environment(spec=spec_of("scipy"))).environment
        assert (third.version, third.latest_version) == (3, 3)

    @pytest.mark.parametrize(
        "spec",
        [
            EnvironmentSpec(),
            spec_of("b", "a"),
            spec_of("a", "b"),
            spec_of("numpy", variables={}),
            EnvironmentSpec(PythonSpec(is_user_managed=True, interpreter="/opt/py/bin/python")),
            EnvironmentSpec(docker=DockerSpec(image="python:3.11", shm_size="2g")),
            EnvironmentSpec(docker=DockerSpec(dockerfile="FROM python\nRUN é 😀")),
        ],
        ids=repr,
    )
    def test_every_part_is_kept_and_makes_another_version(
        self, environments: EnvironmentStore, spec: EnvironmentSpec
    ) -> None:
        """Order counts: pip and conda read it."""
        environments.register(new_environment())
        made = environments.register(new_environment(spec=spec))
        assert made.is_new
        assert environments.get_environment(WORKSPACE, "train").spec == spec

    def test_what_is_not_there_is_not_found(self, environments: EnvironmentStore) -> None:
        """In one's own workspace, whatever another one has."""
        environments.register(new_environment())
        for name, workspace, version in (
            ("other", WORKSPACE, None),
            ("train", OTHER_WORKSPACE, None),
            ("train", WORKSPACE, 2),
            ("Train", WORKSPACE, None),
        ):
            with pytest.raises(NotFound, match=name):
                environments.get_environment(workspace, name, version)
        with pytest.raises(NotFound):
            environments.list_versions(OTHER_WORKSPACE, "train", 10)
        with pytest.raises(NotFound):
            environments.describe(OTHER_WORKSPACE, "train", "d", {}, NOW_MS)
        with pytest.raises(NotFound):
            environments.archive(OTHER_WORKSPACE, "train", NOW_MS)

    def test_environments_are_listed_by_name_in_their_latest_version(
        self, environments: EnvironmentStore
    ) -> None:
        """Page by page, those that are archived only when asked for."""
        for name in ("b", "a", "c"):
            environments.register(new_environment(name))
        environments.register(new_environment("b", spec_of("pandas")))
        environments.register(new_environment("z", workspace=OTHER_WORKSPACE))
        environments.archive(WORKSPACE, "c", NOW_MS)

        def listed(limit: int = 10, offset: int = 0, with_archived: bool = False) -> list[tuple[str, int]]:
            found = environments.list_environments(WORKSPACE, limit, offset, with_archived=with_archived)
            return [(each.name, each.version) for each in found]

        assert listed() == [("a", 1), ("b", 2)]
        assert listed(with_archived=True) == [("a", 1), ("b", 2), ("c", 1)]
        assert listed(1, 1) == [("b", 2)]
        assert environments.get_environment(WORKSPACE, "c").is_archived
        environments.archive(WORKSPACE, "c", NOW_MS, is_archived=False)
        assert listed(1, 2) == [("c", 1)]

    def test_versions_are_listed_from_the_last(self, environments: EnvironmentStore) -> None:
        """Page by page; the latest may be an older one."""
        for pip in ("a", "b", "c", "b"):
            environments.register(new_environment(spec=spec_of(pip)))
        found = environments.list_versions(WORKSPACE, "train", 10)
        assert [(each.version, each.latest_version) for each in found] == [(3, 2), (2, 2), (1, 2)]
        assert [each.version for each in environments.list_versions(WORKSPACE, "train", 1, 1)] == [2]
        assert environments.list_versions(WORKSPACE, "train", 1, 3) == []

    def test_what_is_said_is_said_of_all_versions(self, environments: EnvironmentStore) -> None:
        """Another registration leaves it."""
        environments.register(new_environment(description="old", tags={"a": "b"}))
        environments.describe(WORKSPACE, "train", "new é", {"c": "d"}, NOW_MS)
        environments.register(new_environment(spec=spec_of("pandas"), description="not looked at"))
        found = environments.list_versions(WORKSPACE, "train", 10)
        assert [(each.description, each.tags) for each in found] == [("new é", {"c": "d"})] * 2

    def test_threads_that_register_at_once_count_to_different_numbers(
        self, environments: EnvironmentStore
    ) -> None:
        """And the same content is one version, whoever comes first."""
        with ThreadPoolExecutor(4) as pool:
            made = list(
                pool.map(
                    lambda number: environments.register(new_environment(spec=spec_of(f"p{number // 2}"))),
                    range(20),
                )
            )
        assert sorted(each.environment.version for each in made if each.is_new) == list(range(1, 11))
        assert {each.environment.version for each in made} == set(range(1, 11))
