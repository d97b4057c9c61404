"""Which trials of a sweep are ended early."""

from __future__ import annotations

import math

import numpy as np
import pytest

from runyard.entities.sweep import Goal, StoppingKind, StoppingRule
from runyard.services.sweep_stopping import best_of, to_be_stopped

MINIMIZE, MAXIMIZE = Goal.MINIMIZE, Goal.MAXIMIZE
BANDIT = StoppingRule(StoppingKind.BANDIT, slack_factor=0.1)
MEDIAN = StoppingRule(StoppingKind.MEDIAN)


def stopped(rule, goal, series, going_on=None):
    arrays = {number: np.array(values, dtype=np.float64) for number, values in enumerate(series)}
    return to_be_stopped(rule, goal, arrays, range(len(series)) if going_on is None else going_on)


@pytest.mark.parametrize(
    ("goal", "series", "expected"),
    [
        (MINIMIZE, [[1.0], [1.09], [1.11]], [2]),
        (MAXIMIZE, [[1.1], [1.01], [0.99]], [2]),
        (MINIMIZE, [[-1.1], [-1.01], [-0.99]], [2]),
        (MAXIMIZE, [[-1.0], [-1.09], [-1.11]], [2]),
        (MINIMIZE, [[0.0], [0.0], [1e-9]], [2]),
        (MINIMIZE, [[math.nan], [math.inf], [-math.inf]], []),
        (MINIMIZE, [[math.nan], [1.0]], [0]),
        (MINIMIZE, [[5.0]], []),
        (MINIMIZE, [[], [1.0]], []),
    ],
    ids=range(9),
)
def test_a_bandit_ends_what_is_further_from_the_best_than_its_share(goal, series, expected):
    assert stopped(BANDIT, goal, series) == expected


def test_a_bandit_may_have_an_amount():
    rule = StoppingRule(StoppingKind.BANDIT, slack_amount=0.5)
    assert stopped(rule, MINIMIZE, [[0.0], [0.5], [0.6]]) == [2]
    assert stopped(rule, MAXIMIZE, [[0.0], [-0.5], [-0.6]]) == [2]


def test_trials_are_compared_after_as_many_points():
    """The first is far ahead by now, and was not when it had as many as the second."""
    assert stopped(BANDIT, MINIMIZE, [[9.0, 1.0, 0.1], [9.0]]) == []
    assert stopped(BANDIT, MINIMIZE, [[9.0, 1.0, 0.1], [9.0, 9.0]]) == [1]


def test_the_best_so_far_counts_not_the_last():
    assert stopped(BANDIT, MINIMIZE, [[1.0, 9.0], [9.0, 1.05]]) == []


def test_what_was_over_with_fewer_points_counts_whole():
    assert stopped(BANDIT, MINIMIZE, [[1.0], [9.0, 9.0]], going_on=[1]) == [1]
    assert stopped(BANDIT, MINIMIZE, [[1.0], [9.0, 9.0]], going_on=[0, 1]) == []
    assert stopped(BANDIT, MINIMIZE, [[], [9.0, 9.0]], going_on=[1]) == []


def test_it_is_asked_at_each_interval_after_the_delay():
    rule = StoppingRule(StoppingKind.BANDIT, every=2, delay=4, slack_factor=0.1)
    best, worst = [1.0] * 9, [9.0] * 9
    assert [points for points in range(1, 9) if stopped(rule, MINIMIZE, [best, worst[:points]])] == [
        4,
        5,
        6,
        7,
        8,
    ]
    # At 5 it is still what there was at 4.
    assert stopped(rule, MINIMIZE, [best, [9.0, 9.0, 9.0, 9.0, 1.0]]) == [1]


def test_the_median_is_of_the_averages():
    assert stopped(MEDIAN, MINIMIZE, [[1.0, 3.0], [2.0, 2.0], [5.0, 4.0]]) == [2]
    assert stopped(MEDIAN, MAXIMIZE, [[1.0, 3.0], [2.0, 2.0], [5.0, 4.0]]) == []
    assert stopped(MEDIAN, MAXIMIZE, [[1.0, 1.0], [2.0, 2.0], [5.0, 4.0]]) == [0]


def test_a_truncation_ends_a_share_the_worst():
    rule = StoppingRule(StoppingKind.TRUNCATION, percentage=40)
    series = [[5.0], [4.0], [3.0], [2.0], [1.0]]
    assert stopped(rule, MINIMIZE, series) == [0, 1]
    assert stopped(rule, MAXIMIZE, series) == [3, 4]
    assert stopped(rule, MINIMIZE, series, going_on=[1, 2]) == [1]
    assert stopped(rule, MINIMIZE, series[:2]) == []


def test_the_best_is_a_number():
    assert best_of(np.array([math.nan, 2.0, 1.0, -math.inf]), MINIMIZE) == 1
    assert best_of(np.array([math.nan, 2.0, 1.0, math.inf]), MAXIMIZE) == 2
    assert best_of(np.array([math.nan, math.inf]), MINIMIZE) is None
    assert best_of(np.array([]), MINIMIZE) is None
