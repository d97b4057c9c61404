"""What a server keeps of sweeps: submitted, asked for and cancelled."""

from __future__ import annotations

from collections.abc import Iterator

from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.sweeps import (
    ListSweeps,
    ListSweepsAnswer,
    ListTrials,
    ListTrialsAnswer,
    SubmitSweep,
    SweepAnswer,
    WireSweep,
    WireTrial,
)
from runyard.sdk.addresses import named_segment
from runyard.sdk.connection import Connection
from runyard.sdk.pages import pages

_BASE = "/api/v1/sweeps"
_PAGE_SIZE = 1_000


def submit_sweep(connection: Connection, wanted: SubmitSweep) -> WireSweep:
    """Submit a sweep whose ``run_id`` is the caller's own, so that a repeated call makes no second one.

    Raises:
        RunyardError: What the server raised.
    """
    return connection.post(_BASE, wanted, SweepAnswer, is_repeatable=True).sweep


def get_sweep(connection: Connection, run_id: str) -> WireSweep:
    """Return a sweep.

    Raises:
        NotFound: There is no sweep of this run.
    """
    return get_sweep_answer(connection, run_id).sweep


def get_sweep_answer(connection: Connection, run_id: str) -> SweepAnswer:
    """Return a sweep with what it was submitted with.

    Raises:
        NotFound: There is no sweep of this run.
    """
    return connection.get(_path(run_id), SweepAnswer)


def list_sweeps(
    connection: Connection, *, experiment_id: str | None = None, page_size: int = _PAGE_SIZE
) -> Iterator[WireSweep]:
    """Yield the sweeps of a workspace, the latest submitted first, reading pages as they are needed."""

    def ask(page_token: str | None) -> ListSweepsAnswer:
        query = ListSweeps(
            experiment_id=experiment_id, max_results=min(page_size, _PAGE_SIZE), page_token=page_token
        )
        return connection.get(_BASE, ListSweepsAnswer, query)

    for answer in pages(ask):
        yield from answer.sweeps


def list_trials(connection: Connection, run_id: str) -> list[WireTrial]:
    """Return the trials of a sweep by number.

    Raises:
        NotFound: There is no sweep of this run.
    """

    def ask(page_token: str | None) -> ListTrialsAnswer:
        query = ListTrials(max_results=_PAGE_SIZE, page_token=page_token)
        return connection.get(f"{_path(run_id)}/trials", ListTrialsAnswer, query)

    return [trial for answer in pages(ask) for trial in answer.trials]


def cancel_sweep(connection: Connection, run_id: str) -> WireSweep:
    """Ask that a sweep be ended with all that goes on of it, and return it.

    Raises:
        NotFound: There is no sweep of this run.
    """
    return connection.post(f"{_path(run_id)}/cancel", Empty(), SweepAnswer, is_repeatable=True).sweep


def _path(run_id: str) -> str:
    if not run_id:
        raise InvalidParameter("The id of a run must not be empty.")
    return f"{_BASE}/{named_segment(run_id, 'sweep')}"
