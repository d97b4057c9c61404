"""Whether the database still keeps the audit log's entries from being changed."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from runyard.stores.metadata.schema_identity import AUDIT_GUARDS, AUDIT_REFUSAL, audit_entries

_TABLE = audit_entries.name
_OF_SQLITE = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{_TABLE}'"
# A trigger that is switched off is none; nor is one whose function does something else by now, or that other
# changes fire (the numbers are PostgreSQL's bits: BEFORE with UPDATE and DELETE of a row, and TRUNCATE).
_OF_POSTGRESQL = (
    "SELECT tgname, CASE WHEN tgenabled IN ('O', 'A') AND btrim(prosrc) = %(body)s"
    " AND tgtype IN (27, 34) AND tgqual IS NULL AND tgattr::text = '' THEN 'good' END"
    " FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
    f" WHERE tgrelid = '{_TABLE}'::regclass AND NOT tgisinternal"
    f" UNION ALL SELECT rulename, NULL FROM pg_rules WHERE tablename = '{_TABLE}'"
    " AND schemaname = current_schema()"
)


def lost_guards(connection: Connection) -> list[str]:
    """Return the names of triggers on the audit log that are gone, changed or somebody else's."""
    if connection.dialect.name == "sqlite":
        found = _pairs(connection, _OF_SQLITE)
        made: Mapping[str, str] = AUDIT_GUARDS["sqlite"]
    else:
        found = _pairs(connection, _OF_POSTGRESQL, {"body": f"BEGIN RAISE EXCEPTION '{AUDIT_REFUSAL}'; END"})
        made = dict.fromkeys(AUDIT_GUARDS["postgresql"], "good")
    return sorted(name for name in {*made, *found} if found.get(name) != made.get(name, ""))


def _pairs(
    connection: Connection, query: str, values: Mapping[str, str] | None = None
) -> dict[str, str | None]:
    return {str(name): text for name, text in connection.exec_driver_sql(query, values or {})}
