"""What ``azureml.train.hyperdrive`` offers: sweeps in the words of Azure's first SDK."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from enum import Enum
from typing import Any, ClassVar

from runyard.azureml.policies import EarlyTerminationPolicy
from runyard.entities.sweep import Goal, Sampling
from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.sdk.absent import Absent
from runyard.sdk.arguments import pairs, shown, whole_number
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
        said = dict(pairs(properties or {}, "properties"))
        seed = said.pop("seed", None)
        self.seed = None if seed is None else whole_number(seed, "properties['seed']")
        if said.pop("rule", "random") != "random" or said:
            raise NotImplementedHere(
                "Of the properties of a sampling there is seed; values are drawn by chance, not by a rule."
            )
        self.parameter_space = dict(pairs(parameter_space, "parameter_space"))


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


class HyperDriveRun(SweepRun):
    """The run of a sweep.

    Args:
        experiment: The experiment that it belongs to.
        run_id: Its id.
        hyperdrive_config: Taken for Azure's scripts; no effect.

    Example:
        >>> HyperDriveRun(experiment, sweep.id).get_status()
        'Completed'
    """

    get_diagnostics = Absent("get_all_logs() of it and of each of its runs brings what was printed.")
    get_warm_start_runs = Absent("A sweep begins anew; get_children() are the runs that it has tried.")

    def __init__(self, experiment: Any, run_id: str, hyperdrive_config: object = None, **_: object) -> None:
        super().__init__(experiment, run_id)

    def get_best_run_by_primary_metric(
        self,
        include_failed: bool = True,
        include_canceled: bool = True,
        include_resume_from_runs: bool = True,
    ) -> Run | None:
        """Return the best run by the best value that each has logged; None if none has logged any.

        Args:
            include_failed: Whether a run that failed may be the best.
            include_canceled: Whether one that was ended may be.
            include_resume_from_runs: Taken for Azure's scripts; no effect.

        Example:
            >>> sweep.get_best_run_by_primary_metric().get_metrics()
            {'loss': 0.1}
        """
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

        Example:
            >>> [each["best_primary_metric"] for each in sweep.get_children_sorted_by_primary_metric()]
            [0.1, 0.2]
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
        """Return the values of each run's parameters by its id.

        Example:
            >>> sorted(each["--alpha"] for each in sweep.get_hyperparameters().values())
            [0.1, 0.2]
        """
        return {each.run_id: each.parameters for each in self.get_trials()}

    def get_metrics(self, *arguments: Any, **options: Any) -> MetricValues:
        """Return the metrics of each run by its id; what is asked of one run is asked of each.

        Example:
            >>> sorted(each["loss"] for each in sweep.get_metrics().values())
            [0.1, 0.2]
        """
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
        resume_from: None, or an empty list.
        resume_child_runs: As ``resume_from``.
        pipeline: Must be None.

    Raises:
        InvalidParameter: A part of it can't be.
        NotImplementedHere: An argument has no counterpart.

    Example:
        >>> alphas = GridParameterSampling({"--alpha": choice(0.1, 0.2)})
        >>> code = ScriptRunConfig("code", "train.py")
        >>> HyperDriveConfig(alphas, "loss", PrimaryMetricGoal.MINIMIZE, run_config=code)
        HyperDriveConfig(minimize 'loss' by grid over --alpha)
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
        if pipeline is not None:
            raise NotImplementedHere("A sweep has no pipeline: give it run_config.")
        if resume_from or resume_child_runs:
            raise NotImplementedHere(
                "A sweep begins anew: it has no resume_from and no resume_child_runs. Leave them out, and "
                "narrow the space to what get_best_run_by_primary_metric() of the earlier one found."
            )
        _check_kinds(hyperparameter_sampling, policy)
        configs = [each for each in (run_config, estimator) if each is not None]
        if len(configs) != 1:
            raise InvalidParameter("HyperDriveConfig needs run_config or estimator, one of them.")
        super().__init__(
            configs[0],
            hyperparameter_sampling.parameter_space,
            primary_metric_name,
            goal=_goal(primary_metric_goal),
            sampling=hyperparameter_sampling._sampling.value,
            max_trials=max_total_runs,
            max_concurrent=max_concurrent_runs,
            max_duration_seconds=whole_number(max_duration_minutes, "max_duration_minutes")
            * _SECONDS_OF_A_MINUTE,
            stopping=None if policy is None else policy.stopping,
            seed=hyperparameter_sampling.seed,
        )


def _check_kinds(sampling: object, policy: object) -> None:
    if not isinstance(sampling, GridParameterSampling | RandomParameterSampling | BayesianParameterSampling):
        raise InvalidParameter(
            "hyperparameter_sampling must be a GridParameterSampling, a RandomParameterSampling or a "
            f"BayesianParameterSampling, not {shown(sampling)}."
        )
    if policy is not None and not isinstance(policy, EarlyTerminationPolicy):
        raise InvalidParameter(
            f"policy must be an EarlyTerminationPolicy, as BanditPolicy is, or None, not {shown(policy)}."
        )


def _goal(said: object) -> str:
    try:
        return PrimaryMetricGoal(said).value.lower()
    except ValueError:
        raise InvalidParameter(
            "primary_metric_goal must be PrimaryMetricGoal.MAXIMIZE or PrimaryMetricGoal.MINIMIZE, not "
            f"{shown(said)}."
        ) from None
