"""What to sweep: a configuration of jobs, where the values of their parameters come from, what is best."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from runyard.decoding import learnt
from runyard.entities.sweep import DistributionKind, Goal, Sampling, StoppingKind
from runyard.errors import InvalidParameter
from runyard.protocol.messages.sweeps import SubmitSweep, WireDistribution, WireStopping
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import pairs, shown
from runyard.sdk.script_run_config import ScriptRunConfig
from runyard.sdk.sweep_run import SweepRun

if TYPE_CHECKING:
    from runyard.protocol.messages.jobs import SubmitJob

Parameter = Sequence[object] | Mapping[str, object] | WireDistribution
"""Where the values of a parameter come from: a list to choose from, or bounds and the like by their names."""

_WRONG = re.compile(r"Expected `([^`]*)`.* - at `\$\.(\w+)`")


class _Numbers(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    low: int | float | None = None
    high: int | float | None = None
    mean: float | None = None
    deviation: float | None = None
    log: bool = False
    step: float = 0.0


class _Stopping(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    rule: str
    every: int = 1
    delay: int = 0
    slack_factor: float = 0.0
    slack_amount: float = 0.0
    percentage: float = 0.0


@names_arguments
class SweepConfig:
    """A job to be run with other values of its parameters each, in search of the best of a metric.

    The server begins the runs, some at a time, and goes on whether or not this program does. Each gets its
    values as arguments behind those of the configuration, as ``--lr 0.1``.

    Args:
        run_config: What each run runs, and where.
        parameters: Where the values of each come from, by its name: a list to choose from; ``{"low": 1,
            "high": 9}`` for whole numbers, with a point in one of them for any; ``{"mean": 0,
            "deviation": 1}`` for a normal distribution. ``"log": True`` lets the logarithm be what is
            distributed so, with bounds of the value itself; ``"step": 0.5`` rounds to a multiple.
        metric: Name of the metric that counts, by the best point that a run logs.
        goal: ``minimize`` or ``maximize``.
        sampling: ``grid`` for every combination, ``random``, or ``bayesian`` for what Optuna makes of the
            runs before.
        max_trials: How many runs at most; may be left out of a grid.
        max_concurrent: How many at a time; by default as many as the target has slots for.
        max_duration_seconds: After how many seconds the sweep ends what goes on; None for never.
        stopping: When a run is ended early: ``{"rule": "median"}``, ``{"rule": "bandit", "slack_factor":
            0.1}`` (or ``slack_amount``), ``{"rule": "truncation", "percentage": 20}``. Each may say
            ``every`` how many points of the metric it is asked, and after what ``delay`` first.
        seed: What chance begins with; None draws one.

    Raises:
        InvalidParameter: A part of it can't be; the message names it.

    Example:
        >>> script = ScriptRunConfig("training", "train.py")
        >>> parameters = {"lr": {"low": 1e-4, "high": 0.1, "log": True}, "depth": [2, 4, 8]}
        >>> SweepConfig(script, parameters, "loss", max_trials=20)
        SweepConfig(minimize 'loss' by random over lr, depth)
    """

    _run_class: ClassVar[type[SweepRun]] = SweepRun

    def __init__(
        self,
        run_config: ScriptRunConfig,
        parameters: Mapping[str, Any],
        metric: str,
        *,
        goal: str = Goal.MINIMIZE.value,
        sampling: str = Sampling.RANDOM.value,
        max_trials: int | None = None,
        max_concurrent: int | None = None,
        max_duration_seconds: int | None = None,
        stopping: Mapping[str, object] | WireStopping | None = None,
        seed: int | None = None,
    ) -> None:
        if not isinstance(run_config, ScriptRunConfig):
            raise InvalidParameter(
                f"run_config must be a ScriptRunConfig, not a {type(run_config).__name__}."
            )
        self.run_config = run_config
        self.parameters = {
            name: distribution_of(name, each) for name, each in pairs(parameters, "parameters").items()
        }
        self.metric = metric
        self.goal = _word(goal, Goal, "goal")
        self.sampling = _word(sampling, Sampling, "sampling")
        self.max_trials = max_trials
        self.max_concurrent = max_concurrent
        self.max_duration_seconds = max_duration_seconds
        self.stopping = stopping_of(stopping)
        self.seed = seed

    def __repr__(self) -> str:
        names = ", ".join(self.parameters)
        return f"{type(self).__name__}({self.goal} {self.metric!r} by {self.sampling} over {names})"

    def _message(self, job: SubmitJob) -> SubmitSweep:
        """Return what a server is asked for, around the message about one job."""
        return SubmitSweep(
            **{name: getattr(job, name) for name in job.__struct_fields__},
            parameters=self.parameters,
            metric=self.metric,
            goal=self.goal,
            sampling=self.sampling,
            seed=self.seed,
            max_trials=self.max_trials,
            max_concurrent=self.max_concurrent,
            max_sweep_duration_s=self.max_duration_seconds or 0,
            stopping=self.stopping,
        )


def distribution_of(name: str, said: Parameter) -> WireDistribution:
    """Return where the values of a parameter come from, as a server is told.

    Raises:
        InvalidParameter: It is neither a list nor bounds; the message names it.
    """
    if isinstance(said, WireDistribution):
        return said
    field = f"parameters[{name!r}]"
    if isinstance(said, Mapping):
        return _of_numbers(field, _converted(said, _Numbers, field))
    if isinstance(said, str | bytes) or not isinstance(said, Sequence):
        raise InvalidParameter(f"{field} must be a list to choose from or as {{'low': 0.0, 'high': 1.0}}.")
    for each in said:
        if not isinstance(each, bool | int | float | str):
            raise InvalidParameter(f"{field} has a {type(each).__name__}; words and numbers can be there.")
    values: list[Any] = list(said)
    return WireDistribution(kind=DistributionKind.CHOICE.value, values=values)


def stopping_of(said: Mapping[str, object] | WireStopping | None) -> WireStopping | None:
    """Return when a run is ended early, as a server is told.

    Raises:
        InvalidParameter: There is no such rule, or something in it that a rule has not.
    """
    if said is None or isinstance(said, WireStopping):
        return said
    read = _converted(said, _Stopping, "stopping")
    return WireStopping(
        kind=_word(read.rule, StoppingKind, "stopping['rule']"),
        every=read.every,
        delay=read.delay,
        slack_factor=read.slack_factor,
        slack_amount=read.slack_amount,
        percentage=read.percentage,
    )


def _of_numbers(field: str, said: _Numbers) -> WireDistribution:
    has_bounds = said.low is not None or said.high is not None
    if said.mean is not None and said.deviation is not None and not has_bounds:
        kind = DistributionKind.NORMAL.value
        return WireDistribution(
            kind=kind, mean=said.mean, deviation=said.deviation, is_log=said.log, step=said.step
        )
    if said.low is None or said.high is None or said.mean is not None or said.deviation is not None:
        raise InvalidParameter(f"{field} must say 'low' and 'high', or 'mean' and 'deviation'.")
    is_whole = isinstance(said.low, int) and isinstance(said.high, int) and float(said.step).is_integer()
    kind = (DistributionKind.INTEGER if is_whole else DistributionKind.UNIFORM).value
    return WireDistribution(kind=kind, low=said.low, high=said.high, is_log=said.log, step=said.step)


def _converted(said: Mapping[str, object], kind: Any, field: str) -> Any:
    try:
        return msgspec.convert(dict(said), learnt(kind))
    except msgspec.ValidationError as error:
        wrong = _WRONG.search(str(error))
        if wrong is not None:
            expected = " or ".join(wrong[1].replace(" | null", "").split(" | "))
            value = shown(said.get(wrong[2]))
            raise InvalidParameter(f"{field}[{wrong[2]!r}] must be {expected}, not {value}.") from None
        raise InvalidParameter(f"{field}: {error}; there are {', '.join(kind.__struct_fields__)}.") from None


def _word(said: object, words: type[Goal] | type[Sampling] | type[StoppingKind], field: str) -> str:
    try:
        found: str = words(str(said).lower()).value
    except ValueError:
        known = ", ".join(each.value for each in words)
        raise InvalidParameter(f"{field} must be one of {known}, not {said!r}.") from None
    return found
