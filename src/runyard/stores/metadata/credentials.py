"""Principals, API keys and signing keys in SQL."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, func, select, update

from runyard.entities.credential import ApiKey, KeyKind, Principal, PrincipalKind, SigningKey
from runyard.entities.permission import Scope
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.database import Database, insert_if_free, insert_missing
from runyard.stores.metadata.base_credentials import CredentialStore
from runyard.stores.metadata.schema import workspaces
from runyard.stores.metadata.schema_identity import (
    api_keys,
    identities,
    installation,
    principals,
    signing_keys,
)


class SqlCredentials(CredentialStore):
    """Keeps them in the tables ``principals``, ``api_keys``, ``signing_keys`` and ``installation``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes = 0

    def changes(self) -> int:
        return self._changes

    def server_id(self) -> str:
        with self._database.reading() as connection:
            known: str | None = connection.scalar(select(installation.c.server_id))
        if known is not None:
            return known
        with self._database.writing() as connection:
            insert_missing(connection, installation, [{"only_row": 1, "server_id": str(uuid.uuid4())}])
            made: str = connection.execute(select(installation.c.server_id)).scalar_one()
        return made

    def add_principal(self, principal: Principal) -> None:
        values = {
            "principal_id": principal.principal_id,
            "kind": principal.kind.value,
            **_changing(principal),
        }
        values["created_ms"] = principal.created_ms
        with self._database.writing() as connection:
            if not insert_if_free(connection, principals, values):
                raise _taken(principal)

    def find_principal(self, principal_id: str) -> Principal | None:
        return self._find_principal(principals.c.principal_id == principal_id)

    def find_principal_by_name(self, name: str) -> Principal | None:
        return self._find_principal(principals.c.name == name)

    def list_principals(self) -> list[Principal]:
        with self._database.reading() as connection:
            rows = connection.execute(select(principals).order_by(principals.c.name)).mappings()
            return [_principal(row) for row in rows]

    def update_principal(self, principal: Principal) -> None:
        is_taken = principals.c.name == principal.name
        if principal.email is not None:
            is_taken |= principals.c.email == principal.email
        others = select(func.count()).where(principals.c.principal_id != principal.principal_id, is_taken)
        change = update(principals).where(principals.c.principal_id == principal.principal_id)
        with self._database.writing() as connection:
            if connection.execute(others).scalar_one():
                raise _taken(principal)
            if connection.execute(change.values(_changing(principal))).rowcount == 0:
                raise NotFound("There is no such principal.")
            self._database.after_commit(self._note_change)

    def find_identity(self, issuer: str, subject: str) -> Principal | None:
        meant = select(identities.c.principal_id).where(
            identities.c.issuer == issuer, identities.c.subject == subject
        )
        return self._find_principal(principals.c.principal_id == meant.scalar_subquery())

    def has_identity(self, issuer: str, principal_id: str) -> bool:
        which = (identities.c.issuer == issuer) & (identities.c.principal_id == principal_id)
        return self._find(identities, which) is not None

    def add_identity(self, issuer: str, subject: str, principal_id: str) -> None:
        values = {"issuer": issuer, "subject": subject, "principal_id": principal_id}
        with self._database.writing() as connection:
            _insert(connection, identities, values, f"{issuer} means somebody by '{subject}' already.")

    def has_administrator(self) -> bool:
        active = select(func.count()).where(principals.c.is_administrator, principals.c.disabled_ms.is_(None))
        with self._database.reading() as connection:
            return bool(connection.scalar(active))

    def add_api_key(self, key: ApiKey) -> None:
        values = {
            "key_id": key.key_id,
            "principal_id": key.principal_id,
            "name": key.name,
            "secret_sha256": key.secret_sha256,
            "scope": key.scope.value,
            "workspace": key.workspace,
            "created_ms": key.created_ms,
            "expires_ms": key.expires_ms,
            "revoked_ms": key.revoked_ms,
            "kind": key.kind.value,
            "parent_key_id": key.parent_key_id,
        }
        with self._database.writing() as connection:
            _require(connection, principals.c.principal_id == key.principal_id, "principal")
            if key.workspace is not None:
                _require(connection, workspaces.c.name == key.workspace, f"workspace '{key.workspace}'")
            _insert(connection, api_keys, values, f"An API key '{key.key_id}' already exists.")

    def find_api_key(self, key_id: str) -> ApiKey | None:
        row = self._find(api_keys, api_keys.c.key_id == key_id)
        return None if row is None else _api_key(row)

    def list_api_keys(self, principal_id: str | None = None) -> list[ApiKey]:
        query = select(api_keys).order_by(api_keys.c.created_ms.desc(), api_keys.c.key_id)
        if principal_id is not None:
            query = query.where(api_keys.c.principal_id == principal_id)
        with self._database.reading() as connection:
            return [_api_key(row) for row in connection.execute(query).mappings()]

    def revoke_api_key(self, key_id: str, now_ms: int) -> None:
        with self._database.writing() as connection:
            _end(connection, api_keys.c.key_id == key_id, api_keys, "revoked_ms", now_ms)
            self._database.after_commit(self._note_change)

    def add_signing_key(self, key: SigningKey) -> None:
        values = {
            "key_id": key.key_id,
            "private_jwk": key.private_jwk,
            "created_ms": key.created_ms,
            "retired_ms": key.retired_ms,
        }
        with self._database.writing() as connection:
            _insert(connection, signing_keys, values, f"A signing key '{key.key_id}' already exists.")

    def list_signing_keys(self) -> list[SigningKey]:
        query = select(signing_keys).order_by(signing_keys.c.created_ms.desc(), signing_keys.c.key_id)
        with self._database.reading() as connection:
            return [SigningKey(**row) for row in connection.execute(query).mappings()]

    def retire_signing_key(self, key_id: str, now_ms: int) -> None:
        with self._database.writing() as connection:
            _end(connection, signing_keys.c.key_id == key_id, signing_keys, "retired_ms", now_ms)
            self._database.after_commit(self._note_change)

    def _note_change(self) -> None:
        self._changes += 1

    def _find_principal(self, which: ColumnElement[bool]) -> Principal | None:
        row = self._find(principals, which)
        return None if row is None else _principal(row)

    def _find(self, table: Table, which: ColumnElement[bool]) -> RowMapping | None:
        with self._database.reading() as connection:
            return connection.execute(select(table).where(which)).mappings().first()


def _insert(connection: Connection, table: Table, values: Mapping[str, object], if_taken: str) -> None:
    if not insert_if_free(connection, table, values):
        raise AlreadyExists(if_taken)


def _require(connection: Connection, which: ColumnElement[bool], noun: str) -> None:
    if connection.execute(select(func.count()).where(which)).scalar_one() == 0:
        raise NotFound(f"The {noun} of the API key does not exist.")


def _end(connection: Connection, which: ColumnElement[bool], table: Table, column: str, now_ms: int) -> None:
    first_time = func.coalesce(table.c[column], now_ms)
    if connection.execute(update(table).where(which).values({column: first_time})).rowcount == 0:
        raise NotFound(f"There is no such row in {table.name.replace('_', ' ')}.")


def _changing(principal: Principal) -> dict[str, object]:
    return {
        "name": principal.name,
        "email": principal.email,
        "is_administrator": principal.is_administrator,
        "disabled_ms": principal.disabled_ms,
        "description": principal.description,
    }


def _taken(principal: Principal) -> AlreadyExists:
    also = f", or one with the email address '{principal.email}'," if principal.email else ""
    return AlreadyExists(f"A principal named '{principal.name}'{also} already exists.")


def _principal(row: RowMapping) -> Principal:
    return Principal(
        principal_id=row["principal_id"],
        name=row["name"],
        kind=PrincipalKind(row["kind"]),
        is_administrator=row["is_administrator"],
        created_ms=row["created_ms"],
        disabled_ms=row["disabled_ms"],
        email=row["email"],
        description=row["description"],
    )


def _api_key(row: RowMapping) -> ApiKey:
    return ApiKey(
        key_id=row["key_id"],
        principal_id=row["principal_id"],
        name=row["name"],
        secret_sha256=row["secret_sha256"],
        scope=Scope(row["scope"]),
        workspace=row["workspace"],
        created_ms=row["created_ms"],
        expires_ms=row["expires_ms"],
        revoked_ms=row["revoked_ms"],
        kind=KeyKind(row["kind"]),
        parent_key_id=row["parent_key_id"],
    )
