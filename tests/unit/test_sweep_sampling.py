"""The values of a sweep's trials: the same from the same seed, within their bounds, each combination once."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest

from runyard.entities.job import JobSpec
from runyard.entities.sweep import (
    Distribution,
    DistributionKind,
    Goal,
    Sampling,
    SweepSpec,
    Trial,
    TrialStatus,
)
from runyard.errors import InvalidParameter
from runyard.services.sweep_sampling import grid_size, next_values

CHOICE = Distribution(DistributionKind.CHOICE, ("a", 1, True, 1.0))
UNIFORM = Distribution(DistributionKind.UNIFORM, low=-1.5, high=2.5)
SPEC = SweepSpec(
    JobSpec(command=("x",)), "local", {}, "loss", Goal.MINIMIZE, Sampling.RANDOM, seed=3, max_trials=40,
    max_concurrent=2,
)  # fmt: skip


def spec(sampling: Sampling = Sampling.RANDOM, **parameters: Distribution) -> SweepSpec:
    return dataclasses.replace(SPEC, sampling=sampling, parameters=parameters)


def drawn(distribution: Distribution, count: int = 300) -> list:
    return [next_values(spec(x=distribution), number, ())["x"] for number in range(count)]


def test_a_grid_has_every_combination_once():
    parameters = {
        "c": CHOICE,
        "n": Distribution(DistributionKind.INTEGER, low=3, high=5),
        "u": Distribution(DistributionKind.UNIFORM, low=0.05, high=0.35, step=0.1),
    }
    wanted = list(itertools.product(CHOICE.values, (3, 4, 5), (0.1, 0.2, 0.3)))
    assert grid_size(parameters) == len(wanted)
    grid = spec(Sampling.GRID, **parameters)
    found = [tuple(next_values(grid, number, ()).values()) for number in range(len(wanted))]
    assert [[repr(each) for each in one] for one in found] == [[repr(each) for each in one] for one in wanted]


@pytest.mark.parametrize(
    "distribution",
    [
        UNIFORM,
        Distribution(DistributionKind.NORMAL, mean=0, deviation=1, step=1),
        Distribution(DistributionKind.INTEGER, low=1, high=9, is_log=True),
        Distribution(DistributionKind.INTEGER, low=1, high=100_000),
    ],
    ids=["uniform", "normal", "log", "too many"],
)
def test_what_can_not_be_counted_is_no_grid(distribution: Distribution):
    with pytest.raises(InvalidParameter, match=r"parameters\.x"):
        grid_size({"x": distribution})


def test_the_same_seed_draws_the_same():
    both = spec(a=UNIFORM, b=UNIFORM)
    values = [next_values(both, number, ()) for number in range(5)]
    assert values == [next_values(both, number, ()) for number in range(5)]
    # In every process, and in every later version: a sweep goes on after an update.
    assert values[0] == {"a": pytest.approx(1.7831465172857413), "b": pytest.approx(0.981995522393246)}
    assert len({each for one in values for each in one.values()}) == 10
    other = dataclasses.replace(both, seed=4)
    assert next_values(other, 0, ()) != values[0]


def test_values_lie_in_their_bounds():
    assert all(-1.5 <= each <= 2.5 for each in drawn(UNIFORM))
    assert set(drawn(Distribution(DistributionKind.INTEGER, low=-2, high=2))) == {-2, -1, 0, 1, 2}
    stepped = set(drawn(Distribution(DistributionKind.UNIFORM, low=0.05, high=0.35, step=0.1)))
    assert stepped == {0.1, 0.2, 0.3}
    whole = drawn(Distribution(DistributionKind.UNIFORM, low=5, high=20, step=5))
    assert {repr(each) for each in whole} == {"5", "10", "15", "20"}
    assert {repr(each) for each in drawn(CHOICE)} == {"'a'", "1", "True", "1.0"}


def test_a_logarithm_is_what_is_even():
    values = drawn(Distribution(DistributionKind.UNIFORM, low=1e-4, high=1, is_log=True), 2000)
    assert all(1e-4 <= each <= 1 for each in values)
    assert sum(each < 1e-2 for each in values) == pytest.approx(1000, abs=120)
    whole = drawn(Distribution(DistributionKind.INTEGER, low=1, high=1000, is_log=True), 2000)
    assert all(isinstance(each, int) and 1 <= each <= 1000 for each in whole)
    assert sum(each < 32 for each in whole) == pytest.approx(1000, abs=120)


def test_a_normal_one_is_around_its_mean():
    values = drawn(Distribution(DistributionKind.NORMAL, mean=5, deviation=2), 2000)
    assert sum(values) / len(values) == pytest.approx(5, abs=0.2)
    logs = drawn(Distribution(DistributionKind.NORMAL, mean=1, deviation=0.1, is_log=True), 2000)
    assert sum(map(math.log, logs)) / len(logs) == pytest.approx(1, abs=0.05)
    assert all(
        each % 5 == 0 for each in drawn(Distribution(DistributionKind.NORMAL, mean=50, deviation=20, step=5))
    )


@pytest.mark.parametrize("goal", list(Goal), ids=lambda each: each.value)
def test_optuna_learns_from_the_trials_before(goal: Goal):
    pytest.importorskip("optuna")
    parameters = {
        "x": Distribution(DistributionKind.UNIFORM, low=-10, high=10),
        "k": Distribution(DistributionKind.CHOICE, (True, 1, "1")),
        "n": Distribution(DistributionKind.INTEGER, low=0, high=20),
        "q": Distribution(DistributionKind.UNIFORM, low=0.1, high=0.9, step=0.2),
        "l": Distribution(DistributionKind.INTEGER, low=2, high=64, is_log=True),
    }
    wanted = dataclasses.replace(spec(Sampling.BAYESIAN, **parameters), goal=goal)
    sign = 1 if goal is Goal.MINIMIZE else -1
    trials: list[Trial] = []
    for number in range(30):
        values = next_values(wanted, number, trials)
        assert values == next_values(wanted, number, trials)
        assert repr(values["k"]) in {"True", "1", "'1'"}
        assert isinstance(values["n"], int)
        assert values["q"] in (0.2, 0.4, 0.6, 0.8)
        assert isinstance(values["l"], int)
        loss = (float(values["x"]) - 3) ** 2 + abs(values["n"] - 7)
        status = (TrialStatus.COMPLETED, TrialStatus.STOPPED, TrialStatus.FAILED, TrialStatus.OPEN)[
            number % 9 % 4
        ]
        value = None if status in (TrialStatus.OPEN, TrialStatus.FAILED) else sign * loss
        trials.append(Trial("s", number, "r", values, status, value))
    losses = [abs(float(each.values["x"]) - 3) for each in trials]
    assert sum(losses[20:]) < sum(losses[:10])


def test_without_optuna_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    monkeypatch.delitem(__import__("sys").modules, "runyard.services.optuna_sampling", raising=False)
    with pytest.raises(InvalidParameter, match=r"runyard\[sweep\]"):
        next_values(spec(Sampling.BAYESIAN, x=UNIFORM), 0, ())
