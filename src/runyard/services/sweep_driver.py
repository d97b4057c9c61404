"""Drives sweeps: notes what became of their trials, ends those that are to end, begins the next.

All that it knows is in the tables, so it goes on where another server, or this one before it was killed, has
stopped. A trial, its job and its run are one transaction, which counts the trials first: no number comes
twice, however many servers look at a sweep at the same moment.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from runyard.entities.experiment import LifecycleStage
from runyard.entities.run import RunStatus
from runyard.entities.sweep import Sweep, SweepStatus, Trial, TrialStatus, ended_as
from runyard.errors import (
    AlreadyExists,
    Forbidden,
    InvalidParameter,
    InvalidState,
    NotFound,
    QuotaReached,
    StorageFull,
    Unavailable,
)
from runyard.services import sweep_life
from runyard.services.call import Call
from runyard.services.operation import Operation
from runyard.services.sweep_sampling import next_values
from runyard.services.sweep_stopping import best_of, to_be_stopped
from runyard.services.tokens import submitter
from runyard.settings import Settings
from runyard.stores.metrics.points import Floats
from runyard.stores.opening import Stores

AFTER_FAULT_S = 60.0
BEGUN_AT_ONCE = 20
"""Trials of one sweep, before the others have their turn: to find values may take a second."""

_log = logging.getLogger("runyard.sweeps")


class SweepDriver:
    """Brings sweeps from their submission to their end.

    Args:
        stores: What the server remembers.
        settings: How it runs.
        operation: The server.
    """

    def __init__(self, stores: Stores, settings: Settings, operation: Operation) -> None:
        self._stores = stores
        self._settings = settings
        self._operation = operation
        self._logged: dict[str, Floats] = {}
        self._rest_until_s: dict[str, float] = {}

    def work(self) -> None:
        """Do what is due."""
        running = self._stores.metadata.sweeps.list_running()
        for sweep in running:
            if time.monotonic() < self._rest_until_s.get(sweep.run_id, 0.0):
                continue
            try:
                self._drive(sweep)
            except (StorageFull, Unavailable):  # for all of them
                raise
            except Exception:  # noqa: BLE001 - one sweep must not end what is done for all
                _log.exception("sweep %s", sweep.run_id)
                self._rest_until_s[sweep.run_id] = time.monotonic() + AFTER_FAULT_S
        if not running:
            self._logged.clear()
            self._rest_until_s.clear()

    def _drive(self, sweep: Sweep) -> None:
        call = self._call(sweep)
        try:
            self._advance(call, sweep)
        except QuotaReached as error:
            if sweep.reason != str(error):
                self._stores.metadata.sweeps.update_sweep(sweep.run_id, reason=str(error))
        except (AlreadyExists, Forbidden, InvalidParameter, InvalidState, NotFound) as error:
            # Nothing that passes by itself: a target or an experiment that has gone, rights that have.
            _log.info("sweep %s begins no more trials: %s", sweep.run_id, error)
            self._close(call, sweep, SweepStatus.FAILED, str(error))

    def _call(self, sweep: Sweep) -> Call:
        """Return what acts for whoever has submitted the sweep, with the rights that they have now."""
        workspace = self._stores.metadata.workspaces.get_workspace(sweep.workspace)
        caller = submitter(self._stores, self._settings, sweep)
        return Call(self._stores, self._settings, workspace, caller, self._operation)

    def _advance(self, call: Call, sweep: Sweep) -> None:
        kept = self._stores.metadata.sweeps.list_trials(sweep.run_id)
        trials = [self._settled(call, sweep, each) for each in kept]
        going_on = [each for each in trials if each.status is TrialStatus.OPEN]
        sweep = self._closed_if_due(call, sweep)
        if sweep.closed_ms is not None:
            for trial in going_on:
                self._cancel(call, trial, f"the sweep ends: {sweep.reason}")
        elif going_on or len(trials) < sweep.spec.max_trials:
            self._stop_early(call, sweep, trials)
            self._begin_more(call, sweep, trials)
            return
        if not going_on:
            status, reason = _end_of(sweep, trials)
            if status is SweepStatus.FAILED and sweep.closed_as is None:
                reason += self._first_failure(trials)
            self._stores.database.retrying(lambda: sweep_life.end_sweep(call, sweep, status, reason))

    def _first_failure(self, trials: Sequence[Trial]) -> str:
        """Return why the first trial of those that failed did, as the end of a sentence."""
        failed = next((each for each in trials if each.status is TrialStatus.FAILED), None)
        job = None if failed is None else self._stores.metadata.jobs.find_job(failed.run_id)
        return f"; trial {failed.number}: {job.reason}" if failed and job and job.reason else ""

    def _settled(self, call: Call, sweep: Sweep, trial: Trial) -> Trial:
        """Return a trial as it is now: over, if its job is."""
        if trial.status is not TrialStatus.OPEN:
            return trial
        job = self._stores.metadata.jobs.find_job(trial.run_id)
        if job is not None and not job.status.is_over:
            return trial
        # Without a job its run was removed for good.
        status = TrialStatus.FAILED if job is None else ended_as(job.status, is_stopped=trial.is_stopped)
        over = replace(trial, status=status, value=best_of(self._read(sweep, trial), sweep.spec.goal))
        self._stores.database.retrying(lambda: sweep_life.end_trial(call, sweep, over))
        return over

    def _closed_if_due(self, call: Call, sweep: Sweep) -> Sweep:
        if sweep.closed_ms is not None:
            return sweep
        run = self._stores.metadata.runs.get_run(sweep.workspace, sweep.run_id)
        if run.status is not RunStatus.RUNNING or run.lifecycle_stage is not LifecycleStage.ACTIVE:
            return self._close(call, sweep, SweepStatus.CANCELED, "its run was ended or deleted")
        limit_s = sweep.spec.max_duration_s
        if limit_s and call.now_ms() - sweep.submitted_ms > limit_s * 1000:
            return self._close(
                call, sweep, SweepStatus.COMPLETED, f"it has taken the {limit_s} s that it may"
            )
        return sweep

    def _close(self, call: Call, sweep: Sweep, closed_as: SweepStatus, reason: str) -> Sweep:
        return self._stores.database.retrying(lambda: sweep_life.close(call, sweep, closed_as, reason))

    def _stop_early(self, call: Call, sweep: Sweep, trials: Sequence[Trial]) -> None:
        rule = sweep.spec.stopping
        if rule is None:
            return
        compared = [each for each in trials if each.status is not TrialStatus.FAILED]
        series = {each.number: self._read(sweep, each) for each in compared}
        going_on = {
            each.number: each for each in trials if each.status is TrialStatus.OPEN and not each.is_stopped
        }
        for number in to_be_stopped(rule, sweep.spec.goal, series, going_on):
            reason = f"the sweep's {rule.kind.value} rule ended it, after {len(series[number])} points"
            self._cancel(call, going_on[number], reason, is_stopped=True)

    def _cancel(self, call: Call, trial: Trial, reason: str, *, is_stopped: bool = False) -> None:
        self._stores.database.retrying(
            lambda: sweep_life.cancel_trial(call, trial, reason, is_stopped=is_stopped)
        )

    def _begin_more(self, call: Call, sweep: Sweep, trials: list[Trial]) -> None:
        going_on = sum(each.status is TrialStatus.OPEN for each in trials)
        most = min(sweep.spec.max_concurrent, going_on + BEGUN_AT_ONCE)
        while going_on < most and len(trials) < sweep.spec.max_trials:
            number = len(trials)
            values = next_values(sweep.spec, number, trials)
            # Who could tell it beforehand could begin a run of that id, and the sweep would fail.
            trial = Trial(sweep.run_id, number, secrets.token_hex(16), values)
            if not self._stores.database.retrying(partial(sweep_life.begin_trial, call, sweep, trial)):
                return
            trials.append(trial)
            going_on += 1

    def _read(self, sweep: Sweep, trial: Trial) -> Floats:
        """Return what a trial has logged of the metric; of one that is over that is read once."""
        if trial.run_id in self._logged:
            return self._logged[trial.run_id]
        values = self._stores.metrics.read_history(trial.run_id, sweep.spec.metric).values
        if trial.status is not TrialStatus.OPEN:
            self._logged[trial.run_id] = values
        return values


def _end_of(sweep: Sweep, trials: Sequence[Trial]) -> tuple[SweepStatus, str]:
    if sweep.closed_as is not None:
        return sweep.closed_as, sweep.reason
    if any(each.value is not None and each.status is not TrialStatus.FAILED for each in trials):
        return SweepStatus.COMPLETED, ""
    if not any(each.status is TrialStatus.COMPLETED for each in trials):
        return SweepStatus.FAILED, "none of its trials has completed"
    return SweepStatus.FAILED, f"no trial has logged the metric '{sweep.spec.metric}'"
