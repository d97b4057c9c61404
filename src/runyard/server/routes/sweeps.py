"""Runyard's own routes about sweeps."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.entities.sweep import Goal, Sampling, Trial, TrialStatus
from runyard.protocol.messages.sweeps import (
    ListSweeps,
    ListSweepsAnswer,
    ListTrials,
    ListTrialsAnswer,
    SubmitSweep,
    SweepAnswer,
    WireSweep,
    WireTrial,
    distributions,
    stopping_rule,
    wanted_sweep,
    wire_sweep,
    wire_trial,
)
from runyard.protocol.wire import choice
from runyard.server.routes.jobs import job_spec
from runyard.server.routing import Routes
from runyard.services import reach, sweeps
from runyard.services.call import Call
from runyard.services.sweeps import SweepNow, TrialJob

routes = Routes()
_BASE = "/api/v1/sweeps"
_ONE = f"{_BASE}/{{run_id}}"


@routes.post(
    _BASE,
    permits=Permission.CONTRIBUTE,
    of=reach.experiment,
    runs_code=True,
    summary="Submit a sweep: jobs with other values of parameters each; with a `run_id` of one's own once.",
    is_audited=True,
)
def submit_sweep(call: Call, body: SubmitSweep) -> SweepAnswer:
    """Keep a sweep and its run."""
    new = sweeps.NewSweep(
        experiment_id=body.experiment_id,
        compute=body.compute,
        job=job_spec(call, body),
        parameters=distributions(body.parameters),
        metric=body.metric,
        goal=choice(Goal, body.goal, "goal"),
        sampling=choice(Sampling, body.sampling, "sampling"),
        seed=body.seed,
        max_trials=body.max_trials,
        max_concurrent=body.max_concurrent,
        max_duration_s=body.max_sweep_duration_s,
        stopping=stopping_rule(body.stopping),
        run_name=body.run_name,
        tags=body.tags,
        run_id=body.run_id,
    )
    return _answer(call, sweeps.submit_sweep(call, new))


@routes.get(_BASE, permits=Permission.READ, of=reach.searched, summary="List sweeps, the latest first.")
def list_sweeps(call: Call, body: ListSweeps) -> ListSweepsAnswer:
    """Answer a page of sweeps."""
    page = sweeps.list_sweeps(call, body.experiment_id, body.max_results, body.page_token)
    return ListSweepsAnswer(sweeps=[_wire(each) for each in page.items], next_page_token=page.next_token)


@routes.get(
    _ONE,
    permits=Permission.READ,
    of=reach.run,
    summary="Get a sweep with its best trial, and what submits it again.",
)
def get_sweep(call: Call, run_id: str) -> SweepAnswer:
    """Answer one sweep."""
    return _answer(call, sweeps.get_sweep(call, run_id))


@routes.get(f"{_ONE}/trials", permits=Permission.READ, of=reach.run, summary="List the trials of a sweep.")
def list_trials(call: Call, body: ListTrials, run_id: str) -> ListTrialsAnswer:
    """Answer a page of trials."""
    page = sweeps.list_trials(call, run_id, body.max_results, body.page_token)
    jobs = sweeps.jobs_of_trials(call, page.items)
    return ListTrialsAnswer(
        trials=[_wire_trial(each, jobs.get(each.run_id)) for each in page.items],
        next_page_token=page.next_token,
    )


@routes.post(
    f"{_ONE}/cancel",
    permits=Permission.CONTRIBUTE,
    of=reach.run,
    summary="Begin no more trials of a sweep, and end those that go on.",
    is_audited=True,
)
def cancel_sweep(call: Call, run_id: str) -> SweepAnswer:
    """Have a sweep ended."""
    return _answer(call, sweeps.cancel_sweep(call, run_id))


def _answer(call: Call, found: SweepNow) -> SweepAnswer:
    wire = _wire(found)
    if found.best is not None:
        wire.best = _wire_trial(found.best, sweeps.jobs_of_trials(call, [found.best]).get(found.best.run_id))
    sweep = found.sweep
    wanted = wanted_sweep(sweep, found.run_name, sweeps.wanted_trials(sweep.spec))
    return SweepAnswer(sweep=wire, wanted=wanted)


def _wire(found: SweepNow) -> WireSweep:
    wire = wire_sweep(found.sweep, found.counts, found.best)
    wire.best_value, wire.run_name = found.best_value, found.run_name
    return wire


def _wire_trial(trial: Trial, job: TrialJob | None) -> WireTrial:
    wire = wire_trial(trial)
    if job is not None:
        wire.started_ms, wire.ended_ms, wire.reason = job.started_ms, job.ended_ms, job.reason
        wire.status = job.status if trial.status is TrialStatus.OPEN else wire.status
    return wire
