"""The values of a sweep's trials: a pure function of its spec, its seed and the trials before.

So whoever asks again, after a crash or on another server, is told the same values for the same number.
"""

from __future__ import annotations

import importlib
import math
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal

from runyard.entities.sweep import Distribution, DistributionKind, Sampling, SweepSpec, Trial, Value
from runyard.errors import InvalidParameter

MAX_AXIS = 10_000
"""More values of one parameter are no grid."""


def next_values(spec: SweepSpec, number: int, before: Sequence[Trial]) -> dict[str, Value]:
    """Return the values of the trial of a number.

    Args:
        spec: The sweep.
        number: Which trial, from 0.
        before: The trials that there are; only a Bayesian sweep looks at them.

    Raises:
        InvalidParameter: Optuna is needed and not installed here.
    """
    if spec.sampling is Sampling.GRID:
        return _combination(spec.parameters, number)
    if spec.sampling is Sampling.BAYESIAN:
        return bayesian_values(spec, number, before)
    return {name: _drawn(each, f"{spec.seed}/{number}/{name}") for name, each in spec.parameters.items()}


def bayesian_values(spec: SweepSpec, number: int, before: Sequence[Trial]) -> dict[str, Value]:
    """Return what Optuna suggests after the trials before.

    Raises:
        InvalidParameter: It is not installed here.
    """
    try:
        # An extra of the server, which few need.
        suggesting = importlib.import_module("runyard.services.optuna_sampling")
    except ImportError as error:
        raise InvalidParameter(
            "'sampling' is bayesian, which needs Optuna beside the server: pip install 'runyard[sweep]' "
            f"there, or take random or grid ({error})."
        ) from None
    suggested: dict[str, Value] = suggesting.suggest(spec, number, before)
    return suggested


def grid_size(parameters: Mapping[str, Distribution]) -> int:
    """Return how many combinations of values there are.

    Raises:
        InvalidParameter: A parameter has no values that can be counted, or too many.
    """
    return math.prod(len(_axis(name, each)) for name, each in parameters.items())


def stepped(distribution: Distribution, drawn: float) -> int | float:
    """Return a drawn number as the distribution has it: a multiple of its step that lies in its bounds."""
    step = _step(distribution)
    if not step:
        return drawn
    count = round(drawn / step)
    if distribution.kind is not DistributionKind.NORMAL:
        first, last = multiples(distribution)
        count = min(max(count, first), last)
    return _multiple(count, step)


def multiples(distribution: Distribution) -> tuple[int, int]:
    """Return the first and the last multiple of the step within the bounds; none if the last comes first."""
    step = Decimal(str(_step(distribution)))
    low, high = Decimal(str(distribution.low)), Decimal(str(distribution.high))
    return math.ceil(low / step), math.floor(high / step)


def _step(distribution: Distribution) -> float:
    return distribution.step or (1.0 if distribution.kind is DistributionKind.INTEGER else 0.0)


def _multiple(count: int, step: float) -> int | float:
    # By decimal digits: three times 0.1 is 0.3 to whoever wrote 0.1.
    exact = Decimal(str(step)) * count
    return int(exact) if float(step).is_integer() else float(exact)


def _combination(parameters: Mapping[str, Distribution], number: int) -> dict[str, Value]:
    """Return the combination of a number; the last parameter is the first to change."""
    found: dict[str, Value] = {}
    for name, distribution in reversed(list(parameters.items())):
        axis = _axis(name, distribution)
        number, position = divmod(number, len(axis))
        found[name] = axis[position]
    return {name: found[name] for name in parameters}


def _axis(name: str, distribution: Distribution) -> Sequence[Value]:
    if distribution.kind is DistributionKind.CHOICE:
        return distribution.values
    if distribution.kind is DistributionKind.NORMAL or distribution.is_log or not _step(distribution):
        raise InvalidParameter(
            f"'parameters.{name}' has no values that a grid could go through: a grid takes choices, integers "
            "and uniform numbers with a step."
        )
    first, last = multiples(distribution)
    if last - first >= MAX_AXIS:
        raise InvalidParameter(f"'parameters.{name}' has more than {MAX_AXIS} values, too many for a grid.")
    return [_multiple(count, _step(distribution)) for count in range(first, last + 1)]


def _drawn(distribution: Distribution, seed: str) -> Value:
    chance = random.Random(seed)
    if distribution.kind is DistributionKind.CHOICE:
        return chance.choice(distribution.values)
    if distribution.kind is DistributionKind.NORMAL:
        drawn = chance.gauss(distribution.mean, distribution.deviation)
        return stepped(distribution, math.exp(drawn) if distribution.is_log else drawn)
    if distribution.is_log:
        drawn = math.exp(chance.uniform(math.log(distribution.low), math.log(distribution.high)))
        return stepped(distribution, min(max(drawn, distribution.low), distribution.high))
    if distribution.kind is DistributionKind.INTEGER:
        first, last = multiples(distribution)
        return _multiple(chance.randint(first, last), _step(distribution))
    return stepped(distribution, chance.uniform(distribution.low, distribution.high))
