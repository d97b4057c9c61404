"""What still needs a folder whose owner was removed: artifacts are never deleted from under the living.

The artifacts of a run lie in a folder of the run's own, so nothing should need it but the run. Yet an
experiment may be created with any folder of its workspace as its location, one within a run's among them.

Whatever else comes to name artifacts has its question here. A version of a registered model does: it says
which run or logged model it was made from, and while it lives, the folder that it names stays. So does what
was uploaded for a data asset, which several versions may share.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, ColumnElement, Connection, and_, or_, select

from runyard.entities.trash import Trashed, TrashKind
from runyard.errors import InvalidParameter
from runyard.stores.artifacts.paths import ArtifactPath, proxied_path
from runyard.stores.metadata.base_trash import Claims
from runyard.stores.metadata.schema import REMOVED, experiments, logged_models, runs
from runyard.stores.metadata.schema_assets import data_asset_folders
from runyard.stores.metadata.schema_registry import model_versions

_AFTER_SLASH = "0"  # the next character: what lies below a folder comes before it and behind the slash


def find_claims(connection: Connection, path: ArtifactPath, without: Trashed | None = None) -> Claims:
    """Return what needs the folder at ``path``, which begins with the workspace, or something in it.

    Args:
        connection: To ask by.
        path: Where the folder is.
        without: The folder's owner, if that is still there; what lies in it keeps its own artifacts.
    """
    workspace = path.segments[0]
    folder = ArtifactPath(path.segments[1:])
    places = [
        *_of_experiments(connection, workspace, without),
        *_of_others(connection, workspace, folder, without),
        *_of_versions(connection, workspace, folder),
        *_of_data_assets(connection, workspace, folder),
    ]
    if without is not None and without.kind is TrashKind.EXPERIMENT:
        places += _of_contents(connection, without)
    is_inside = any(is_owned and _lies_in(folder, place) for place, is_owned in places)
    kept = {place.segments for place, _ in places if _lies_in(place, folder)}
    return Claims(is_inside, [ArtifactPath((workspace, *segments)) for segments in sorted(kept)])


def is_within_a_living_owner(connection: Connection, path: ArtifactPath) -> bool:
    """Whether the folder at ``path``, which begins with the workspace, is a run's or a logged model's."""
    workspace, folder = path.segments[0], ArtifactPath(path.segments[1:])
    return any(_lies_in(folder, place) for place, _ in _of_others(connection, workspace, folder, None))


def _of_versions(
    connection: Connection, workspace: str, folder: ArtifactPath
) -> Iterator[tuple[ArtifactPath, bool]]:
    """Yield what versions of registered models keep within the folder, or around it."""
    named = _named_folders(model_versions.c.kept_at, folder)
    query = select(model_versions.c.kept_at).where(model_versions.c.workspace == workspace, named)
    for kept_at in connection.scalars(query.distinct()):
        yield ArtifactPath(tuple(kept_at.split("/"))), True


def _of_data_assets(
    connection: Connection, workspace: str, folder: ArtifactPath
) -> Iterator[tuple[ArtifactPath, bool]]:
    """Yield what versions of data assets keep within the folder, or around it."""
    named = _named_folders(data_asset_folders.c.kept_at, folder)
    query = select(data_asset_folders.c.kept_at).where(data_asset_folders.c.workspace == workspace, named)
    for kept_at in connection.scalars(query.distinct()):
        yield ArtifactPath(tuple(kept_at.split("/"))), True


def _named_folders(column: Column[str], folder: ArtifactPath) -> ColumnElement[bool]:
    """Return the condition that a column names a folder within another one, or around it."""
    above = folder.segments
    around = ["/".join(above[:end]) for end in range(1, len(above) + 1)]
    within = (
        and_(column > f"{folder}/", column < f"{folder}{_AFTER_SLASH}") if folder.segments else column != ""
    )
    return or_(column.in_(around), within)


def _of_experiments(
    connection: Connection, workspace: str, without: Trashed | None
) -> Iterator[tuple[ArtifactPath, bool]]:
    """Yield where experiments keep what lies in them; files beside that are nobody's."""
    query = select(experiments.c.artifact_location).where(
        experiments.c.workspace == workspace, experiments.c.lifecycle_stage != REMOVED
    )
    if without is not None and without.kind is TrashKind.EXPERIMENT:
        query = query.where(experiments.c.experiment_id != int(without.item_id))
    for location in connection.scalars(query):
        place = _place(location)
        if place is not None:
            yield place, False


def _of_others(
    connection: Connection, workspace: str, folder: ArtifactPath, without: Trashed | None
) -> Iterator[tuple[ArtifactPath, bool]]:
    """Yield the artifacts of the runs and models whose ids the folder has among its names.

    Others can't be near it: their folders have their own ids as names, below their experiment's location.
    """
    for table, name in ((runs, "run_id"), (logged_models, "model_id")):
        query = (
            select(table.c.artifact_uri)
            .join(experiments, experiments.c.experiment_id == table.c.experiment_id)
            .where(
                table.c[name].in_(folder.segments),
                table.c.lifecycle_stage != REMOVED,
                experiments.c.lifecycle_stage != REMOVED,
                experiments.c.workspace == workspace,
            )
        )
        if without is not None:
            query = query.where(table.c[name] != without.item_id)
        for uri in connection.scalars(query):
            place = _place(uri)
            if place is not None:
                yield place, True


def _of_contents(connection: Connection, experiment: Trashed) -> Iterator[tuple[ArtifactPath, bool]]:
    for table in (runs, logged_models):
        query = select(table.c.artifact_uri).where(table.c.experiment_id == int(experiment.item_id))
        for uri in connection.scalars(query):
            place = _place(uri)
            if place is not None:
                yield place, False


def _place(uri: str) -> ArtifactPath | None:
    try:
        return proxied_path(uri)
    except InvalidParameter:  # what a release took that this one would refuse
        return None


def _lies_in(place: ArtifactPath, folder: ArtifactPath) -> bool:
    """Whether ``place`` is ``folder`` or below it."""
    return place.segments[: len(folder.segments)] == folder.segments
