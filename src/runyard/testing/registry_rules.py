"""The rules that every store of registered models and of their versions must pass."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.registered_model import IS_PROMPT_TAG, ModelVersion, RegisteredModel, Stage
from runyard.errors import AlreadyExists, NotFound
from runyard.protocol.registry_filters import (
    parse_model_version_filter,
    parse_model_version_order,
    parse_registered_model_filter,
    parse_registered_model_order,
)
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_model_versions import ModelVersionStore
from runyard.stores.metadata.base_registered_models import RegisteredModelStore
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest

PROMPT = {IS_PROMPT_TAG: "true"}


@dataclass(frozen=True, slots=True)
class RegistryUnderTest:
    """Both stores, and the stores that they share a database with."""

    models: RegisteredModelStore
    versions: ModelVersionStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()

    def add_model(self, name: str = "m", tags: Mapping[str, str] | None = None, **changes: Any) -> None:
        """Keep a model of the first workspace."""
        model = RegisteredModel(WORKSPACE, name, NOW_MS, NOW_MS, tags=tags or {})
        assert self.models.add_registered_model(replace(model, **changes))

    def add_version(self, name: str = "m", **changes: Any) -> ModelVersion:
        """Keep a version of a model of the first workspace."""
        return self.versions.add_model_version(replace(new_version(name), **changes))

    def model(self, name: str = "m") -> RegisteredModel:
        """Return a model of the first workspace."""
        return self.models.get_registered_model(WORKSPACE, name)

    def found(self, text: str = "", order: Sequence[str] = (), **changes: Any) -> list[str]:
        """Return the names of the models that a search finds."""
        search = Search(WORKSPACE, filter=parse_registered_model_filter(text))
        search = replace(search, order=parse_registered_model_order(order), **changes)
        return [model.name for model in self.models.search_registered_models(search)]

    def found_versions(
        self, text: str = "", order: Sequence[str] = (), **changes: Any
    ) -> list[tuple[str, int]]:
        """Return the names and numbers of the versions that a search finds."""
        search = Search(WORKSPACE, filter=parse_model_version_filter(text))
        search = replace(search, order=parse_model_version_order(order), **changes)
        return [(each.name, each.version) for each in self.versions.search_model_versions(search)]


@dataclass(frozen=True, slots=True)
class KeptRegistry:
    """How many rows a store's files hold of models, versions and what hangs on them."""

    models: int
    versions: int
    model_tags: int
    version_tags: int
    aliases: int


def new_version(name: str = "m", at_ms: int = NOW_MS + 10) -> ModelVersion:
    """Return a version as a service would make it, without a number."""
    return ModelVersion(WORKSPACE, name, 0, at_ms, at_ms, "s3://bucket/m", "s3://bucket/m")


class RegistryRules(ABC):
    """Inherit, and implement the hooks, to hold stores of models and versions to both contracts."""

    @abstractmethod
    def open_registry(self, folder: Path) -> RegistryUnderTest:
        """Return stores that keep their things in ``folder``, and find there what others kept."""

    @abstractmethod
    def kept_registry(self, folder: Path) -> KeptRegistry:
        """Return what ``folder`` holds, read without the stores."""

    @pytest.fixture
    def registry(self, tmp_path: Path) -> Iterator[RegistryUnderTest]:
        """Return stores with two workspaces and no models."""
        with contextlib.closing(self.open_registry(tmp_path)) as registry:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                registry.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield registry

    def test_a_model_is_found_as_it_was_added(self, tmp_path: Path, registry: RegistryUnderTest) -> None:
        """No field is lost or changed, neither here nor in another process."""
        registry.add_model(description="é", tags={"team": "日本", "empty": ""}, updated_ms=NOW_MS + 5)
        with contextlib.closing(self.open_registry(tmp_path)) as again:
            for each in (registry, again):
                assert each.model() == RegisteredModel(
                    WORKSPACE, "m", NOW_MS, NOW_MS + 5, "é", {"team": "日本", "empty": ""}
                )

    def test_a_name_is_taken_once_in_a_workspace(self, registry: RegistryUnderTest) -> None:
        """The second is told so, and in the other workspace it is free."""
        registry.add_model(tags={"first": "1"})
        model = RegisteredModel(WORKSPACE, "m", NOW_MS, NOW_MS, tags={"second": "2"})
        assert not registry.models.add_registered_model(model)
        assert registry.model().tags == {"first": "1"}
        assert registry.models.add_registered_model(replace(model, workspace=OTHER_WORKSPACE))
        assert registry.found() == ["m"]

    def test_what_is_not_there_is_not_found(self, registry: RegistryUnderTest) -> None:
        """Nor is what another workspace has."""
        registry.add_model()
        registry.add_version()
        for workspace, name in ((WORKSPACE, "M"), (OTHER_WORKSPACE, "m")):
            with pytest.raises(NotFound, match=f"Registered Model with name={name} not found"):
                registry.models.get_registered_model(workspace, name)
            assert registry.models.find_aliased(workspace, name, "a") is None
        for workspace, name, number in ((WORKSPACE, "m", 2), (WORKSPACE, "n", 1), (OTHER_WORKSPACE, "m", 1)):
            with pytest.raises(NotFound, match=rf"Model Version \(name={name}, version={number}\) not found"):
                registry.versions.get_model_version(workspace, name, number)
        with pytest.raises(NotFound):
            registry.add_version("n")

    def test_a_version_is_found_as_it_was_added(self, tmp_path: Path, registry: RegistryUnderTest) -> None:
        """With the next number of its model, whose last change it is."""
        registry.add_model()
        added = registry.add_version(
            source="models:/m-1",
            storage_location="mlflow-artifacts:/1/models/m-1/artifacts",
            kept_at="1/models/m-1/artifacts",
            run_id="a" * 32,
            model_id="m-1",
            run_link="https://elsewhere.example/run",
            description=None,
            stage=Stage.STAGING,
            tags={"k": "v"},
        )
        assert added.version == 1
        with contextlib.closing(self.open_registry(tmp_path)) as again:
            for each in (registry, again):
                assert each.versions.get_model_version(WORKSPACE, "m", 1) == added
                assert each.model().latest_versions == (added,)
        assert registry.model().updated_ms == added.created_ms

    def test_numbers_count_up_and_none_comes_twice(self, registry: RegistryUnderTest) -> None:
        """Not even that of the last version, once it is gone; a new model of the name begins anew."""
        registry.add_model()
        registry.add_model("n")
        numbers = [registry.add_version().version for _ in range(3)]
        registry.versions.delete_model_version(WORKSPACE, "m", 3, NOW_MS)
        assert [*numbers, registry.add_version().version] == [1, 2, 3, 4]
        assert registry.add_version("n").version == 1
        registry.models.delete_registered_model(WORKSPACE, "m", NOW_MS)
        registry.add_model()
        assert registry.add_version().version == 1

    def test_an_imported_version_has_its_own_number_and_the_next_one_follows(
        self, registry: RegistryUnderTest
    ) -> None:
        """One that is not above the last number was there before, and may have been deleted since."""
        registry.add_model()
        imported = replace(new_version(), version=7, stage=Stage.STAGING, tags={"a": "b"})
        assert registry.versions.import_model_version(imported)
        assert registry.versions.get_model_version(WORKSPACE, "m", 7) == imported
        assert not registry.versions.import_model_version(replace(imported, description="again"))
        assert not registry.versions.import_model_version(replace(imported, version=3))
        registry.versions.delete_model_version(WORKSPACE, "m", 7, NOW_MS)
        assert not registry.versions.import_model_version(imported)
        assert registry.add_version().version == 8
        with pytest.raises(NotFound):
            registry.versions.import_model_version(replace(imported, name="none"))

    def test_versions_are_counted_by_model(self, registry: RegistryUnderTest) -> None:
        """A model without any counts none, and one that is not there is left out."""
        for name in ("m", "n"):
            registry.add_model(name)
        for _ in range(3):
            registry.add_version()
        count = registry.versions.count_model_versions
        assert dict(count(WORKSPACE, ["m", "n", "none"])) == {"m": 3, "n": 0}
        assert dict(count(OTHER_WORKSPACE, ["m"])) == dict(count(WORKSPACE, [])) == {}

    def test_many_register_at_once_and_each_has_a_number(self, registry: RegistryUnderTest) -> None:
        """None is given to two, and none is left out."""
        registry.add_model()
        with ThreadPoolExecutor(8) as pool:
            added = list(pool.map(lambda _: registry.add_version().version, range(24)))
        assert sorted(added) == list(range(1, 25))
        latest = registry.versions.find_latest_version(WORKSPACE, "m")
        assert latest is not None
        assert latest.version == 24

    def test_the_latest_of_each_stage_is_shown(self, registry: RegistryUnderTest) -> None:
        """By number, not by time, and nothing for a stage that no version is in."""
        registry.add_model()
        registry.add_model("none")
        for _ in range(5):
            registry.add_version()
        for number, stage in ((1, Stage.PRODUCTION), (2, Stage.PRODUCTION), (4, Stage.ARCHIVED)):
            registry.versions.move_model_version(WORKSPACE, "m", number, stage, NOW_MS + 20 - number)
        shown = {each.stage: each.version for each in registry.model().latest_versions}
        assert shown == {Stage.PRODUCTION: 2, Stage.ARCHIVED: 4, Stage.NONE: 5}
        found = registry.models.search_registered_models(Search(WORKSPACE))
        assert [[each.version for each in model.latest_versions] for model in found] == [[2, 4, 5], []]
        assert registry.versions.find_latest_version(WORKSPACE, "none") is None

    def test_others_of_a_stage_are_archived(self, registry: RegistryUnderTest) -> None:
        """Of this model and this stage alone."""
        for name in ("m", "n"):
            registry.add_model(name)
            for _ in range(3):
                registry.add_version(name, stage=Stage.PRODUCTION)
        registry.versions.move_model_version(WORKSPACE, "m", 3, Stage.STAGING, NOW_MS)
        registry.versions.archive_others(WORKSPACE, "m", 2, Stage.PRODUCTION, NOW_MS + 30)
        stages = [registry.versions.get_model_version(WORKSPACE, "m", number).stage for number in (1, 2, 3)]
        assert stages == [Stage.ARCHIVED, Stage.PRODUCTION, Stage.STAGING]
        assert registry.versions.get_model_version(WORKSPACE, "n", 1).stage is Stage.PRODUCTION
        assert registry.versions.get_model_version(WORKSPACE, "m", 1).updated_ms == NOW_MS + 30

    def test_what_is_said_of_both_changes(self, registry: RegistryUnderTest) -> None:
        """Descriptions with the time of it; tags over older values, and without a change of time."""
        registry.add_model(tags={"a": "1"})
        registry.add_version(tags={"a": "1"})
        models, versions = registry.models, registry.versions
        models.describe_registered_model(WORKSPACE, "m", "better", NOW_MS + 40)
        models.set_registered_model_tag(WORKSPACE, "m", "a", "2")
        models.set_registered_model_tag(WORKSPACE, "m", "b", "3")
        versions.describe_model_version(WORKSPACE, "m", 1, None, NOW_MS + 50)
        versions.set_model_version_tags(WORKSPACE, "m", 1, {"a": "2", "b": "3"})
        model, version = registry.model(), versions.get_model_version(WORKSPACE, "m", 1)
        assert (model.description, model.updated_ms, model.tags) == (
            "better",
            NOW_MS + 40,
            {"a": "2", "b": "3"},
        )
        assert (version.description, version.updated_ms, version.tags) == (
            None,
            NOW_MS + 50,
            {"a": "2", "b": "3"},
        )
        for _ in range(2):
            was_there = models.delete_registered_model_tag(WORKSPACE, "m", "a")
            assert versions.delete_model_version_tag(WORKSPACE, "m", 1, "a") is was_there
        assert not was_there
        assert registry.model().tags == versions.get_model_version(WORKSPACE, "m", 1).tags == {"b": "3"}

    def test_a_model_is_renamed_with_its_versions(self, registry: RegistryUnderTest) -> None:
        """They change by it too; a name that is taken stays whose it is."""
        registry.add_model()
        registry.add_model("taken")
        registry.add_version()
        registry.models.set_alias(WORKSPACE, "m", "champion", 1)
        with pytest.raises(AlreadyExists, match=r"Registered Model \(name=taken\) already exists"):
            registry.models.rename_registered_model(WORKSPACE, "m", "taken", NOW_MS)
        registry.models.rename_registered_model(WORKSPACE, "m", "m", NOW_MS)
        registry.models.rename_registered_model(WORKSPACE, "m", "new", NOW_MS + 60)
        version = registry.versions.get_model_version(WORKSPACE, "new", 1)
        assert (version.name, version.updated_ms, version.aliases) == ("new", NOW_MS + 60, ("champion",))
        assert registry.model("new").aliases == {"champion": 1}
        assert registry.found() == ["new", "taken"]

    def test_an_alias_points_to_one_version(self, registry: RegistryUnderTest) -> None:
        """The last one that it was set to; it goes with that version."""
        registry.add_model()
        for _ in range(2):
            registry.add_version()
        for alias, number in (("b", 1), ("a", 1), ("b", 2)):
            registry.models.set_alias(WORKSPACE, "m", alias, number)
        assert registry.model().aliases == {"a": 1, "b": 2}
        assert registry.models.find_aliased(WORKSPACE, "m", "b") == 2
        assert registry.models.delete_alias(WORKSPACE, "m", "a")
        assert not registry.models.delete_alias(WORKSPACE, "m", "a")
        registry.versions.delete_model_version(WORKSPACE, "m", 2, NOW_MS)
        assert registry.model().aliases == {}

    def test_nothing_is_left_of_what_is_deleted(self, tmp_path: Path, registry: RegistryUnderTest) -> None:
        """A version takes its own with it, a model everything, a workspace's removal all of its models."""
        for name in ("m", "n"):
            registry.add_model(name, tags={"a": "1"})
            registry.add_version(name, tags={"a": "1"})
            registry.models.set_alias(WORKSPACE, name, "a", 1)
        registry.versions.delete_model_version(WORKSPACE, "m", 1, NOW_MS + 70)
        assert self.kept_registry(tmp_path) == KeptRegistry(2, 1, 2, 1, 1)
        assert registry.model().updated_ms == NOW_MS + 70
        registry.models.delete_registered_model(WORKSPACE, "m", NOW_MS)
        assert self.kept_registry(tmp_path) == KeptRegistry(1, 1, 1, 1, 1)
        assert registry.models.take_registered_models(OTHER_WORKSPACE, 10) == 0
        assert registry.models.take_registered_models(WORKSPACE, 1) == 1
        assert registry.models.take_registered_models(WORKSPACE, 10) == 1
        assert self.kept_registry(tmp_path) == KeptRegistry(0, 0, 0, 0, 0)

    def test_models_are_searched_by_name_and_tags(self, registry: RegistryUnderTest) -> None:
        """In the order of their names, or as is asked, part by part."""
        for number, name in enumerate(("beta", "Alpha", "gamma", "delta")):
            registry.add_model(name, tags={"n": str(number % 2)}, updated_ms=NOW_MS - number)
        assert registry.found() == ["Alpha", "beta", "delta", "gamma"]
        assert registry.found("name LIKE '%a' AND tags.n = '1'") == ["Alpha", "delta"]
        assert registry.found("name ILIKE 'A%'") == ["Alpha"]
        assert registry.found("name LIKE 'a%'") == []
        assert registry.found("name IN ('beta', 'gamma')") == ["beta", "gamma"]
        assert registry.found("NOT name = 'beta' AND tags.n != '1'") == ["gamma"]
        assert registry.found("tags.x IS NULL", ["timestamp ASC"], limit=2) == ["delta", "gamma"]
        assert registry.found("", ["name DESC"], limit=2, offset=1) == ["delta", "beta"]

    def test_versions_are_searched_by_what_they_are(self, registry: RegistryUnderTest) -> None:
        """The last changed first, or as is asked; ties by name and then the highest number."""
        for name in ("b", "a"):
            registry.add_model(name)
            for number in range(1, 4):
                run_id, tags = f"run{number}", {"n": str(number)}
                registry.add_version(
                    name, run_id=run_id, source=f"s3://{name}/{number}", tags=tags, updated_ms=NOW_MS + number
                )
        assert registry.found_versions() == [("a", 3), ("b", 3), ("a", 2), ("b", 2), ("a", 1), ("b", 1)]
        assert registry.found_versions("name = 'b'", ["version_number"]) == [("b", 1), ("b", 2), ("b", 3)]
        assert registry.found_versions("run_id IN ('run1','run3')", ["name DESC"]) == [
            ("b", 3),
            ("b", 1),
            ("a", 3),
            ("a", 1),
        ]
        assert registry.found_versions("run_id NOT IN ('run1','run3')") == [("a", 2), ("b", 2)]
        assert registry.found_versions("version_number >= 2 AND name LIKE 'a%'") == [("a", 3), ("a", 2)]
        assert registry.found_versions("source_path = 's3://a/1'") == [("a", 1)]
        assert registry.found_versions("tags.n = '2'", limit=1, offset=1) == [("b", 2)]
        assert registry.found_versions("", ["creation_timestamp ASC"], limit=2) == [("a", 3), ("a", 2)]

    def test_prompts_are_found_by_their_tag_alone(self, registry: RegistryUnderTest) -> None:
        """And then nothing else is; so it is with their versions."""
        registry.add_model("model")
        registry.add_version("model")
        registry.add_model("prompt", tags=PROMPT)
        registry.add_version("prompt", tags=PROMPT)
        for only, text in (
            ("model", ""),
            ("model", f"tags.`{IS_PROMPT_TAG}` != 'true'"),
            ("model", f"tags.`{IS_PROMPT_TAG}` = 'false'"),
            ("prompt", f"tags.`{IS_PROMPT_TAG}` = 'true'"),
            ("prompt", f"tags.`{IS_PROMPT_TAG}` != 'false' AND name LIKE '%'"),
        ):
            assert registry.found(text) == [only]
            assert registry.found_versions(text) == [(only, 1)]

    def test_a_tag_makes_a_prompt_and_its_loss_a_model(self, registry: RegistryUnderTest) -> None:
        """Of all its versions; one whose own tag says so stays one."""
        registry.add_model()
        registry.add_version()
        registry.add_version(tags=PROMPT)
        assert registry.found_versions() == [("m", 1)]
        registry.models.set_registered_model_tag(WORKSPACE, "m", IS_PROMPT_TAG, "True")
        assert (registry.found(), registry.found_versions()) == ([], [])
        registry.models.delete_registered_model_tag(WORKSPACE, "m", IS_PROMPT_TAG)
        assert (registry.found(), registry.found_versions()) == (["m"], [("m", 1)])
        registry.versions.delete_model_version_tag(WORKSPACE, "m", 2, IS_PROMPT_TAG)
        assert registry.found_versions() == [("m", 2), ("m", 1)]
        registry.versions.set_model_version_tags(WORKSPACE, "m", 1, PROMPT)
        assert registry.found_versions() == [("m", 2)]
