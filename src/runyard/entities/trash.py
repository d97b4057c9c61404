"""The trash: what was deleted and can be brought back, and what takes it away for good."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum


class TrashKind(str, Enum):
    """What can lie in the trash."""

    EXPERIMENT = "experiment"
    RUN = "run"
    LOGGED_MODEL = "logged_model"


@dataclass(frozen=True, slots=True)
class Trashed:
    """One thing in the trash; times are milliseconds since the epoch.

    Args:
        kind: What it is.
        item_id: Its id, among others of its kind.
        name: What people call it.
        experiment_id: The experiment that it lies in; its own id for an experiment.
        deleted_ms: When it was deleted.
        artifact_uri: Where its artifacts are.
        is_begun: Whether a collection has begun to take it away: nobody finds it, nobody can bring it back.
    """

    kind: TrashKind
    item_id: str
    name: str
    experiment_id: str
    deleted_ms: int
    artifact_uri: str
    is_begun: bool = False


@dataclass(frozen=True, slots=True)
class Retention:
    """Which things in the trash a collection may take; what is not in the trash it never touches.

    Args:
        deleted_before_ms: Only what was deleted no later than this.
        experiment_ids: Only these experiments and what lies in them; none for all.
        other_than_ids: Not these experiments, nor what lies in them.
        run_ids: Only these runs, and nothing but runs; none for all.
        keep_last: How many of the runs in the trash stay in each experiment, the last started ones.
        is_untagged: Only runs and models without tags of their own; those that MLflow's clients set
            (``mlflow.*``) don't count.
    """

    deleted_before_ms: int
    experiment_ids: tuple[str, ...] = ()
    other_than_ids: tuple[str, ...] = ()
    run_ids: tuple[str, ...] = ()
    keep_last: int = 0
    is_untagged: bool = False

    @property
    def keeps_some(self) -> bool:
        """Whether part of what lies in an experiment may stay though all of it is in the trash."""
        return self.keep_last > 0 or self.is_untagged

    def covers(self, experiment_id: str) -> bool:
        """Whether it speaks of an experiment and of what lies in it."""
        is_named = not self.experiment_ids or experiment_id in self.experiment_ids
        return is_named and experiment_id not in self.other_than_ids


@dataclass(frozen=True, slots=True)
class Freed:
    """What was taken away, or would be.

    Args:
        experiments: How many experiments.
        runs: How many runs.
        logged_models: How many logged models.
        datasets: How many descriptions of datasets, which no run reads any more.
        traces: How many traces.
        trace_bytes: What these took in the database, with their spans and assessments.
        metric_points: How many points of metrics.
        metric_bytes: What these took, with what is kept beside them for charts and searches.
        other_bytes: What everything else took in the database.
        artifact_files: How many files.
        artifact_bytes: Their length.
    """

    experiments: int = 0
    runs: int = 0
    logged_models: int = 0
    datasets: int = 0
    traces: int = 0
    trace_bytes: int = 0
    metric_points: int = 0
    metric_bytes: int = 0
    other_bytes: int = 0
    artifact_files: int = 0
    artifact_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """All of it, in the database and in files."""
        return self.trace_bytes + self.metric_bytes + self.other_bytes + self.artifact_bytes

    def __add__(self, other: Freed) -> Freed:
        return Freed(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Freed)))


NOTHING_FREED = Freed()
