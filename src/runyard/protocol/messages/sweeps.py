"""Runyard's own messages about sweeps."""

from __future__ import annotations

from collections.abc import Mapping

from runyard.entities.sweep import (
    Distribution,
    DistributionKind,
    StoppingKind,
    StoppingRule,
    Sweep,
    Trial,
    TrialStatus,
)
from runyard.protocol.messages.common import Int64, Wire
from runyard.protocol.messages.jobs import SubmitJob, wanted_job
from runyard.protocol.wire import choice


class WireDistribution(Wire, omit_defaults=False):
    """Where the values of a parameter come from.

    ``kind`` is ``choice`` of ``values``, ``uniform`` or ``integer`` from ``low`` to ``high``, ``normal`` by
    ``mean`` and ``deviation``. With ``is_log`` the logarithm is distributed so: the bounds are of the value,
    mean and deviation of the logarithm. With a ``step`` the value is rounded to a multiple of it.
    """

    kind: str = "choice"
    values: list[bool | Int64 | float | str] = []
    low: float = 0.0
    high: float = 0.0
    mean: float = 0.0
    deviation: float = 0.0
    is_log: bool = False
    step: float = 0.0


class WireStopping(Wire, omit_defaults=False):
    """When a trial is ended early: asked at each multiple of ``every`` points of the metric, after ``delay``.

    ``kind`` is ``bandit`` with a ``slack_factor`` or a ``slack_amount``, ``median``, or ``truncation`` with a
    ``percentage``.
    """

    kind: str
    every: Int64 = 1
    delay: Int64 = 0
    slack_factor: float = 0.0
    slack_amount: float = 0.0
    percentage: float = 0.0


class SubmitSweep(SubmitJob, kw_only=True):
    """Body of ``POST /api/v1/sweeps``: a job as ``POST /api/v1/jobs`` has it, and what is searched for by it.

    The value of each of ``parameters`` is appended to a trial's arguments, as ``--name value``. ``metric``
    counts by the best point that a trial logs; ``goal`` is ``minimize`` or ``maximize``. ``sampling`` is
    ``grid``, ``random`` or ``bayesian``. ``max_trials`` may be left out of a grid; ``max_concurrent`` is then
    as many as the target has slots for. ``run_id``, ``run_name`` and ``experiment_id`` are of the run of the
    sweep, ``tags`` of all its runs.
    """

    parameters: dict[str, WireDistribution] = {}
    metric: str = ""
    goal: str = "minimize"
    sampling: str = "random"
    seed: Int64 | None = None
    max_trials: Int64 | None = None
    max_concurrent: Int64 | None = None
    max_sweep_duration_s: Int64 = 0
    stopping: WireStopping | None = None


class ListSweeps(Wire):
    """Query of ``GET /api/v1/sweeps``; the latest submitted first."""

    experiment_id: str | None = None
    max_results: Int64 = 100
    page_token: str | None = None


class ListTrials(Wire):
    """Query of ``GET /api/v1/sweeps/{run_id}/trials``; by number."""

    max_results: Int64 = 100
    page_token: str | None = None


class WireTrial(Wire, omit_defaults=False):
    """One run of a sweep. ``value`` is the best of the metric that it has logged, once it is over.

    ``status`` is completed, failed, canceled or stopped, which is by the sweep's own rule; before that it is
    where the job is: queued, starting, preparing, running or lost. When its script began and when the job
    ended is told in a list of trials, and so is the ``reason`` why it waits or did not end well.
    """

    number: int
    run_id: str
    parameters: dict[str, bool | int | float | str]
    status: str
    value: float | None
    started_ms: int | None = None
    ended_ms: int | None = None
    reason: str = ""


class WireSweep(Wire, omit_defaults=False):
    """A sweep. ``trials`` is how many there are of each status, ``open`` for those that wait or run.

    ``status`` is running, completed, failed or canceled; ``is_closed`` says that no more trials are begun.
    ``best_value`` is the best of the metric so far; whose it is, ``best``, is only told where one sweep is
    asked for.
    """

    run_id: str
    experiment_id: str
    status: str
    is_closed: bool
    reason: str
    metric: str
    goal: str
    sampling: str
    seed: int
    parameters: dict[str, WireDistribution]
    stopping: WireStopping | None
    max_trials: int
    max_concurrent: int
    max_sweep_duration_s: int
    compute: str
    script: str
    arguments: list[str]
    command: list[str]
    submitted_ms: int
    submitted_by: str
    ended_ms: int | None
    trials: dict[str, int]
    best: WireTrial | None
    best_value: float | None = None
    run_name: str = ""


class WantedSweep(SubmitSweep, kw_only=True, omit_defaults=False):
    """What a sweep was submitted with, whatever has become of that since: sent again it is another one."""


class SweepAnswer(Wire, omit_defaults=False):
    """One sweep, and what it was submitted with."""

    sweep: WireSweep
    wanted: WantedSweep | None = None


class ListSweepsAnswer(Wire, omit_defaults=False):
    """A page of sweeps."""

    sweeps: list[WireSweep]
    next_page_token: str | None = None


class ListTrialsAnswer(Wire, omit_defaults=False):
    """A page of trials."""

    trials: list[WireTrial]
    next_page_token: str | None = None


def distributions(parameters: Mapping[str, WireDistribution]) -> dict[str, Distribution]:
    """Return where values come from, as it was written.

    Raises:
        InvalidParameter: A kind is none.
    """
    return {
        name: Distribution(
            kind=choice(DistributionKind, each.kind, f"parameters.{name}.kind"),
            values=tuple(each.values),
            low=each.low,
            high=each.high,
            mean=each.mean,
            deviation=each.deviation,
            is_log=each.is_log,
            step=each.step,
        )
        for name, each in parameters.items()
    }


def stopping_rule(wire: WireStopping | None) -> StoppingRule | None:
    """Return when a trial is ended early, as it was written.

    Raises:
        InvalidParameter: The kind is none.
    """
    if wire is None:
        return None
    kind = choice(StoppingKind, wire.kind, "stopping.kind")
    return StoppingRule(kind, wire.every, wire.delay, wire.slack_factor, wire.slack_amount, wire.percentage)


def wire_trial(trial: Trial) -> WireTrial:
    """Return a trial as Runyard writes it."""
    return WireTrial(
        number=trial.number,
        run_id=trial.run_id,
        parameters=dict(trial.values),
        status=trial.status.value,
        value=trial.value,
    )


def wire_sweep(sweep: Sweep, counts: Mapping[TrialStatus, int], best: Trial | None) -> WireSweep:
    """Return a sweep as Runyard writes it."""
    spec = sweep.spec
    return WireSweep(
        run_id=sweep.run_id,
        experiment_id=sweep.experiment_id,
        status=sweep.status.value,
        is_closed=sweep.closed_ms is not None or sweep.status.is_over,
        reason=sweep.reason,
        metric=spec.metric,
        goal=spec.goal.value,
        sampling=spec.sampling.value,
        seed=spec.seed,
        parameters={name: _wire_distribution(each) for name, each in spec.parameters.items()},
        stopping=_wire_stopping(spec.stopping),
        max_trials=spec.max_trials,
        max_concurrent=spec.max_concurrent,
        max_sweep_duration_s=spec.max_duration_s,
        compute=spec.compute,
        script=spec.job.script,
        arguments=list(spec.job.arguments),
        command=list(spec.job.command),
        submitted_ms=sweep.submitted_ms,
        submitted_by=sweep.submitted_by,
        ended_ms=sweep.ended_ms,
        trials={status.value: count for status, count in counts.items()},
        best=None if best is None else wire_trial(best),
    )


def wanted_sweep(sweep: Sweep, run_name: str, max_trials: int | None) -> WantedSweep:
    """Return what a sweep was submitted with, as Runyard writes it."""
    spec = sweep.spec
    job = wanted_job(sweep.experiment_id, spec.compute, spec.job)
    job.run_name, job.tags = run_name, dict(spec.tags)
    return WantedSweep(
        **{name: getattr(job, name) for name in job.__struct_fields__},
        parameters={name: _wire_distribution(each) for name, each in spec.parameters.items()},
        metric=spec.metric,
        goal=spec.goal.value,
        sampling=spec.sampling.value,
        seed=spec.seed,
        max_trials=max_trials,
        max_concurrent=spec.max_concurrent,
        max_sweep_duration_s=spec.max_duration_s,
        stopping=_wire_stopping(spec.stopping),
    )


def _wire_distribution(distribution: Distribution) -> WireDistribution:
    return WireDistribution(
        kind=distribution.kind.value,
        values=list(distribution.values),
        low=distribution.low,
        high=distribution.high,
        mean=distribution.mean,
        deviation=distribution.deviation,
        is_log=distribution.is_log,
        step=distribution.step,
    )


def _wire_stopping(rule: StoppingRule | None) -> WireStopping | None:
    if rule is None:
        return None
    return WireStopping(
        kind=rule.kind.value,
        every=rule.every,
        delay=rule.delay,
        slack_factor=rule.slack_factor,
        slack_amount=rule.slack_amount,
        percentage=rule.percentage,
    )
