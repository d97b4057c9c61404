"""Sweeps and their trials in SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import Row, Select, func, insert, select, text, update

from runyard.decoding import learnt
from runyard.entities.sweep import Sweep, SweepSpec, SweepStatus, Trial, TrialStatus, Value
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.database import Database
from runyard.stores.metadata.base_sweeps import SweepSearch, SweepStore
from runyard.stores.metadata.schema import runs
from runyard.stores.metadata.schema_sweeps import IS_RUNNING, sweeps, trials

_CHANGEABLE = frozenset({"status", "ended_ms", "closed_ms", "closed_as", "reason"})
_CHANGEABLE_OF_TRIAL = frozenset({"status", "value", "is_stopped"})


class SqlSweeps(SweepStore):
    """Keeps sweeps in the table ``sweeps`` and trials in ``trials``, specs and parameters as JSON."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_sweep(self, sweep: Sweep) -> None:
        with self._database.writing() as connection:
            number = connection.scalar(select(runs.c.run_number).where(runs.c.run_id == sweep.run_id))
            if number is None:
                raise NotFound(f"Run with id={sweep.run_id} not found")
            if connection.scalar(select(sweeps.c.run_id).where(sweeps.c.run_number == number)) is not None:
                raise AlreadyExists(f"Run {sweep.run_id} has a sweep.")
            connection.execute(insert(sweeps), {"run_number": number, **_row(sweep)})

    def find_sweep(self, run_id: str) -> Sweep | None:
        query = self._database.locked(select(sweeps).where(sweeps.c.run_id == run_id), sweeps)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _sweep(row)

    def search_sweeps(self, search: SweepSearch) -> list[Sweep]:
        query = select(sweeps).where(sweeps.c.workspace == search.workspace)
        if search.experiment_ids is not None:
            query = query.where(sweeps.c.experiment_id.in_([int(each) for each in search.experiment_ids]))
        query = query.order_by(sweeps.c.submitted_ms.desc(), sweeps.c.run_number.desc())
        return self._all(query.limit(search.limit).offset(search.offset))

    def list_running(self) -> list[Sweep]:
        query = select(sweeps).where(text(IS_RUNNING))
        return self._all(query.order_by(sweeps.c.submitted_ms, sweeps.c.run_number))

    def update_sweep(self, run_id: str, **changes: Any) -> None:
        _check(changes, _CHANGEABLE)
        with self._database.writing() as connection:
            changed = connection.execute(
                update(sweeps).where(sweeps.c.run_id == run_id).values(_plain(changes))
            )
            if not changed.rowcount:
                raise NotFound(f"There is no sweep {run_id}.")

    def add_trial(self, trial: Trial) -> None:
        with self._database.writing() as connection:
            number = connection.scalar(select(sweeps.c.run_number).where(sweeps.c.run_id == trial.sweep_id))
            if number is None:
                raise NotFound(f"There is no sweep {trial.sweep_id}.")
            is_it = (trials.c.sweep_number == number) & (trials.c.number == trial.number)
            if connection.scalar(select(trials.c.number).where(is_it)) is not None:
                raise AlreadyExists(f"Sweep {trial.sweep_id} has a trial {trial.number}.")
            row = {
                "sweep_number": number,
                "number": trial.number,
                "run_id": trial.run_id,
                "parameters": msgspec.json.encode(trial.values).decode(),
                "status": trial.status.value,
                "value": trial.value,
                "is_stopped": trial.is_stopped,
            }
            connection.execute(insert(trials), row)

    def list_trials(self, sweep_id: str, limit: int | None = None, offset: int = 0) -> list[Trial]:
        query = select(trials).join(sweeps).where(sweeps.c.run_id == sweep_id).order_by(trials.c.number)
        if limit is not None:
            query = query.limit(limit).offset(offset)
        with self._database.reading() as connection:
            return [_trial(row, sweep_id) for row in connection.execute(query)]

    def update_trial(self, sweep_id: str, number: int, **changes: Any) -> None:
        _check(changes, _CHANGEABLE_OF_TRIAL)
        sweep = select(sweeps.c.run_number).where(sweeps.c.run_id == sweep_id).scalar_subquery()
        is_it = (trials.c.sweep_number == sweep) & (trials.c.number == number)
        with self._database.writing() as connection:
            if not connection.execute(update(trials).where(is_it).values(_plain(changes))).rowcount:
                raise NotFound(f"There is no trial {number} of sweep {sweep_id}.")

    def count_trials(self, sweep_ids: Collection[str]) -> Mapping[str, Mapping[TrialStatus, int]]:
        query = (
            select(sweeps.c.run_id, trials.c.status, func.count())
            .select_from(trials)
            .join(sweeps)
            .where(sweeps.c.run_id.in_(sweep_ids))
            .group_by(sweeps.c.run_id, trials.c.status)
        )
        found: dict[str, dict[TrialStatus, int]] = {}
        with self._database.reading() as connection:
            for run_id, status, count in connection.execute(query):
                found.setdefault(run_id, {})[TrialStatus(status)] = count
        return found

    def value_ranges(self, sweep_ids: Collection[str]) -> Mapping[str, tuple[float, float]]:
        query = (
            select(sweeps.c.run_id, func.min(trials.c.value), func.max(trials.c.value))
            .select_from(trials)
            .join(sweeps)
            .where(
                sweeps.c.run_id.in_(sweep_ids),
                trials.c.value.is_not(None),
                trials.c.status != TrialStatus.FAILED.value,
            )
            .group_by(sweeps.c.run_id)
        )
        with self._database.reading() as connection:
            return {run_id: (lowest, highest) for run_id, lowest, highest in connection.execute(query)}

    def _all(self, query: Select[Any]) -> list[Sweep]:
        with self._database.reading() as connection:
            return [_sweep(row) for row in connection.execute(query)]


def _check(changes: Mapping[str, Any], changeable: frozenset[str]) -> None:
    unknown = changes.keys() - changeable
    if unknown:
        raise TypeError(f"these don't change: {sorted(unknown)}")


def _plain(changes: Mapping[str, Any]) -> dict[str, Any]:
    is_enum = SweepStatus | TrialStatus
    return {name: each.value if isinstance(each, is_enum) else each for name, each in changes.items()}


def _row(sweep: Sweep) -> dict[str, Any]:
    row = _plain({name: getattr(sweep, name) for name in _CHANGEABLE})
    return row | {
        "run_id": sweep.run_id,
        "workspace": sweep.workspace,
        "experiment_id": int(sweep.experiment_id),
        "spec": msgspec.json.encode(sweep.spec).decode(),
        "submitted_ms": sweep.submitted_ms,
        "principal_id": sweep.principal_id,
        "submitted_by": sweep.submitted_by,
    }


def _sweep(row: Row[Any]) -> Sweep:
    return Sweep(
        run_id=row.run_id,
        workspace=row.workspace,
        experiment_id=str(row.experiment_id),
        spec=msgspec.json.decode(row.spec, type=learnt(SweepSpec)),
        status=SweepStatus(row.status),
        submitted_ms=row.submitted_ms,
        principal_id=row.principal_id,
        submitted_by=row.submitted_by,
        ended_ms=row.ended_ms,
        closed_ms=row.closed_ms,
        closed_as=None if row.closed_as is None else SweepStatus(row.closed_as),
        reason=row.reason,
    )


def _trial(row: Row[Any], sweep_id: str) -> Trial:
    return Trial(
        sweep_id=sweep_id,
        number=row.number,
        run_id=row.run_id,
        values=msgspec.json.decode(row.parameters, type=learnt(dict[str, Value])),
        status=TrialStatus(row.status),
        value=row.value,
        is_stopped=row.is_stopped,
    )
