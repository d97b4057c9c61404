"""Whether a database is whole: its file, what its rows refer to, its documents, and its notes of removals.

Nothing here changes anything, and each check sees one state of the database, so that a server may go on
beside it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import zstandard
from sqlalchemy import ForeignKeyConstraint, and_, exists, func, or_, select
from sqlalchemy.exc import DatabaseError

from runyard.stores.database import Database
from runyard.stores.metadata.packed_documents import EARLIER, is_current, unpack_documents
from runyard.stores.metadata.schema import (
    REMOVED,
    experiments,
    logged_models,
    removed_artifacts,
    run_documents,
    runs,
    tables,
    workspaces,
)
from runyard.stores.metadata.schema_evaluation import evaluation_dataset_records, evaluation_datasets
from runyard.stores.sqlite import SqliteDatabase

RESTORE = "Restore the last backup that was good, and look after the disk."
NOT_REMOVED = (
    "Take the note back, for uploads there are refused: DELETE FROM removed_artifacts WHERE path = '{}'."
)
DISTRUSTED = "Run no `runyard gc` before a good backup is restored: it would delete that folder."
REBUILT = "It is rebuilt on the next search once it is gone: DELETE FROM run_documents WHERE run_number = {}."

COUNTED = "It is counted anew when its records change: merge one into it that it has already."


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it should be.

    Args:
        where: What it is about: a table, a run, a metric of a run.
        what: What is wrong.
        advice: What to do about it.
    """

    where: str
    what: str
    advice: str


def as_far_as_it_goes(name: str, faults: Iterable[Fault]) -> Iterator[Fault]:
    """Yield what a check finds; if the database gives way under it, that is what it has found."""
    try:
        yield from faults
    except (DatabaseError, sqlite3.DatabaseError) as error:
        cause = error.orig if isinstance(error, DatabaseError) else error
        yield Fault(name, f"the check could not go on: {cause}", RESTORE)


def check_file(database: Database) -> Iterator[Fault]:
    """Yield what SQLite's own check of its pages and indexes finds; PostgreSQL looks after its own."""
    if not isinstance(database, SqliteDatabase):
        return
    with database.reading() as connection:
        found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    for line in found:
        if line != "ok":
            yield Fault("database file", line, RESTORE)


def check_references(database: Database) -> Iterator[Fault]:
    """Yield each kind of reference that leads from some rows to none."""
    for table in tables.sorted_tables:
        for constraint in sorted(table.foreign_key_constraints, key=lambda each: str(each.name)):
            yield from _check_reference(database, constraint)
    default = workspaces.c.default_experiment_id == experiments.c.experiment_id
    with database.reading() as connection:
        query = select(workspaces.c.name).where(~exists().where(default))
        for name in connection.scalars(query):
            yield Fault(f"workspace {name}", "its experiment Default is not there", RESTORE)


def _check_reference(database: Database, constraint: ForeignKeyConstraint) -> Iterator[Fault]:
    parent = constraint.referred_table.alias()
    pairs = [(element.parent, parent.c[element.column.name]) for element in constraint.elements]
    is_met = exists().where(and_(*(there == here for here, there in pairs)))
    names = ", ".join(here.name for here, _ in pairs)
    query = (
        select(func.count())
        .select_from(constraint.table)
        .where(~is_met, ~or_(*(here.is_(None) for here, _ in pairs)))
    )
    with database.reading() as connection:
        count = connection.scalar(query)
    if count:
        what = f"{count} rows name a {names} that {constraint.referred_table.name} does not hold"
        yield Fault(f"table {constraint.table.name}", what, RESTORE)


def check_documents(database: Database) -> Iterator[Fault]:
    """Yield the kept documents of runs that can't be read, or that are newer than their run."""
    query = (
        select(runs.c.run_id, runs.c.revision, run_documents)
        .join(runs, runs.c.run_number == run_documents.c.run_number)
        .execution_options(yield_per=500)
    )
    with database.reading() as connection:
        for run_id, revision, run_number, own_revision, document in connection.execute(query):
            if own_revision > revision:
                what = f"its document is of revision {own_revision}, the run of {revision}"
            elif not _is_document(document):
                what = "its document can't be read"
            else:
                continue
            yield Fault(f"run {run_id}", what, REBUILT.format(run_number))


def check_evaluation_datasets(database: Database) -> Iterator[Fault]:
    """Yield the evaluation datasets that say another number of records than they have."""
    columns, records = evaluation_datasets.c, evaluation_dataset_records.c
    counted = select(func.count()).where(records.dataset_id == columns.dataset_id).scalar_subquery()
    query = select(columns.dataset_id, columns.record_count, counted).where(columns.record_count != counted)
    with database.reading() as connection:
        for dataset_id, said, count in connection.execute(query):
            what = f"it has {count} records and says {said}"
            yield Fault(f"evaluation dataset {dataset_id}", what, COUNTED)


def check_removals(database: Database) -> Iterator[Fault]:
    """Yield the notes of removed artifacts that lead out of their workspace, or to what is not removed."""
    columns = removed_artifacts.c
    with database.reading() as connection:
        noted = select(columns.path, columns.workspace).execution_options(yield_per=500)
        for path, workspace in connection.execute(noted):
            if not _is_within(path, workspace):
                what = f"it lies in workspace {workspace}, and the folder does not"
                yield Fault(f"removed folder {path}", what, DISTRUSTED)
    for table, key in ((runs, runs.c.run_id), (logged_models, logged_models.c.model_id)):
        folder = experiments.c.workspace + func.replace(table.c.artifact_uri, "mlflow-artifacts:/", "/")
        query = (
            select(columns.path, key)
            .join(experiments, experiments.c.workspace == columns.workspace)
            .join(table, and_(table.c.experiment_id == experiments.c.experiment_id, folder == columns.path))
            .where(table.c.lifecycle_stage != REMOVED, experiments.c.lifecycle_stage != REMOVED)
        )
        with database.reading() as connection:
            for path, owner in connection.execute(query):
                what = f"{table.name[:-1].replace('_', ' ')} {owner} is there and keeps its artifacts in it"
                yield Fault(f"removed folder {path}", what, NOT_REMOVED.format(path))


def _is_within(path: str, workspace: str) -> bool:
    first, *others = path.split("/")
    return first == workspace and bool(others) and not {"", ".", ".."}.intersection(others)


def _is_document(document: bytes) -> bool:
    if document[:1] in EARLIER:
        return True  # nobody reads it
    if not is_current(document):
        return False
    try:
        ((_, body),) = unpack_documents([(0, document)])
        return isinstance(json.loads(body), dict)
    except (zstandard.ZstdError, ValueError):
        return False
