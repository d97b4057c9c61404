"""Keeps what a search shows of a run as it goes over the wire, so that a page is not put together again.

A document is good for one revision of its run and never corrected: each change of the run counts the
revision up, and whoever reads the run next makes a new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from runyard.errors import StorageFull, Unavailable
from runyard.stores.database import Database, WriterBusy, chunks
from runyard.stores.metadata.base import RunsFound
from runyard.stores.metadata.base_documents import RunDocumentStore
from runyard.stores.metadata.changed_runs import ChangedRuns
from runyard.stores.metadata.sql_pieces import Engine, Row, Sql
from runyard.stores.prepared import Prepared

KEPT_AT_ONCE = 250
"""Documents of one transaction: other writers wait for some milliseconds at most."""

READ_AT_ONCE = 250
"""Documents that SQLite joins to one value; a value may have a billion bytes."""

# The run may have changed or gone since the document was made: then there is no row to take the number from.
_KEEP = Prepared(
    "INSERT INTO run_documents (run_number, revision, document)"
    " SELECT run_number, revision, :document FROM runs"
    " WHERE run_number = :run_number AND revision = :revision"
    " ON CONFLICT (run_number) DO UPDATE SET revision = excluded.revision, document = excluded.document"
)


class SqlRunDocuments(RunDocumentStore):
    """Keeps documents in the table ``run_documents``.

    Args:
        database: Where the table is.
        changed: What is noted by the store of runs.
    """

    def __init__(self, database: Database, changed: ChangedRuns) -> None:
        self._database = database
        self._changed = changed

    def read(self, found: RunsFound) -> dict[int, bytes]:
        revisions = dict(zip(found.run_numbers, found.revisions, strict=True))
        with self._database.reading() as connection:
            engine = Engine(connection)
            if engine.is_sqlite:
                rows = [
                    row for part in chunks(found.run_numbers, READ_AT_ONCE) for row in _joined(engine, part)
                ]
            else:
                columns = "SELECT d.run_number, d.revision, d.document FROM run_documents d"
                rows = engine.rows(Sql(f"{columns} WHERE d.run_number = ANY(?)", (list(found.run_numbers),)))
        return {row[0]: row[2] for row in rows if row[1] == revisions[row[0]]}

    def keep(self, documents: Mapping[int, tuple[int, bytes]], wait: bool = False) -> bool:
        rows = [
            {"run_number": run_number, "revision": revision, "document": document}
            for run_number, (revision, document) in sorted(documents.items())
        ]
        try:
            for part in chunks(rows, KEPT_AT_ONCE):
                with self._database.writing(wait) as connection:
                    _KEEP.run_many(connection, part)
        except (WriterBusy, StorageFull, Unavailable):
            return False
        return True

    def take_quiet(self, quiet_s: float, limit: int) -> list[int]:
        return self._changed.take(quiet_s, limit)


def _joined(engine: Engine, run_numbers: Sequence[int]) -> Iterator[Row]:
    """Yield number, revision and document of runs, read as one row.

    The driver gives the interpreter up at each row, and where a request is being answered beside it waits for
    it each time: for a page of runs that was most of what a search took.
    """
    # SQLite takes a blob as it is for a text here, zeros and all.
    query = Sql(
        "SELECT json_group_array(json_array(d.run_number, d.revision, length(d.document))),"
        " CAST(group_concat(d.document, '') AS BLOB)"
        " FROM json_each(?) n CROSS JOIN run_documents d ON d.run_number = n.value",
        (json.dumps(list(run_numbers)),),
    )
    said, joined = engine.rows(query)[0]
    start = 0
    for number, revision, length in json.loads(said):
        yield number, revision, joined[start : start + length]
        start += length
