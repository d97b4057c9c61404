"""The rows of registered models and versions, as both of their stores read and change them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Table,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
    update,
)

from runyard.entities.registered_model import IS_PROMPT_TAG, ModelVersion, Stage
from runyard.errors import NotFound
from runyard.stores.artifacts.paths import ArtifactPath
from runyard.stores.database import Database, chunks, upsert
from runyard.stores.metadata.claims import find_claims, is_within_a_living_owner
from runyard.stores.metadata.schema import removed_artifacts
from runyard.stores.metadata.schema_registry import (
    model_version_tags,
    model_versions,
    registered_model_aliases,
    registered_models,
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


def version_of(row: Row[Any], tags: Mapping[str, str], aliases: Sequence[str] = ()) -> ModelVersion:
    """Return the version of a row of ``model_versions`` that has its model's ``name`` too."""
    return ModelVersion(
        workspace=row.workspace,
        name=row.name,
        version=row.version,
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        source=row.source,
        storage_location=row.storage_location,
        kept_at=row.kept_at,
        stage=Stage(row.stage),
        run_id=row.run_id,
        model_id=row.model_id,
        run_link=row.run_link,
        description=row.description,
        tags=tags,
        aliases=aliases,
    )


def latest_of_each_stage(connection: Connection, models: Sequence[Row[Any]]) -> dict[int, list[ModelVersion]]:
    """Return the latest version in each stage of models, by the models' numbers.

    The highest number of a stage is looked up in the index for each, however many versions a model has.
    """
    versions, inner = model_versions, model_versions.alias()
    stages = union_all(*(select(literal(stage.value).label("stage")) for stage in Stage)).subquery("stages")
    found: dict[int, list[ModelVersion]] = defaultdict(list)
    for part in chunks([row.model_number for row in models]):
        highest = select(func.max(inner.c.version)).where(
            inner.c.model_number == registered_models.c.model_number, inner.c.stage == stages.c.stage
        )
        query = (
            select(versions, registered_models.c.name)
            .select_from(registered_models.join(stages, true()))
            .join(
                versions,
                and_(
                    versions.c.model_number == registered_models.c.model_number,
                    versions.c.version == highest.scalar_subquery(),
                ),
            )
            .where(registered_models.c.model_number.in_(part))
            .order_by(versions.c.version)
        )
        rows = connection.execute(query).all()
        tags = tags_of(connection, model_version_tags, [row.version_number for row in rows])
        for row in rows:
            found[row.model_number].append(version_of(row, tags.get(row.version_number, {})))
    return found


def tags_of(connection: Connection, table: Table, owners: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return the tags of many owners by a table's first column."""
    owner = next(iter(table.c))
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    for row in _rows(connection, table, owner, owners, table.c.key):
        tags[row[0]][row.key] = row.value
    return tags


def aliases_of(connection: Connection, model_numbers: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return the aliases of many models and the versions that they point to."""
    table = registered_model_aliases
    aliases: dict[int, dict[str, int]] = defaultdict(dict)
    for row in _rows(connection, table, table.c.model_number, model_numbers, table.c.alias):
        aliases[row.model_number][row.alias] = row.version
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
        row = {"path": str(folder), "workspace": workspace, "removed_ms": now_ms, "emptied_ms": None}
        upsert(connection, removed_artifacts, [row], ["removed_ms", "emptied_ms"])


def _rows(
    connection: Connection, table: Table, owner: Any, owners: Sequence[int], order: Any
) -> Iterator[Row[Any]]:
    for part in chunks(owners):
        query = select(table).where(owner.in_(part)).order_by(order)
        yield from connection.execute(query)
