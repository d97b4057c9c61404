"""What Optuna suggests for the next trial of a sweep; importing this needs the extra ``sweep``.

Optuna keeps nothing here: each time it is told all trials that there are, from the server's own tables.
"""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

from runyard.entities.sweep import Distribution, DistributionKind, SweepSpec, Trial, TrialStatus, Value
from runyard.errors import InvalidParameter
from runyard.services.sweep_sampling import multiples, stepped

MAX_STARTUP_TRIALS = 10
"""So many are drawn at random before there is something to learn from, and a quarter of a small sweep's."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


def suggest(spec: SweepSpec, number: int, before: Sequence[Trial]) -> dict[str, Value]:
    """Return values for the trial of a number; those that are still open count as not worth repeating.

    Raises:
        InvalidParameter: A parameter has no bounds, which Optuna wants to know.
    """
    distributions = {name: _named(name, each) for name, each in spec.parameters.items()}
    startup = min(MAX_STARTUP_TRIALS, max(2, spec.max_trials // 4))
    sampler = optuna.samplers.TPESampler(
        n_startup_trials=startup, seed=(spec.seed + number) % 2**32, constant_liar=True
    )
    study = optuna.create_study(sampler=sampler, direction=spec.goal.value)
    study.add_trials([_told(spec, each, distributions) for each in before])
    asked = study.ask(distributions).params
    return {name: _value(each, asked[name]) for name, each in spec.parameters.items()}


def _told(spec: SweepSpec, trial: Trial, distributions: dict[str, BaseDistribution]) -> FrozenTrial:
    state, value = TrialState.FAIL, None
    if trial.status is TrialStatus.OPEN:
        state = TrialState.RUNNING
    elif trial.value is not None and trial.status is not TrialStatus.FAILED:
        state, value = TrialState.COMPLETE, trial.value
    params = {name: _param(spec.parameters[name], each) for name, each in trial.values.items()}
    return create_trial(state=state, value=value, params=params, distributions=distributions)


def _named(name: str, distribution: Distribution) -> BaseDistribution:
    if distribution.kind is DistributionKind.NORMAL:
        raise InvalidParameter(
            f"'parameters.{name}' is normal, and has no bounds: a Bayesian sweep takes choices, integers and "
            "uniform numbers."
        )
    return _distribution(distribution)


def _distribution(distribution: Distribution) -> BaseDistribution:
    if distribution.kind is DistributionKind.CHOICE:
        return CategoricalDistribution(range(len(distribution.values)))
    if distribution.kind is DistributionKind.INTEGER:
        if distribution.is_log or distribution.step not in (0, 1):
            return FloatDistribution(distribution.low, distribution.high, log=distribution.is_log)
        first, last = multiples(distribution)
        return IntDistribution(first, last)
    return FloatDistribution(distribution.low, distribution.high, log=distribution.is_log)


def _param(distribution: Distribution, value: Value) -> int | float:
    """Return the value as Optuna knows it: the place of a choice, since True and 1 are one to it."""
    if distribution.kind is DistributionKind.CHOICE:
        return next(
            place
            for place, each in enumerate(distribution.values)
            if type(each) is type(value) and each == value
        )
    number = float(value)
    if isinstance(_distribution(distribution), IntDistribution):
        return int(number)
    return min(max(number, distribution.low), distribution.high)


def _value(distribution: Distribution, asked: float) -> Value:
    if distribution.kind is DistributionKind.CHOICE:
        return distribution.values[int(asked)]
    return stepped(distribution, asked)
