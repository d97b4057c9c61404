"""What ``azureml.train.hyperdrive`` offers: sweeps in the words of Azure's first SDK."""

from __future__ import annotations

import builtins
import math
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, ClassVar

from runyard.entities.sweep import Goal, Sampling, StoppingKind
from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.sdk.metric_values import MetricValues
from runyard.sdk.run import Run
from runyard.sdk.script_run_config import ScriptRunConfig
from runyard.sdk.sweep_config import Parameter, SweepConfig
from runyard.sdk.sweep_run import SweepRun

_SECONDS_OF_A_MINUTE = 60


class PrimaryMetricGoal(Enum):
    """Which values of the metric are good.

    Example:
        >>> PrimaryMetricGoal.MINIMIZE.value
        'MINIMIZE'
    """

    MAXIMIZE = "MAXIMIZE"
    MINIMIZE = "MINIMIZE"


# --- where values come from, in the words of SweepConfig ---------------------------------------------------


def choice(*options: Any) -> list[Any]:
    """Return one of some values, which may also be given as one list or range.

    Example:
        >>> choice(16, 32), choice(range(2))
        ([16, 32], [0, 1])
    """
    if len(options) == 1 and not isinstance(options[0], str) and isinstance(options[0], Iterable):
        return list(options[0])
    return list(options)


def randint(upper: int) -> Parameter:
    """Return a whole number from 0 up to, and without, ``upper``.

    Example:
        >>> randint(8)
        {'low': 0, 'high': 7}
    """
    return {"low": 0, "high": upper - 1} if upper > 1 else [0]


def uniform(min_value: float, max_value: float) -> Parameter:
    """Return any number between two.

    Example:
        >>> uniform(0, 1)
        {'low': 0.0, 'high': 1.0, 'step': 0}
    """
    return quniform(min_value, max_value, 0)


def quniform(min_value: float, max_value: float, q: float) -> Parameter:
    """Return a multiple of ``q`` between two numbers.

    Example:
        >>> quniform(0, 1, 0.25)
        {'low': 0.0, 'high': 1.0, 'step': 0.25}
    """
    return {"low": float(min_value), "high": float(max_value), "step": q}


def loguniform(min_value: float, max_value: float) -> Parameter:
    """Return a number whose logarithm lies anywhere between two: the bounds are exponents of e.

    Example:
        >>> loguniform(-2, 0)['high']
        1.0
    """
    return qloguniform(min_value, max_value, 0)


def qloguniform(min_value: float, max_value: float, q: float) -> Parameter:
    """Return a multiple of ``q`` whose logarithm lies between two numbers.

    Example:
        >>> qloguniform(0, 2, 1)['low']
        1.0
    """
    return {"low": math.exp(min_value), "high": math.exp(max_value), "log": True, "step": q}


def normal(mu: float, sigma: float) -> Parameter:
    """Return a number around a mean.

    Example:
        >>> normal(10, 3)
        {'mean': 10, 'deviation': 3, 'step': 0}
    """
    return qnormal(mu, sigma, 0)


def qnormal(mu: float, sigma: float, q: float) -> Parameter:
    """Return a multiple of ``q`` around a mean.

    Example:
        >>> qnormal(10, 3, 1)
        {'mean': 10, 'deviation': 3, 'step': 1}
    """
    return {"mean": mu, "deviation": sigma, "step": q}


def lognormal(mu: float, sigma: float) -> Parameter:
    """Return a number whose logarithm is around a mean.

    Example:
        >>> lognormal(0, 1)
        {'mean': 0, 'deviation': 1, 'log': True, 'step': 0}
    """
    return qlognormal(mu, sigma, 0)


def qlognormal(mu: float, sigma: float, q: float) -> Parameter:
    """Return a multiple of ``q`` whose logarithm is around a mean.

    Example:
        >>> qlognormal(0, 1, 2)
        {'mean': 0, 'deviation': 1, 'log': True, 'step': 2}
    """
    return {"mean": mu, "deviation": sigma, "log": True, "step": q}


class HyperParameterSampling:
    """How values are found, and where they come from.

    Args:
        parameter_space: By the name of each argument, as ``--lr`` or ``lr``.
        properties: Of random sampling, ``seed``.

    Example:
        >>> HyperParameterSampling({"--lr": choice(0.1, 0.01)}, {"seed": 7}).seed
        7
    """

    _sampling: ClassVar[Sampling]

    def __init__(
        self, parameter_space: Mapping[str, Parameter], properties: Mapping[str, Any] | None = None
    ) -> None:
        said = dict(properties or {})
        self.seed: int | None = said.pop("seed", None)
        if said.pop("rule", "random") != "random" or said:
            raise NotImplementedHere(
                "Of the properties of a sampling there is seed; values are drawn by chance, not by a rule."
            )
        self.parameter_space = dict(parameter_space)


class GridParameterSampling(HyperParameterSampling):
    """Every combination of choices.

    Example:
        >>> GridParameterSampling({"--depth": choice(2, 4)}).parameter_space
        {'--depth': [2, 4]}
    """

    _sampling = Sampling.GRID


class RandomParameterSampling(HyperParameterSampling):
    """Each value by itself.

    Example:
        >>> RandomParameterSampling({"--size": randint(8)}).parameter_space
        {'--size': {'low': 0, 'high': 7}}
    """

    _sampling = Sampling.RANDOM


class BayesianParameterSampling(HyperParameterSampling):
    """By what the runs before have shown, as Optuna has it.

    Example:
        >>> BayesianParameterSampling({"--lr": normal(10, 3)}).parameter_space
        {'--lr': {'mean': 10, 'deviation': 3, 'step': 0}}
    """

    _sampling = Sampling.BAYESIAN


# --- which runs are ended early ---------------------------------------------------------------------------


class EarlyTerminationPolicy:
    """When a run is ended early.

    Args:
        stopping: In the words of a SweepConfig; None for never.

    Example:
        >>> EarlyTerminationPolicy({"rule": "median"}).stopping
        {'rule': 'median'}
    """

    def __init__(self, stopping: Mapping[str, object] | None) -> None:
        self.stopping = stopping


class NoTerminationPolicy(EarlyTerminationPolicy):
    """No run is ended early.

    Example:
        >>> NoTerminationPolicy().stopping is None
        True
    """

    def __init__(self) -> None:
        super().__init__(None)


class BanditPolicy(EarlyTerminationPolicy):
    """When it is further from the best run than a slack.

    Example:
        >>> BanditPolicy(slack_factor=0.1, evaluation_interval=2).stopping["slack_factor"]
        0.1
    """

    def __init__(
        self,
        slack_factor: float | None = None,
        slack_amount: float | None = None,
        evaluation_interval: int = 1,
        delay_evaluation: int = 0,
    ) -> None:
        super().__init__(
            {
                "rule": StoppingKind.BANDIT.value,
                "every": evaluation_interval,
                "delay": delay_evaluation,
                "slack_factor": slack_factor or 0.0,
                "slack_amount": slack_amount or 0.0,
            }
        )


class MedianStoppingPolicy(EarlyTerminationPolicy):
    """When its best is worse than the median of the averages of all runs.

    Example:
        >>> MedianStoppingPolicy(delay_evaluation=5).stopping["delay"]
        5
    """

    def __init__(self, evaluation_interval: int = 1, delay_evaluation: int = 0) -> None:
        rule = StoppingKind.MEDIAN.value
        super().__init__({"rule": rule, "every": evaluation_interval, "delay": delay_evaluation})


class TruncationSelectionPolicy(EarlyTerminationPolicy):
    """When it is among the worst, a percentage of all runs; those that have ended count with them.

    Example:
        >>> TruncationSelectionPolicy(truncation_percentage=20).stopping["percentage"]
        20
    """

    def __init__(
        self,
        truncation_percentage: int,
        evaluation_interval: int = 1,
        delay_evaluation: int = 0,
        exclude_finished_jobs: bool = False,
    ) -> None:
        if exclude_finished_jobs:
            raise NotImplementedHere(
                "exclude_finished_jobs has no counterpart: runs are compared with all others."
            )
        super().__init__(
            {
                "rule": StoppingKind.TRUNCATION.value,
                "every": evaluation_interval,
                "delay": delay_evaluation,
                "percentage": truncation_percentage,
            }
        )


# --- the sweep and its run --------------------------------------------------------------------------------


class HyperDriveRun(SweepRun):
    """The run of a sweep.

    Args:
        experiment: The experiment that it belongs to.
        run_id: Its id.
        hyperdrive_config: Taken for Azure's scripts; no effect.
    """

    def __init__(self, experiment: Any, run_id: str, hyperdrive_config: object = None, **_: object) -> None:
        super().__init__(experiment, run_id)

    def get_best_run_by_primary_metric(
        self,
        include_failed: bool = True,
        include_canceled: bool = True,
        include_resume_from_runs: bool = True,
    ) -> Run | None:
        """Return the best run by the best value that each has logged; None if none has logged any."""
        for child in self.get_children_sorted_by_primary_metric(discard_no_metric=True):
            status = child["status"]
            if (include_failed or status != "Failed") and (include_canceled or status != "Canceled"):
                return self._run_of(child["run_id"])
        return None

    def get_children_sorted_by_primary_metric(
        self, top: int = 0, reverse: bool = False, discard_no_metric: bool = False
    ) -> builtins.list[dict[str, Any]]:
        """Return the runs from the best to the worst, and those without the metric behind them.

        Args:
            top: How many; 0 for all.
            reverse: The worst first.
            discard_no_metric: Without those that have not logged the metric.
        """
        sign = 1 if self.sweep.goal == Goal.MINIMIZE.value else -1
        trials = self.get_trials()
        measured = [(sign * each.value, each.number, each) for each in trials if each.value is not None]
        ordered = [each for _, _, each in sorted(measured, key=lambda one: one[:2], reverse=reverse)]
        if not discard_no_metric:
            ordered += [each for each in trials if each.value is None]
        return [
            {
                "run_id": each.run_id,
                "hyperparameters": each.parameters,
                "best_primary_metric": each.value,
                "status": "Canceled" if each.status == "stopped" else each.status.capitalize(),
            }
            for each in (ordered[:top] if top else ordered)
        ]

    def get_hyperparameters(self) -> dict[str, Any]:
        """Return the values of each run's parameters by its id."""
        return {each.run_id: each.parameters for each in self.get_trials()}

    def get_metrics(self, *arguments: Any, **options: Any) -> MetricValues:
        """Return the metrics of each run by its id; what is asked of one run is asked of each."""
        found: Any = {each.id: each.get_metrics(*arguments, **options) for each in self.get_children()}
        metrics: MetricValues = found
        return metrics


class HyperDriveConfig(SweepConfig):
    """What to sweep.

    Args:
        hyperparameter_sampling: How values are found, and where they come from.
        primary_metric_name: Name of the metric that counts.
        primary_metric_goal: Which values of it are good.
        max_total_runs: How many runs at most.
        max_concurrent_runs: How many at a time; by default as many as the target has slots for.
        max_duration_minutes: After how many minutes the sweep ends what goes on.
        policy: When a run is ended early.
        estimator: What each run runs, in place of ``run_config``.
        run_config: What each run runs, and where.
        resume_from: Must be None.
        resume_child_runs: Must be None.
        pipeline: Must be None.

    Raises:
        InvalidParameter: A part of it can't be.
        NotImplementedHere: An argument has no counterpart.
    """

    _run_class = HyperDriveRun

    def __init__(
        self,
        hyperparameter_sampling: HyperParameterSampling,
        primary_metric_name: str,
        primary_metric_goal: PrimaryMetricGoal,
        max_total_runs: int | None = None,
        max_concurrent_runs: int | None = None,
        max_duration_minutes: int = 10_080,
        policy: EarlyTerminationPolicy | None = None,
        estimator: ScriptRunConfig | None = None,
        run_config: ScriptRunConfig | None = None,
        resume_from: object = None,
        resume_child_runs: object = None,
        pipeline: object = None,
    ) -> None:
        if any(each is not None for each in (resume_from, resume_child_runs, pipeline)):
            raise NotImplementedHere(
                "A sweep has no pipeline, and no runs to resume from: give it run_config."
            )
        configs = [each for each in (run_config, estimator) if each is not None]
        if len(configs) != 1:
            raise InvalidParameter("HyperDriveConfig needs run_config or estimator, one of them.")
        super().__init__(
            configs[0],
            hyperparameter_sampling.parameter_space,
            primary_metric_name,
            goal=PrimaryMetricGoal(primary_metric_goal).value.lower(),
            sampling=hyperparameter_sampling._sampling.value,
            max_trials=max_total_runs,
            max_concurrent=max_concurrent_runs,
            max_duration_seconds=max_duration_minutes * _SECONDS_OF_A_MINUTE,
            stopping=None if policy is None else policy.stopping,
            seed=hyperparameter_sampling.seed,
        )
