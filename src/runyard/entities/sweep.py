"""A sweep: runs of one job with other values of its parameters each, in search of the best of a metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from runyard.entities.job import JobSpec, JobStatus
from runyard.entities.run import RunStatus

SWEEP_TAG = "runyard.sweep"
"""Tag of the run of a sweep: what is searched for, as ``minimize loss``."""
BEST_TAG = "runyard.sweep.best_run"
"""Tag of the run of a sweep: the run that is the best so far."""
PARAMETERS_TAG = "runyard.sweep.parameters"
"""Tag of a run of a sweep's trial: the values of its parameters as JSON."""

Value: TypeAlias = bool | int | float | str
"""What a parameter may be."""


class DistributionKind(str, Enum):
    """What kind of values a parameter has."""

    CHOICE = "choice"
    """One of some values."""
    UNIFORM = "uniform"
    """A number between two bounds."""
    INTEGER = "integer"
    """A whole number from one bound to another, both included."""
    NORMAL = "normal"
    """A number around a mean."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Where the values of a parameter come from.

    Args:
        kind: What kind of values they are.
        values: Those to choose from, of a choice.
        low: The lower bound, of a uniform or an integer one.
        high: The upper bound.
        mean: The mean of a normal one.
        deviation: Its standard deviation.
        is_log: Whether it is the logarithm of the value that is distributed so; ``low`` and ``high`` are
            bounds of the value itself, ``mean`` and ``deviation`` are of the logarithm.
        step: The value is rounded to a multiple of this; 0 for as it is drawn.
    """

    kind: DistributionKind
    values: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 0.0
    mean: float = 0.0
    deviation: float = 0.0
    is_log: bool = False
    step: float = 0.0


class Sampling(str, Enum):
    """How the values of the next trial are found."""

    GRID = "grid"
    """Every combination, one after the other."""
    RANDOM = "random"
    """Each by itself, from its distribution."""
    BAYESIAN = "bayesian"
    """By what the trials before have shown: Optuna's tree-structured Parzen estimator."""


class Goal(str, Enum):
    """Which values of the metric are good."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


class StoppingKind(str, Enum):
    """Which trials are ended before they are done."""

    BANDIT = "bandit"
    """Those that are further from the best one than a slack."""
    MEDIAN = "median"
    """Those whose best is worse than the median of the averages of all."""
    TRUNCATION = "truncation"
    """A share of them, the worst."""


@dataclass(frozen=True, slots=True)
class StoppingRule:
    """When a trial is ended early. It is asked by how many points of the metric the trial has logged.

    Args:
        kind: The rule.
        every: It is asked at each multiple of so many points.
        delay: And not before so many.
        slack_factor: Of a bandit: how much worse than the best, as a share of that.
        slack_amount: Or as a number.
        percentage: Of a truncation: the share of the trials.
    """

    kind: StoppingKind
    every: int = 1
    delay: int = 0
    slack_factor: float = 0.0
    slack_amount: float = 0.0
    percentage: float = 0.0


@dataclass(frozen=True, slots=True)
class SweepSpec:
    """What a sweep searches for, and how; it never changes.

    Args:
        job: What each trial runs; the values of the parameters are appended to its arguments.
        compute: Name of the target.
        parameters: Where the values of each come from.
        metric: Name of the metric that counts, by the best point that a trial logs.
        goal: Which values of it are good.
        sampling: How values are found.
        seed: What chance begins with: the same values come from the same seed.
        max_trials: How many trials at most.
        max_concurrent: How many at a time.
        max_duration_s: After how many seconds the sweep ends what goes on; 0 for never.
        stopping: When a trial is ended early, if ever.
        tags: First tags of the run of each trial.
    """

    job: JobSpec
    compute: str
    parameters: Mapping[str, Distribution]
    metric: str
    goal: Goal
    sampling: Sampling
    seed: int
    max_trials: int
    max_concurrent: int
    max_duration_s: int = 0
    stopping: StoppingRule | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class SweepStatus(str, Enum):
    """Where a sweep is in its life."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self is not SweepStatus.RUNNING

    @property
    def run_status(self) -> RunStatus:
        """What its run is in the meantime."""
        return _OF_RUN[self]


_OF_RUN = {
    SweepStatus.RUNNING: RunStatus.RUNNING,
    SweepStatus.COMPLETED: RunStatus.FINISHED,
    SweepStatus.FAILED: RunStatus.FAILED,
    SweepStatus.CANCELED: RunStatus.KILLED,
}


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep as it stands; times are milliseconds since the epoch.

    Args:
        run_id: Id of the sweep and of its run, below which the runs of its trials are.
        workspace: Where it lies.
        experiment_id: The experiment of its runs.
        spec: What it searches for.
        status: Where it is in its life.
        submitted_ms: When it was submitted.
        principal_id: By whom.
        submitted_by: Their name then.
        ended_ms: When it ended.
        closed_ms: When it was decided that no more trials are begun.
        closed_as: As what it ends then.
        reason: Why it ends so, or why it waits.
    """

    run_id: str
    workspace: str
    experiment_id: str
    spec: SweepSpec
    status: SweepStatus
    submitted_ms: int
    principal_id: str
    submitted_by: str
    ended_ms: int | None = None
    closed_ms: int | None = None
    closed_as: SweepStatus | None = None
    reason: str = ""


class TrialStatus(str, Enum):
    """What has become of a trial."""

    OPEN = "open"
    """Its job waits or runs."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    STOPPED = "stopped"
    """The sweep's own rule has ended it early; what it had logged counts."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of a sweep.

    Args:
        sweep_id: Id of the sweep.
        number: Which one, from 0.
        run_id: Id of its job and run.
        values: The values of its parameters.
        status: What has become of it.
        value: The best of the metric that it has logged; ``None`` for none, or as long as it is open.
        is_stopped: Whether the sweep's rule has decided to end it.
    """

    sweep_id: str
    number: int
    run_id: str
    values: Mapping[str, Value]
    status: TrialStatus = TrialStatus.OPEN
    value: float | None = None
    is_stopped: bool = False


def ended_as(status: JobStatus, *, is_stopped: bool) -> TrialStatus:
    """Return what has become of a trial whose job is over."""
    if status is JobStatus.CANCELED:
        return TrialStatus.STOPPED if is_stopped else TrialStatus.CANCELED
    return TrialStatus.COMPLETED if status is JobStatus.COMPLETED else TrialStatus.FAILED
