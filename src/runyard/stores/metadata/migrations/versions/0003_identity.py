"""People, services and groups get roles; what they do is written down for good."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_REFUSED = "The audit log only grows."
_APPEND_ONLY = {
    "sqlite": tuple(
        f"CREATE TRIGGER audit_entries_no_{change.lower()} BEFORE {change} ON audit_entries"
        f" BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
        for change in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION audit_entries_only_grow() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$",
        "CREATE TRIGGER audit_entries_no_change BEFORE UPDATE OR DELETE ON audit_entries"
        " FOR EACH ROW EXECUTE FUNCTION audit_entries_only_grow()",
        "CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_only_grow()",
    ),
}


def upgrade() -> None:
    """Widen what is there, and make the tables of identity."""
    op.add_column("principals", sa.Column("email", sa.Text(), nullable=True))
    op.create_index(op.f("ix_principals_email"), "principals", ["email"], unique=True)
    op.add_column("api_keys", sa.Column("kind", sa.Text(), server_default="key", nullable=False))
    op.add_column("api_keys", sa.Column("parent_key_id", sa.Text(), nullable=True))
    _make_identities()
    _make_members()
    _make_grants()
    _make_audit()


def _of_principal(table: str, column: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], ["principals.principal_id"], name=name)


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _make_identities() -> None:
    op.create_table(
        "identities",
        *_text("issuer", "subject", "principal_id"),
        _of_principal("identities", "principal_id"),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identities")),
        sqlite_with_rowid=False,
    )


def _make_members() -> None:
    op.create_table(
        "group_members",
        *_text("group_id", "principal_id"),
        sa.Column("is_from_provider", sa.Boolean(), nullable=False),
        _of_principal("group_members", "group_id"),
        _of_principal("group_members", "principal_id"),
        sa.PrimaryKeyConstraint("group_id", "principal_id", name=op.f("pk_group_members")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_group_members_principal_id"), "group_members", ["principal_id"])


def _make_grants() -> None:
    places = (
        ("workspace_grants", "workspace", "workspaces.name", sa.Text()),
        ("experiment_grants", "experiment_id", "experiments.experiment_id", sa.BigInteger()),
    )
    for table, column, target, kind in places:
        op.create_table(
            table,
            *_text("principal_id"),
            sa.Column(column, kind, nullable=False),
            *_text("role"),
            sa.Column("granted_ms", sa.BigInteger(), nullable=False),
            *_text("granted_by"),
            _of_principal(table, "principal_id"),
            sa.ForeignKeyConstraint(
                [column], [target], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE"
            ),
            sa.PrimaryKeyConstraint("principal_id", column, name=op.f(f"pk_{table}")),
            sqlite_with_rowid=False,
        )
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def _make_audit() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        *_text("action", "outcome", "caller", "principal_id", "key_id", "client", "workspace", "target"),
        *_text("request_id"),
        sa.Column("count", sa.BigInteger(), nullable=False),
        *_text("chain_hash"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_entries")),
    )
    for column in ("at_ms", "principal_id", "workspace"):
        op.create_index(op.f(f"ix_audit_entries_{column}"), "audit_entries", [column])
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)
