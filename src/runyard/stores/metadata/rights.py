"""Groups and grants in SQL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    delete,
    exists,
    func,
    null,
    select,
    union_all,
    update,
)

from runyard.entities.credential import EVERYONE, PrincipalKind
from runyard.entities.rights import Grant, Rights, Role
from runyard.errors import NotFound
from runyard.stores.database import Database, insert_missing, upsert
from runyard.stores.metadata.base_rights import RightsStore
from runyard.stores.metadata.schema import REMOVED, experiments, workspaces
from runyard.stores.metadata.schema_identity import (
    experiment_grants,
    group_members,
    principals,
    workspace_grants,
)

_NAMED = ("role", "granted_ms", "granted_by")


class SqlRights(RightsStore):
    """Keeps them in ``group_members``, ``workspace_grants`` and ``experiment_grants``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes = 0

    def changes(self) -> int:
        return self._changes

    def add_member(self, group_id: str, principal_id: str) -> bool:
        known = self.list_members(group_id)
        row = {"group_id": group_id, "principal_id": principal_id, "is_from_provider": False}
        with self._changing() as connection:
            _require(connection, _is(group_id) & (principals.c.kind == PrincipalKind.GROUP.value), "group")
            _require(connection, _is(principal_id), "principal")
            upsert(connection, group_members, [row], ["is_from_provider"])
        return principal_id not in known

    def remove_member(self, group_id: str, principal_id: str) -> bool:
        columns = group_members.c
        gone = delete(group_members).where(columns.group_id == group_id, columns.principal_id == principal_id)
        with self._changing() as connection:
            return connection.execute(gone).rowcount > 0

    def set_groups_from_provider(self, principal_id: str, group_ids: Iterable[str]) -> None:
        columns = group_members.c
        before = delete(group_members).where(columns.principal_id == principal_id, columns.is_from_provider)
        rows = [
            {"group_id": group_id, "principal_id": principal_id, "is_from_provider": True}
            for group_id in group_ids
        ]
        with self._changing() as connection:
            connection.execute(before)
            if rows:
                insert_missing(connection, group_members, rows)

    def list_members(self, group_id: str) -> list[str]:
        query = select(group_members.c.principal_id).where(group_members.c.group_id == group_id)
        with self._database.reading() as connection:
            return list(connection.scalars(query.order_by(group_members.c.principal_id)))

    def list_groups_of(self, principal_id: str) -> list[str]:
        query = select(group_members.c.group_id).where(group_members.c.principal_id == principal_id)
        with self._database.reading() as connection:
            return list(connection.scalars(query.order_by(group_members.c.group_id)))

    def set_grant(self, grant: Grant) -> None:
        row = {**_given(grant), "principal_id": grant.principal_id}
        with self._changing() as connection:
            _require(connection, _is(grant.principal_id), "principal")
            if grant.experiment_id is None:
                _require(connection, workspaces.c.name == grant.workspace, "workspace")
                upsert(connection, workspace_grants, [{**row, "workspace": grant.workspace}], _NAMED)
                return
            _require(connection, _is_experiment(grant.workspace, grant.experiment_id), "experiment")
            row["experiment_id"] = int(grant.experiment_id)
            upsert(connection, experiment_grants, [row], _NAMED)

    def change_grant(self, grant: Grant) -> bool:
        table, is_it = _place(grant.principal_id, grant.workspace, grant.experiment_id)
        with self._changing() as connection:
            return connection.execute(update(table).where(is_it).values(_given(grant))).rowcount > 0

    def remove_grant(self, principal_id: str, workspace: str, experiment_id: str | None) -> bool:
        table, is_it = _place(principal_id, workspace, experiment_id)
        with self._changing() as connection:
            return connection.execute(delete(table).where(is_it)).rowcount > 0

    def list_grants(self, workspace: str) -> list[Grant]:
        return self._list(workspace_grants.c.workspace == workspace, experiments.c.workspace == workspace)

    def list_grants_of(self, principal_id: str) -> list[Grant]:
        return self._list(
            workspace_grants.c.principal_id == principal_id, experiment_grants.c.principal_id == principal_id
        )

    def rights_of(self, principal_id: str) -> Rights:
        holders = _holders(principal_id)
        return _summed(
            self._list(
                workspace_grants.c.principal_id.in_(holders), experiment_grants.c.principal_id.in_(holders)
            )
        )

    def _list(self, of_workspaces: ColumnElement[bool], of_experiments: ColumnElement[bool]) -> list[Grant]:
        given = workspace_grants.c
        whole = select(
            given.principal_id, given.role, given.workspace, null(), given.granted_ms, given.granted_by
        )
        own = experiment_grants.c
        single = select(
            own.principal_id,
            own.role,
            experiments.c.workspace,
            own.experiment_id,
            own.granted_ms,
            own.granted_by,
        ).join(experiments, experiments.c.experiment_id == own.experiment_id)
        single = single.where(experiments.c.lifecycle_stage != REMOVED)
        with self._database.reading() as connection:
            rows = connection.execute(
                union_all(whole.where(of_workspaces), single.where(of_experiments))
            ).all()
        return sorted(map(_grant, rows), key=lambda grant: (grant.workspace, int(grant.experiment_id or -1)))

    @contextlib.contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self._database.writing() as connection:
            self._database.after_commit(self._note_change)
            yield connection

    def _note_change(self) -> None:
        self._changes += 1


def _holders(principal_id: str) -> Select[tuple[str]]:
    """Whose grants somebody has: their own, those of their groups and, of a person, those of everyone."""
    own = select(principals.c.principal_id).where(_is(principal_id))
    group = principals.alias("of_group")
    groups = (
        select(group_members.c.group_id)
        .join(group, group.c.principal_id == group_members.c.group_id)
        .where(group_members.c.principal_id == principal_id, group.c.disabled_ms.is_(None))
    )
    is_person = exists().where(_is(principal_id), principals.c.kind == PrincipalKind.PERSON.value)
    everyone = select(group.c.principal_id).where(
        group.c.principal_id == EVERYONE, group.c.disabled_ms.is_(None), is_person
    )
    found = union_all(own, groups, everyone).subquery()
    return select(found.c[0])


def _summed(grants: Iterable[Grant]) -> Rights:
    """Return what grants come to: of several at one place the widest."""
    whole: dict[str, Role] = {}
    single: dict[str, dict[str, Role]] = {}
    for grant in grants:
        place = whole if grant.experiment_id is None else single.setdefault(grant.workspace, {})
        where = grant.workspace if grant.experiment_id is None else grant.experiment_id
        place[where] = max(place.get(where, grant.role), grant.role, key=lambda role: role.permission)
    return Rights(whole, single)


def _grant(row: Row[Any]) -> Grant:
    principal_id, role, workspace, experiment_id, granted_ms, granted_by = tuple(row)
    return Grant(
        principal_id=principal_id,
        role=Role(role),
        workspace=workspace,
        experiment_id=None if experiment_id is None else str(experiment_id),
        granted_ms=granted_ms,
        granted_by=granted_by,
    )


def _given(grant: Grant) -> dict[str, object]:
    return {"role": grant.role.value, "granted_ms": grant.granted_ms, "granted_by": grant.granted_by}


def _place(principal_id: str, workspace: str, experiment_id: str | None) -> tuple[Table, ColumnElement[bool]]:
    """Return where the grant of a principal at a place is kept, and which row it is."""
    if experiment_id is None:
        whole = workspace_grants.c
        return workspace_grants, (whole.workspace == workspace) & (whole.principal_id == principal_id)
    single = experiment_grants.c
    there = select(experiments.c.experiment_id).where(_is_experiment(workspace, experiment_id))
    return experiment_grants, (single.principal_id == principal_id) & single.experiment_id.in_(there)


def _is(principal_id: str) -> ColumnElement[bool]:
    return principals.c.principal_id == principal_id


def _is_experiment(workspace: str, experiment_id: str) -> ColumnElement[bool]:
    columns = experiments.c
    is_there = columns.lifecycle_stage != REMOVED
    return (columns.workspace == workspace) & (columns.experiment_id == int(experiment_id)) & is_there


def _require(connection: Connection, which: ColumnElement[bool], noun: str) -> None:
    if connection.execute(select(func.count()).where(which)).scalar_one() == 0:
        raise NotFound(f"There is no such {noun}.")
