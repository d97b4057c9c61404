"""The rows of registered models and versions, as both of their stores read and change them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, exists, func, or_, select, true, update

from runyard.entities.registered_model import IS_PROMPT_TAG, ModelVersion, Stage
from runyard.errors import NotFound
from runyard.stores.artifacts.paths import ArtifactPath
from runyard.stores.database import Database, chunks
from runyard.stores.metadata.claims import find_claims, is_within_a_living_owner
from runyard.stores.metadata.removed_folders import note_removed
from runyard.stores.metadata.schema_registry import (
    model_version_tags,
    model_versions,
    registered_models,
)
from runyard.stores.metadata.sql_pieces import Engine, Sql, whole_numbers

VERSION_COLUMNS = (
    model_versions.c.version_number,
    model_versions.c.model_number,
    model_versions.c.workspace,
    registered_models.c.name,
    model_versions.c.version,
    model_versions.c.created_ms,
    model_versions.c.updated_ms,
    model_versions.c.source,
    model_versions.c.storage_location,
    model_versions.c.kept_at,
    model_versions.c.stage,
    model_versions.c.run_id,
    model_versions.c.model_id,
    model_versions.c.run_link,
    model_versions.c.description,
)
"""What a version is made of, of two tables."""

_COLUMNS = ", ".join(
    f"{'m' if each.table is registered_models else 'v'}.{each.name}" for each in VERSION_COLUMNS
)
_VERSIONS = (
    f"SELECT {_COLUMNS} FROM model_versions v JOIN registered_models m ON m.model_number = v.model_number"
)
_STAGES = " UNION ALL ".join(f"SELECT '{stage.value}' AS stage" for stage in Stage)
_LATEST = (
    f"SELECT {_COLUMNS} FROM registered_models m CROSS JOIN ({_STAGES}) s"
    " JOIN model_versions v ON v.model_number = m.model_number AND v.version = (SELECT max(i.version)"
    " FROM model_versions i WHERE i.model_number = m.model_number AND i.stage = s.stage)"
)


def get_model(database: Database, connection: Connection, workspace: str, name: str) -> Row[Any]:
    """Return the row of a registered model, held if this transaction may write.

    Raises:
        NotFound: The workspace has no such model.
    """
    query = select(registered_models).where(
        registered_models.c.workspace == workspace, registered_models.c.name == name
    )
    row = connection.execute(database.locked(query, registered_models)).one_or_none()
    if row is None:
        raise NotFound(f"Registered Model with name={name} not found")
    return row


def find_model(connection: Connection, workspace: str, name: str) -> int | None:
    """Return the number of a registered model."""
    columns = registered_models.c
    query = select(columns.model_number).where(columns.workspace == workspace, columns.name == name)
    return connection.scalar(query)


def number_of(connection: Connection, workspace: str, name: str) -> int:
    """Return the number of a registered model.

    Raises:
        NotFound: The workspace has no such model.
    """
    number = find_model(connection, workspace, name)
    if number is None:
        raise NotFound(f"Registered Model with name={name} not found")
    return number


def refresh_prompts(connection: Connection, model_number: int) -> None:
    """Note again which versions of a model are a prompt's, after a tag that says so has changed."""
    versions, tag = model_versions, model_version_tags.c
    says_so = exists().where(
        tag.version_number == versions.c.version_number,
        tag.key == IS_PROMPT_TAG,
        func.lower(tag.value) == "true",
    )
    of_model = select(registered_models.c.is_prompt).where(registered_models.c.model_number == model_number)
    connection.execute(
        update(versions)
        .where(versions.c.model_number == model_number)
        .values(is_prompt=or_(of_model.scalar_subquery() == true(), says_so))
    )


def version_of(row: Sequence[Any], tags: Mapping[str, str], aliases: Sequence[str] = ()) -> ModelVersion:
    """Return the version of a row that has ``VERSION_COLUMNS``."""
    _, _, workspace, name, version, created_ms, updated_ms, source, location, kept_at, stage, *rest = row
    run_id, model_id, run_link, description = rest
    return ModelVersion(
        workspace=workspace,
        name=name,
        version=version,
        created_ms=created_ms,
        updated_ms=updated_ms,
        source=source,
        storage_location=location,
        kept_at=kept_at,
        stage=Stage(stage),
        run_id=run_id,
        model_id=model_id,
        run_link=run_link,
        description=description,
        tags=tags,
        aliases=aliases,
    )


def versions_of(connection: Connection, rows: Sequence[Sequence[Any]]) -> list[ModelVersion]:
    """Return the versions of rows that have ``VERSION_COLUMNS``, with their tags."""
    tags = tags_of(connection, model_version_tags, [row[0] for row in rows])
    return [version_of(row, tags.get(row[0], {})) for row in rows]


def read_versions(connection: Connection, version_numbers: Sequence[int]) -> list[ModelVersion]:
    """Return versions by the store's own numbers, in the same order, with their tags."""
    found = _in_order(connection, _VERSIONS, "v.version_number", version_numbers, "v.version_number")
    rows = {row[0]: row for row in found}
    return versions_of(connection, [rows[number] for number in version_numbers if number in rows])


def latest_of_each_stage(
    connection: Connection, model_numbers: Sequence[int]
) -> dict[int, list[ModelVersion]]:
    """Return the latest version in each stage of models, by the models' numbers.

    The highest number of a stage is looked up in the index for each, however many versions a model has.
    """
    rows = _in_order(connection, _LATEST, "m.model_number", model_numbers, "v.version")
    found: dict[int, list[ModelVersion]] = defaultdict(list)
    for row, version in zip(rows, versions_of(connection, rows), strict=True):
        found[row[1]].append(version)
    return found


def tags_of(connection: Connection, table: Table, owners: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return the tags of many owners by a table's first column."""
    owner = next(iter(table.c)).name
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    query = f"SELECT {owner}, key, value FROM {table.name}"
    for number, key, value in _in_order(connection, query, owner, owners, "key"):
        tags[number][key] = value
    return tags


def aliases_of(connection: Connection, model_numbers: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return the aliases of many models and the versions that they point to."""
    aliases: dict[int, dict[str, int]] = defaultdict(dict)
    query = "SELECT model_number, alias, version FROM registered_model_aliases"
    for number, alias, version in _in_order(connection, query, "model_number", model_numbers, "alias"):
        aliases[number][alias] = version
    return aliases


def note_unneeded_folders(
    connection: Connection, workspace: str, kept_at: Iterable[str], now_ms: int
) -> None:
    """Note that folders of versions that are gone may be emptied, where nothing that lives needs them."""
    for place in sorted(set(kept_at) - {""}):
        folder = ArtifactPath((workspace, *place.split("/")))
        # Nearly always the first says it all, and it is the cheaper one.
        if is_within_a_living_owner(connection, folder) or find_claims(connection, folder).is_inside:
            continue
        note_removed(connection, [folder], now_ms)


def _in_order(
    connection: Connection, query: str, column: str, numbers: Sequence[int], order: str
) -> list[tuple[Any, ...]]:
    """Run a query for the rows with one of many numbers, past SQLAlchemy, for which they are too many."""
    engine, found = Engine(connection), []
    for part in chunks(numbers):
        found += engine.rows(Sql(f"{query} WHERE {column} IN {whole_numbers(part)} ORDER BY {order}"))
    return found
