"""Logins that are under way, in SQL."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, case, delete, func, select, update

from runyard.entities.device import DeviceLogin, DeviceState
from runyard.entities.permission import Scope
from runyard.errors import AlreadyExists, NotFound, TooManyRequests
from runyard.stores.database import Database, insert_if_free
from runyard.stores.metadata.base_devices import DeviceStore
from runyard.stores.metadata.schema_identity import device_logins

_columns = device_logins.c


class SqlDevices(DeviceStore):
    """Keeps them in the table ``device_logins``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_login(self, login: DeviceLogin, at_most: int, at_most_of_client: int) -> None:
        expired = delete(device_logins).where(_columns.expires_ms <= login.created_ms)
        of_client = case((_columns.client == login.client, 1))
        waiting = select(func.count(), func.count(of_client)).select_from(device_logins)
        with self._database.writing() as connection:
            connection.execute(expired)
            of_all, of_this = connection.execute(waiting).one()
            if of_all >= at_most or of_this >= at_most_of_client:
                raise TooManyRequests("Too many machines ask to be logged in just now; try again in a while.")
            if not insert_if_free(connection, device_logins, _row(login)):
                raise AlreadyExists("That code is taken.")

    def find_by_device(self, device_sha256: str) -> DeviceLogin | None:
        return self._find(_columns.device_sha256 == device_sha256)

    def find_by_user_code(self, user_code: str) -> DeviceLogin | None:
        return self._find(_columns.user_code == user_code)

    def update_login(self, login: DeviceLogin) -> None:
        change = update(device_logins).where(_columns.device_sha256 == login.device_sha256)
        with self._database.writing() as connection:
            if connection.execute(change.values(_row(login))).rowcount == 0:
                raise NotFound("There is no such login.")

    def _find(self, which: ColumnElement[bool]) -> DeviceLogin | None:
        query = self._database.locked(select(device_logins).where(which), device_logins)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        scope = None if row["scope"] is None else Scope(row["scope"])
        return DeviceLogin(**{**row, "state": DeviceState(row["state"]), "scope": scope})


def _row(login: DeviceLogin) -> dict[str, Any]:
    scope = None if login.scope is None else login.scope.value
    return {**asdict(login), "state": login.state.value, "scope": scope}
