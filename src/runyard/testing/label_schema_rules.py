"""The rules that every store of label schemas must pass."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.label_schema import (
    Categorical,
    FreeText,
    LabelInput,
    LabelSchema,
    LabelSchemaType,
    Numeric,
    PassFail,
)
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.metadata.base_label_schemas import LabelSchemaStore
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest


@dataclass(frozen=True, slots=True)
class LabelSchemasUnderTest:
    """The store of label schemas, and the stores that it shares a database with."""

    schemas: LabelSchemaStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()


def new_schema(experiment_id: str, schema_id: str = "ls-1", **changes: Any) -> LabelSchema:
    """Return a question, as a service would make it."""
    schema = LabelSchema(
        schema_id=schema_id,
        experiment_id=experiment_id,
        name=f"name of {schema_id}",
        type=LabelSchemaType.FEEDBACK,
        input=FreeText(),
        created_ms=NOW_MS,
        updated_ms=NOW_MS,
    )
    return replace(schema, **changes)


class LabelSchemaStoreRules(ABC):
    """Inherit, and implement the hook, to hold a store of label schemas to its contract."""

    @abstractmethod
    def open_schemas(self, folder: Path) -> LabelSchemasUnderTest:
        """Return a store that keeps its things in ``folder``, and finds there what another one kept."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[LabelSchemasUnderTest]:
        """Return a store with two workspaces and no questions."""
        with contextlib.closing(self.open_schemas(tmp_path)) as store:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                store.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield store

    @pytest.fixture
    def experiment_id(self, store: LabelSchemasUnderTest) -> str:
        """Return an active experiment's id."""
        return store.metadata.add_experiment("judged").experiment_id

    @pytest.mark.parametrize(
        "input",
        [
            PassFail("é", "no"),
            Categorical(["a", "b"]),
            Categorical(["a"], multi_select=True),
            Numeric(),
            Numeric(-0.5, 1e300),
            FreeText(2**40),
        ],
    )
    def test_a_question_is_found_as_it_was_added(
        self, tmp_path: Path, store: LabelSchemasUnderTest, experiment_id: str, input: LabelInput
    ) -> None:
        """However it is answered, here and in another process."""
        schema = new_schema(
            experiment_id,
            type=LabelSchemaType.EXPECTATION,
            input=input,
            instruction="",
            enable_comment=True,
            updated_ms=NOW_MS + 1,
        )
        store.schemas.add_schema(schema)
        assert store.schemas.get_schema(WORKSPACE, "ls-1") == schema
        with contextlib.closing(self.open_schemas(tmp_path)) as again:
            assert again.schemas.get_schema_by_name(experiment_id, "name of ls-1") == schema

    def test_what_is_not_there_is_not_found(self, store: LabelSchemasUnderTest, experiment_id: str) -> None:
        """Nor is what another workspace or experiment has."""
        store.schemas.add_schema(new_schema(experiment_id))
        second = store.metadata.add_experiment("second").experiment_id
        for workspace, schema_id in ((WORKSPACE, "ls-2"), (OTHER_WORKSPACE, "ls-1")):
            with pytest.raises(NotFound, match=f"Label schema with id '{schema_id}' not found."):
                store.schemas.get_schema(workspace, schema_id)
        for owner, name in ((experiment_id, "other"), (second, "name of ls-1")):
            with pytest.raises(NotFound, match=f"Label schema with name '{name}' not found for experiment"):
                store.schemas.get_schema_by_name(owner, name)

    def test_an_experiment_has_a_name_once(self, store: LabelSchemasUnderTest, experiment_id: str) -> None:
        """Whether it is made or changed to it; another experiment may have it too."""
        second = store.metadata.add_experiment("second").experiment_id
        for owner, schema_id, name in (
            (experiment_id, "ls-1", "a"),
            (experiment_id, "ls-2", "b"),
            (second, "ls-3", "a"),
        ):
            store.schemas.add_schema(new_schema(owner, schema_id, name=name))
        with pytest.raises(AlreadyExists, match="Label schema with name 'a' already exists"):
            store.schemas.add_schema(new_schema(experiment_id, "ls-4", name="a"))
        with pytest.raises(AlreadyExists, match="Label schema with name 'a' already exists"):
            store.schemas.change_schema(new_schema(experiment_id, "ls-2", name="a"))
        assert store.schemas.get_schema(WORKSPACE, "ls-2").name == "b"
        store.schemas.change_schema(new_schema(experiment_id, "ls-1", name="a", updated_ms=NOW_MS + 1))

    def test_an_id_is_taken_once_and_found_in_its_workspace(
        self, store: LabelSchemasUnderTest, experiment_id: str
    ) -> None:
        """Whatever another one of it is called."""
        schema = new_schema(experiment_id)
        store.schemas.add_schema(schema)
        with pytest.raises(AlreadyExists):
            store.schemas.add_schema(replace(schema, name="another"))
        assert store.schemas.find_schema_ids(WORKSPACE, ["none", schema.schema_id]) == [schema.schema_id]
        assert store.schemas.find_schema_ids(OTHER_WORKSPACE, [schema.schema_id]) == []

    def test_what_may_change_of_a_question_is_kept(
        self, store: LabelSchemasUnderTest, experiment_id: str
    ) -> None:
        """The rest, and the other questions, stay."""
        for schema_id in ("ls-1", "ls-2"):
            store.schemas.add_schema(new_schema(experiment_id, schema_id))
        changed = new_schema(
            experiment_id,
            name="another",
            input=FreeText(5),
            instruction="é",
            enable_comment=True,
            updated_ms=NOW_MS + 9,
        )
        store.schemas.change_schema(changed)
        assert store.schemas.get_schema(WORKSPACE, "ls-1") == changed
        assert store.schemas.get_schema(WORKSPACE, "ls-2") == new_schema(experiment_id, "ls-2")

    def test_the_last_made_come_first_until_they_are_deleted(
        self, store: LabelSchemasUnderTest, experiment_id: str
    ) -> None:
        """Ids break ties; pages hold each once."""
        for number in (3, 1, 2):
            created_ms = NOW_MS + number // 2
            store.schemas.add_schema(new_schema(experiment_id, f"ls-{number}", created_ms=created_ms))

        def listed() -> list[str]:
            return [
                schema.schema_id
                for offset in (0, 2)
                for schema in store.schemas.list_schemas(experiment_id, 2, offset)
            ]

        assert listed() == ["ls-2", "ls-3", "ls-1"]
        store.schemas.delete_schema("ls-3")
        store.schemas.delete_schema("ls-3")
        assert listed() == ["ls-2", "ls-1"]
        second = store.metadata.add_experiment("second").experiment_id
        assert store.schemas.list_schemas(second, 9) == []
