"""Label schemas in SQL."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, delete, select, update
from sqlalchemy.exc import IntegrityError

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
from runyard.stores.database import Database, chunks, insert_if_free
from runyard.stores.metadata.base_label_schemas import LabelSchemaStore
from runyard.stores.metadata.schema import REMOVED, experiments
from runyard.stores.metadata.schema_evaluation import label_schemas

_INPUTS: dict[str, type[LabelInput]] = {
    "pass_fail": PassFail,
    "categorical": Categorical,
    "numeric": Numeric,
    "text": FreeText,
}
_WORDS = {kind: word for word, kind in _INPUTS.items()}


class SqlLabelSchemas(LabelSchemaStore):
    """Keeps questions in the table ``label_schemas``, how they are answered as JSON."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_schema(self, schema: LabelSchema) -> None:
        row = {
            "schema_id": schema.schema_id,
            "experiment_id": int(schema.experiment_id),
            "type": schema.type.value,
            "created_ms": schema.created_ms,
            **_changing(schema),
        }
        with self._database.writing() as connection:
            if not insert_if_free(connection, label_schemas, row):
                raise _taken(schema)

    def find_schema_ids(self, workspace: str, schema_ids: Sequence[str]) -> list[str]:
        found: list[str] = []
        with self._database.reading() as connection:
            for part in chunks(schema_ids):
                query = _of(workspace).where(label_schemas.c.schema_id.in_(part))
                found += connection.scalars(query.with_only_columns(label_schemas.c.schema_id))
        return found

    def get_schema(self, workspace: str, schema_id: str) -> LabelSchema:
        query = _of(workspace).where(label_schemas.c.schema_id == schema_id)
        with self._database.reading() as connection:
            row = connection.execute(self._database.locked(query, label_schemas)).one_or_none()
        if row is None:
            raise NotFound(f"Label schema with id '{schema_id}' not found.")
        return _schema(row)

    def get_schema_by_name(self, experiment_id: str, name: str) -> LabelSchema:
        columns = label_schemas.c
        query = select(label_schemas).where(columns.experiment_id == int(experiment_id), columns.name == name)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"Label schema with name '{name}' not found for experiment '{experiment_id}'.")
        return _schema(row)

    def list_schemas(self, experiment_id: str, limit: int, offset: int = 0) -> list[LabelSchema]:
        columns = label_schemas.c
        query = (
            select(label_schemas)
            .where(columns.experiment_id == int(experiment_id))
            .order_by(columns.created_ms.desc(), columns.schema_id)
        )
        with self._database.reading() as connection:
            return [_schema(row) for row in connection.execute(query.limit(limit).offset(offset))]

    def change_schema(self, schema: LabelSchema) -> None:
        this = label_schemas.c.schema_id == schema.schema_id
        try:
            with self._database.writing() as connection:
                connection.execute(update(label_schemas).where(this).values(**_changing(schema)))
        except IntegrityError:
            raise _taken(schema) from None

    def delete_schema(self, schema_id: str) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(label_schemas).where(label_schemas.c.schema_id == schema_id))


def _of(workspace: str) -> Select[Any]:
    is_its = experiments.c.experiment_id == label_schemas.c.experiment_id
    of_workspace = (experiments.c.workspace == workspace, experiments.c.lifecycle_stage != REMOVED)
    return select(label_schemas).join(experiments, is_its).where(*of_workspace)


def _taken(schema: LabelSchema) -> AlreadyExists:
    return AlreadyExists(
        f"Label schema with name '{schema.name}' already exists for experiment '{schema.experiment_id}'."
    )


def _changing(schema: LabelSchema) -> dict[str, Any]:
    said = {"kind": _WORDS[type(schema.input)], **dataclasses.asdict(schema.input)}
    return {
        "name": schema.name,
        "instruction": schema.instruction,
        "enable_comment": schema.enable_comment,
        "input": json.dumps(said),
        "updated_ms": schema.updated_ms,
    }


def _schema(row: Row[Any]) -> LabelSchema:
    said = json.loads(row.input)
    return LabelSchema(
        schema_id=row.schema_id,
        experiment_id=str(row.experiment_id),
        name=row.name,
        type=LabelSchemaType(row.type),
        input=_INPUTS[said.pop("kind")](**said),
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        instruction=row.instruction,
        enable_comment=row.enable_comment,
    )
