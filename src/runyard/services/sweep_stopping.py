"""Which trials of a sweep are to be ended early, by the points of its metric that they have logged."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np

from runyard.entities.sweep import Goal, StoppingKind, StoppingRule
from runyard.stores.metrics.points import Floats


def best_of(values: Floats, goal: Goal) -> float | None:
    """Return the best of the numbers that a trial has logged; NaN and infinities are none."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    return float(finite.min() if goal is Goal.MINIMIZE else finite.max())


def to_be_stopped(
    rule: StoppingRule, goal: Goal, series: Mapping[int, Floats], going_on: Collection[int]
) -> list[int]:
    """Return the numbers of the trials that the rule ends.

    A trial is compared with what the others had shown after as many points as it has now; those that were
    over before that count with all that they have.

    Args:
        rule: The rule.
        goal: Which values are good.
        series: What each trial has logged, in the order in which it did, by its number.
        going_on: Those that can be ended.
    """
    # Everything below looks for the least.
    signed = {
        number: _without_gaps(values if goal is Goal.MINIMIZE else -values)
        for number, values in series.items()
    }
    found = []
    for number in sorted(going_on):
        points = len(signed.get(number, ())) // rule.every * rule.every
        if points < max(rule.delay, rule.every):
            continue
        others = {
            each: values[:points]
            for each, values in signed.items()
            if len(values) >= points or (len(values) and each not in going_on)
        }
        if _JUDGES[rule.kind](rule, number, others):
            found.append(number)
    return found


def _without_gaps(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, math.inf)


def _is_behind_the_best(rule: StoppingRule, number: int, others: Mapping[int, Floats]) -> bool:
    best = min(float(values.min()) for values in others.values())
    slack = rule.slack_amount
    if rule.slack_factor:
        # The best times 1 + factor where that is worse, and divided by it where it would be better.
        share = rule.slack_factor / (1 + rule.slack_factor) if best < 0 else rule.slack_factor
        slack = abs(best) * share
    return float(others[number].min()) > best + slack


def _is_below_the_median(rule: StoppingRule, number: int, others: Mapping[int, Floats]) -> bool:
    averages = [float(values.mean()) for values in others.values()]
    return float(others[number].min()) > float(np.median(averages))


def _is_among_the_worst(rule: StoppingRule, number: int, others: Mapping[int, Floats]) -> bool:
    ranked = sorted(others, key=lambda each: (float(others[each].min()), each), reverse=True)
    return number in ranked[: int(len(ranked) * rule.percentage / 100)]


_JUDGES = {
    StoppingKind.BANDIT: _is_behind_the_best,
    StoppingKind.MEDIAN: _is_below_the_median,
    StoppingKind.TRUNCATION: _is_among_the_worst,
}
