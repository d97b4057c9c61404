"""The tables of identity: who there is, what they may do, what they prove themselves with, what they did."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Table,
    event,
)

from runyard.stores.column_types import TEXT
from runyard.stores.metadata.schema import tables

principals = Table(
    "principals",
    tables,
    Column("principal_id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False, unique=True),
    Column("kind", TEXT, nullable=False),
    Column("is_administrator", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("disabled_ms", BigInteger),
    Column("email", TEXT, index=True, unique=True),
    Column("description", TEXT),
)

# Whom a provider of identities means by its own name for somebody.
identities = Table(
    "identities",
    tables,
    Column("issuer", TEXT, primary_key=True),
    Column("subject", TEXT, primary_key=True),
    Column("principal_id", TEXT, ForeignKey("principals.principal_id"), nullable=False),
    sqlite_with_rowid=False,
)

group_members = Table(
    "group_members",
    tables,
    Column("group_id", TEXT, ForeignKey("principals.principal_id"), primary_key=True),
    Column("principal_id", TEXT, ForeignKey("principals.principal_id"), primary_key=True),
    # Whether a provider of identities says so; what an administrator said stays whatever it says.
    Column("is_from_provider", Boolean, nullable=False),
    Index(None, "principal_id"),
    sqlite_with_rowid=False,
)

workspace_grants = Table(
    "workspace_grants",
    tables,
    Column("principal_id", TEXT, ForeignKey("principals.principal_id"), primary_key=True),
    Column("workspace", TEXT, ForeignKey("workspaces.name", ondelete="CASCADE"), primary_key=True),
    Column("role", TEXT, nullable=False),
    Column("granted_ms", BigInteger, nullable=False),
    Column("granted_by", TEXT, nullable=False),
    Index(None, "workspace"),
    sqlite_with_rowid=False,
)

experiment_grants = Table(
    "experiment_grants",
    tables,
    Column("principal_id", TEXT, ForeignKey("principals.principal_id"), primary_key=True),
    Column(
        "experiment_id",
        BigInteger,
        ForeignKey("experiments.experiment_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("role", TEXT, nullable=False),
    Column("granted_ms", BigInteger, nullable=False),
    Column("granted_by", TEXT, nullable=False),
    Index(None, "experiment_id"),
    sqlite_with_rowid=False,
)

api_keys = Table(
    "api_keys",
    tables,
    Column("key_id", TEXT, primary_key=True),
    Column("principal_id", TEXT, ForeignKey("principals.principal_id"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("secret_sha256", TEXT, nullable=False),
    Column("scope", TEXT, nullable=False),
    Column("workspace", TEXT, ForeignKey("workspaces.name")),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("revoked_ms", BigInteger),
    Column("kind", TEXT, nullable=False, server_default="key"),
    Column("parent_key_id", TEXT),
    Index(None, "principal_id"),
)

# What a provider of identities calls the session that an API key is, so that it can end it.
provider_sessions = Table(
    "provider_sessions",
    tables,
    Column("key_id", TEXT, ForeignKey("api_keys.key_id", ondelete="CASCADE"), primary_key=True),
    Column("session_sha256", TEXT, nullable=False),
    Index(None, "session_sha256"),
    sqlite_with_rowid=False,
)

# Logout tokens that have come and that a second time would be taken for good.
logout_tokens = Table(
    "logout_tokens",
    tables,
    Column("token_sha256", TEXT, primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

signing_keys = Table(
    "signing_keys",
    tables,
    Column("key_id", TEXT, primary_key=True),
    Column("private_jwk", TEXT, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("retired_ms", BigInteger),
)

installation = Table(
    "installation",
    tables,
    Column("only_row", Integer, primary_key=True),
    Column("server_id", TEXT, nullable=False),
)

device_logins = Table(
    "device_logins",
    tables,
    Column("device_sha256", TEXT, primary_key=True),
    Column("user_code", TEXT, nullable=False, unique=True),
    Column("machine", TEXT, nullable=False),
    Column("client", TEXT, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("principal_id", TEXT, ForeignKey("principals.principal_id")),
    Column("scope", TEXT),
    Column("workspace", TEXT),
    Column("parent_key_id", TEXT),
)

# Rows are added and never changed: triggers see to it, and each hash is made of all rows before it.
audit_entries = Table(
    "audit_entries",
    tables,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("action", TEXT, nullable=False),
    Column("outcome", TEXT, nullable=False),
    Column("caller", TEXT, nullable=False),
    Column("principal_id", TEXT, nullable=False),
    Column("key_id", TEXT, nullable=False),
    Column("client", TEXT, nullable=False),
    Column("workspace", TEXT, nullable=False),
    Column("target", TEXT, nullable=False),
    Column("request_id", TEXT, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("chain_hash", TEXT, nullable=False),
    Index(None, "at_ms"),
    Index(None, "principal_id"),
    Index(None, "workspace"),
)

AUDIT_REFUSAL = "The audit log only grows."
_FUNCTION = (
    "CREATE OR REPLACE FUNCTION audit_entries_only_grow() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$ BEGIN RAISE EXCEPTION '{AUDIT_REFUSAL}'; END $$"
)
AUDIT_GUARDS: dict[str, dict[str, str]] = {
    "sqlite": {
        f"audit_entries_no_{change.lower()}": (
            f"CREATE TRIGGER audit_entries_no_{change.lower()} BEFORE {change} ON audit_entries"
            f" BEGIN SELECT RAISE(ABORT, '{AUDIT_REFUSAL}'); END"
        )
        for change in ("UPDATE", "DELETE")
    },
    "postgresql": {
        "audit_entries_no_change": (
            "CREATE TRIGGER audit_entries_no_change BEFORE UPDATE OR DELETE ON audit_entries"
            " FOR EACH ROW EXECUTE FUNCTION audit_entries_only_grow()"
        ),
        "audit_entries_no_truncate": (
            "CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries"
            " FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_only_grow()"
        ),
    },
}
"""What makes each trigger that keeps the log from being changed, by the engine's and the trigger's name."""


def _make_append_only(_table: Table, connection: Connection, **_more: Any) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_FUNCTION)
    for statement in AUDIT_GUARDS[connection.dialect.name].values():
        connection.exec_driver_sql(statement)


event.listen(audit_entries, "after_create", _make_append_only)
