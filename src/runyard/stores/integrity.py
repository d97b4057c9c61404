"""Whether a database is whole: its file, what its rows refer to, and its documents.

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
from runyard.stores.metadata.schema import experiments, run_documents, runs, tables, workspaces
from runyard.stores.sqlite import SqliteDatabase

RESTORE = "Restore the last backup that was good, and look after the disk."
REBUILT = "It is rebuilt on the next search once it is gone: DELETE FROM run_documents WHERE run_number = {}."


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


def _is_document(document: bytes) -> bool:
    try:
        return isinstance(json.loads(zstandard.decompress(memoryview(document)[1:])), dict)
    except (zstandard.ZstdError, ValueError):
        return False
