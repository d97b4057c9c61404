"""Keeps what a search shows of a run as it goes over the wire, so that a page is not put together again.

A document is good for one revision of its run and never corrected: each change of the run counts the
revision up, and whoever reads the run next makes a new one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from runyard.errors import StorageFull, Unavailable
from runyard.stores.database import Database, WriterBusy, chunks
from runyard.stores.metadata.base import RunsFound
from runyard.stores.metadata.base_documents import RunDocumentStore
from runyard.stores.metadata.changed_runs import ChangedRuns
from runyard.stores.metadata.sql_pieces import Engine, Sql
from runyard.stores.prepared import Prepared

KEPT_AT_ONCE = 250
"""Documents of one transaction: other writers wait for some milliseconds at most."""

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
        columns = "SELECT d.run_number, d.revision, d.document FROM"
        with self._database.reading() as connection:
            engine = Engine(connection)
            if engine.is_sqlite:
                numbers = json.dumps(list(found.run_numbers))
                tables = "json_each(?) n CROSS JOIN run_documents d ON d.run_number = n.value"
                rows = engine.rows(Sql(f"{columns} {tables}", (numbers,)))
            else:
                where = "run_documents d WHERE d.run_number = ANY(?)"
                rows = engine.rows(Sql(f"{columns} {where}", (list(found.run_numbers),)))
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
