"""What a sweep may be: names of parameters, where their values come from, limits, rules to stop early."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from runyard.entities.sweep import (
    Distribution,
    DistributionKind,
    Sampling,
    StoppingKind,
    StoppingRule,
    SweepSpec,
)
from runyard.errors import InvalidParameter
from runyard.protocol.limits import MAX_KEY_LENGTH, check_key, check_length
from runyard.protocol.wire import invalid
from runyard.services.jobs import MAX_DURATION_S
from runyard.services.sweep_sampling import grid_size, multiples

MAX_TRIALS = 1_000
MAX_PARAMETERS = 50
MAX_CHOICES = 1_000
MAX_CHOICE_LENGTH = 1_000
MAX_PARAMETERS_LENGTH = 5_000
MAX_SEED = 2**31 - 1
MAX_NUMBER = 1e100
"""What is computed of larger bounds, means and steps may be infinite, which no trial can be given."""
MAX_INTEGER = 2**53
"""Bounds are written as floats, which are exact up to here."""
BEST_PREFIX = "best/"
"""What comes before the metric's name where the sweep's own run has the best of it."""

_PARAMETER = re.compile(r"-{0,2}[A-Za-z_][A-Za-z0-9_.-]{0,200}")


def argument_name(parameter: str) -> str:
    """Return the word that comes before the value of a parameter; ``lr`` and ``--lr`` are the same."""
    return parameter if parameter.startswith("-") else f"--{parameter}"


def param_name(parameter: str) -> str:
    """Return by which name the value is a param of the run."""
    return parameter.lstrip("-")


def check_parameters(parameters: Mapping[str, Distribution]) -> None:
    """Return if values can come from here.

    Raises:
        InvalidParameter: One of them can't be; the message names it.
    """
    if not 1 <= len(parameters) <= MAX_PARAMETERS:
        raise InvalidParameter(f"'parameters' must be from 1 to {MAX_PARAMETERS}, not {len(parameters)}.")
    if len({param_name(name) for name in parameters}) < len(parameters):
        raise InvalidParameter("'parameters' has one name with dashes and without.")
    for name, distribution in parameters.items():
        if _PARAMETER.fullmatch(name) is None:
            raise invalid("parameters", name[:250], "A name has letters, digits, '_', '.' and '-'.")
        _check_distribution(f"parameters.{name}", distribution)


def check_metric(metric: str) -> None:
    """Return if there can be a metric of this name.

    Raises:
        InvalidParameter: There can't.
    """
    check_key(metric, "metric")
    check_length(metric, MAX_KEY_LENGTH - len(BEST_PREFIX), "metric")


def checked_trials(parameters: Mapping[str, Distribution], sampling: Sampling, wanted: int | None) -> int:
    """Return how many trials there are at most.

    Raises:
        InvalidParameter: Nothing says how many, or they are too many.
    """
    count = wanted
    if sampling is Sampling.GRID:
        size = grid_size(parameters)
        count = size if wanted is None else min(wanted, size)
    if count is None:
        raise InvalidParameter(f"'max_trials' must be said unless 'sampling' is grid; up to {MAX_TRIALS}.")
    if not 1 <= count <= MAX_TRIALS:
        raise InvalidParameter(f"'max_trials' must be from 1 to {MAX_TRIALS}, not {count}.")
    return count


def check_numbers(spec: SweepSpec) -> None:
    """Return if seed, duration and number of trials at a time can be.

    Raises:
        InvalidParameter: One of them can't; the message names it.
    """
    for name, value, least, most in (
        ("seed", spec.seed, 0, MAX_SEED),
        ("max_concurrent", spec.max_concurrent, 1, MAX_TRIALS),
        ("max_sweep_duration_s", spec.max_duration_s, 0, MAX_DURATION_S),
    ):
        if not least <= value <= most:
            raise InvalidParameter(f"'{name}' must be from {least} to {most}, not {value}.")


def check_stopping(rule: StoppingRule) -> None:
    """Return if trials can be ended by this rule.

    Raises:
        InvalidParameter: They can't; the message names what is wrong.
    """
    if rule.every < 1 or rule.delay < 0:
        raise InvalidParameter("'stopping.every' must be at least 1, and 'stopping.delay' at least 0.")
    if rule.kind is StoppingKind.BANDIT:
        slacks = (rule.slack_factor, rule.slack_amount)
        if sum(each != 0 for each in slacks) != 1 or not all(0 <= each < math.inf for each in slacks):
            raise InvalidParameter(
                "A bandit has 'stopping.slack_factor' or 'stopping.slack_amount', one of them, above 0."
            )
    if rule.kind is StoppingKind.TRUNCATION and not 1 <= rule.percentage <= 99:
        raise InvalidParameter(f"'stopping.percentage' must be from 1 to 99, not {rule.percentage}.")


def _check_distribution(field: str, distribution: Distribution) -> None:
    numbers = (
        distribution.low,
        distribution.high,
        distribution.mean,
        distribution.deviation,
        distribution.step,
    )
    if not all(abs(each) <= MAX_NUMBER for each in numbers):
        raise InvalidParameter(f"'{field}' has a number above {MAX_NUMBER:g}, or one that is not finite.")
    step = distribution.step
    if step and step < 1 / MAX_NUMBER:
        raise InvalidParameter(f"'{field}.step' must be at least {1 / MAX_NUMBER:g}, not {step}.")
    if distribution.kind is DistributionKind.CHOICE:
        _check_values(field, distribution)
    elif distribution.kind is DistributionKind.NORMAL:
        _check_normal(field, distribution)
    else:
        _check_bounds(field, distribution)


def _check_values(field: str, distribution: Distribution) -> None:
    values = distribution.values
    if not 1 <= len(values) <= MAX_CHOICES:
        raise InvalidParameter(f"'{field}.values' must be from 1 to {MAX_CHOICES}, not {len(values)}.")
    if len({(type(each), each) for each in values}) < len(values):
        raise InvalidParameter(f"'{field}.values' has a value twice.")
    for each in values:
        if isinstance(each, float) and not math.isfinite(each):
            raise InvalidParameter(f"'{field}.values' has a number that is not finite.")
        check_length(str(each), MAX_CHOICE_LENGTH, f"{field}.values")


def _check_normal(field: str, distribution: Distribution) -> None:
    mean, deviation = distribution.mean, distribution.deviation
    if deviation <= 0:
        raise InvalidParameter(f"'{field}.deviation' must be above 0, not {deviation}.")
    # Nobody draws what is ten deviations away.
    if distribution.is_log and mean + 10 * deviation > math.log(MAX_NUMBER):
        raise InvalidParameter(
            f"'{field}' has values above {MAX_NUMBER:g}: mean and deviation are logarithms."
        )


def _check_bounds(field: str, distribution: Distribution) -> None:
    low, high = distribution.low, distribution.high
    if low >= high:
        raise InvalidParameter(f"'{field}.low' must be below 'high', not {low} and {high}.")
    if distribution.is_log and low <= 0:
        raise InvalidParameter(f"'{field}.low' must be above 0 where the logarithm counts, not {low}.")
    if distribution.kind is DistributionKind.INTEGER:
        if not all(float(each).is_integer() for each in (low, high, distribution.step)):
            raise InvalidParameter(f"'{field}' has bounds or a step that are no whole numbers.")
        if max(abs(low), abs(high), distribution.step) > MAX_INTEGER:
            raise InvalidParameter(f"'{field}' has bounds or a step above {MAX_INTEGER}.")
    elif not distribution.step:
        return
    first, last = multiples(distribution)
    if last < first:
        raise InvalidParameter(f"'{field}' has no multiple of its step between its bounds.")
