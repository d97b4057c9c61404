"""The workloads, in the order in which a contestant meets them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import FIGURES
from benchmarks.trial import Trial
from benchmarks.workloads import artifacts, footprint, history, logging, search, wide_runs

__all__ = ["WORKLOADS", "Workload"]


@dataclass(frozen=True)
class Workload:
    """A name by which one asks for it, and what it does."""

    name: str
    run: Callable[[Trial], Coroutine[Any, Any, None]]

    @property
    def figures(self) -> list[str]:
        """The figures that it yields."""
        return [figure.key for figure in FIGURES.values() if figure.workload == self.name]


# The footprint on disk is measured first: what others leave behind shrinks while it is counted.
WORKLOADS = (
    Workload("H", footprint.measure_disk),
    Workload("A", logging.create_runs),
    Workload("B", logging.log_single_metrics),
    Workload("C", logging.log_batches),
    Workload("C-wide", logging.log_wide_batches),
    Workload("same-run", logging.log_into_one_run),
    Workload("D", logging.log_params_and_tags),
    Workload("E", logging.train),
    Workload("fleet", logging.train_fleet),
    Workload("J", artifacts.move_files),
    Workload("G-growth", history.read_growing),
    Workload("G", history.read_histories),
    Workload("F", search.search_runs),
    Workload("F-growth", search.search_growing),
    Workload("ftml-860", wide_runs.look_at_wide_runs),
)
