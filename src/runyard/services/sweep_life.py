"""How a sweep and its trials go from one state to the next; each step is one transaction.

A step holds the sweep and looks at it as it is then, so that several servers and people may take steps at
the same moment: who comes second finds it done.
"""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.entities.job import REASON_TAG
from runyard.entities.metric import MetricBatch
from runyard.entities.run import RunStatus
from runyard.entities.sweep import BEST_TAG, Sweep, SweepStatus, Trial, TrialStatus
from runyard.errors import Forbidden
from runyard.protocol.limits import MAX_RUN_NAME_LENGTH
from runyard.services.call import Call
from runyard.services.events import note_status
from runyard.services.job_life import cancel
from runyard.services.jobs import NewJob, submit_job
from runyard.services.sweep_checks import BEST_PREFIX, param_name
from runyard.services.sweeps import best_trial, close_sweep, job_of_trial, tags_of_trial

PARENT_TAG = "mlflow.parentRunId"
_NUMBER_LENGTH = 5


def begin_trial(call: Call, sweep: Sweep, trial: Trial) -> bool:
    """Keep a trial with its job and run; return whether the sweep goes on and it was the next one.

    Raises:
        Forbidden: Whoever has submitted the sweep may submit jobs no more.
        RunyardError: What submitting a job raises.
    """
    _check_rights(call, sweep)
    kept = call.stores.metadata
    with call.stores.atomic():
        found = kept.sweeps.find_sweep(sweep.run_id)
        if found is None or found.status.is_over or found.closed_ms is not None:
            return False
        if len(kept.sweeps.list_trials(sweep.run_id)) != trial.number:
            return False
        name = kept.runs.get_run(sweep.workspace, sweep.run_id).name[: MAX_RUN_NAME_LENGTH - _NUMBER_LENGTH]
        job = NewJob(
            sweep.experiment_id,
            sweep.spec.compute,
            job_of_trial(sweep.spec, trial.values),
            run_name=f"{name}-{trial.number}",
            tags={**tags_of_trial(sweep.spec, trial.values), PARENT_TAG: sweep.run_id},
            run_id=trial.run_id,
        )
        submit_job(call, job)
        kept.sweeps.add_trial(trial)
        if found.reason:
            kept.sweeps.update_sweep(sweep.run_id, reason="")
    return True


def end_trial(call: Call, sweep: Sweep, over: Trial) -> None:
    """Note what became of a trial, and whether it is the best so far."""
    kept = call.stores.metadata
    with call.stores.atomic():
        kept.sweeps.find_sweep(sweep.run_id)  # held, so that the best one is decided by one after the other
        trials = {each.number: each for each in kept.sweeps.list_trials(sweep.run_id)}
        if over.number not in trials or trials[over.number].status is not TrialStatus.OPEN:
            return
        kept.sweeps.update_trial(sweep.run_id, over.number, status=over.status, value=over.value)
        _add_params(call, over)
        trials[over.number] = over
        best = best_trial(list(trials.values()), sweep.spec.goal)
        if best == over and over.value is not None:
            kept.runs.set_tags(sweep.run_id, {BEST_TAG: over.run_id})
            name = BEST_PREFIX + sweep.spec.metric
            point = MetricBatch([name], [over.value], [call.now_ms()], [over.number])
            call.stores.metrics.append(sweep.run_id, point)


def cancel_trial(call: Call, trial: Trial, reason: str, *, is_stopped: bool = False) -> None:
    """Have the job of a trial ended, by the sweep's own rule or because the sweep ends."""
    kept = call.stores.metadata
    with call.stores.atomic():
        job = kept.jobs.find_job(trial.run_id)
        if job is None or job.status.is_over or job.canceled_ms is not None:
            return
        cancel(call.stores, job, call.now_ms(), reason)
        if is_stopped:
            kept.sweeps.update_trial(trial.sweep_id, trial.number, is_stopped=True)
        call.stores.database.after_commit(call.operation.job_submitted.set)
        call.stores.database.after_commit(call.operation.sweep_due.set)


def close(call: Call, sweep: Sweep, closed_as: SweepStatus, reason: str) -> Sweep:
    """Let a sweep begin no more trials, and return it as it is then."""
    sweeps = call.stores.metadata.sweeps
    with call.stores.atomic():
        found = sweeps.find_sweep(sweep.run_id)
        if found is None:
            return sweep
        close_sweep(call, found, closed_as, reason)
        return sweeps.find_sweep(sweep.run_id) or sweep


def end_sweep(call: Call, sweep: Sweep, status: SweepStatus, reason: str) -> None:
    """Note that a sweep is over, and its run with it, unless a trial goes on."""
    kept, now_ms = call.stores.metadata, call.now_ms()
    with call.stores.atomic():
        found = kept.sweeps.find_sweep(sweep.run_id)
        if found is None or found.status.is_over:
            return
        # Another server may have begun one between the look at the trials and the close of the sweep.
        if any(each.status is TrialStatus.OPEN for each in kept.sweeps.list_trials(sweep.run_id)):
            return
        kept.sweeps.update_sweep(sweep.run_id, status=status, ended_ms=now_ms, reason=reason)
        if reason:
            kept.runs.set_tags(sweep.run_id, {REASON_TAG: reason})
        run = kept.runs.get_run(sweep.workspace, sweep.run_id)
        if run.status is RunStatus.RUNNING:
            kept.runs.update_run(sweep.run_id, status.run_status, now_ms, None)
            note_status(call.stores, run, status.run_status, now_ms)


def _check_rights(call: Call, sweep: Sweep) -> None:
    permission, caller = Permission.CONTRIBUTE, call.caller
    if caller is None or not (
        caller.may(permission, sweep.workspace)
        or sweep.experiment_id in caller.experiments_with(permission, sweep.workspace)
    ):
        raise Forbidden(f"{sweep.submitted_by}, who has submitted it, may submit jobs no more.")


def _add_params(call: Call, over: Trial) -> None:
    """Let the run have its values as params, but for those that its script has logged in its own words."""
    runs = call.stores.metadata.runs
    if call.stores.metadata.jobs.find_job(over.run_id) is None:  # removed for good
        return
    params = {param_name(name): str(value) for name, value in over.values.items()}
    logged = runs.find_params(over.run_id, list(params))
    runs.add_params(over.run_id, {name: text for name, text in params.items() if name not in logged})
