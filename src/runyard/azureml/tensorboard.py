"""What ``azureml.tensorboard`` offers: the metrics of runs as files that TensorBoard reads."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from runyard.azureml.event_files import first_event, records, scalar_event
from runyard.errors import InvalidParameter
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.metric_values import MetricPoints, read_points
from runyard.sdk.run import Run

_logger = logging.getLogger(__name__)


@names_arguments
def export_to_tensorboard(
    run_data: Run | Sequence[Run],
    logdir: str | os.PathLike[str],
    logger: logging.Logger | None = None,
    recursive: bool = True,
) -> None:
    """Write the metrics of runs for ``tensorboard --logdir``: a folder for each run, by its id.

    What was exported before is replaced, so a run that goes on can be exported again.

    Args:
        run_data: A run, or several.
        logdir: The folder; it is made if it is not there.
        logger: What is told how many points each run has; by default this module's.
        recursive: Whether the runs below are written too.

    Raises:
        InvalidParameter: ``run_data`` has something that is no run.
        NotFound: A run does not exist any more.

    Example:
        >>> run.log("rmse", 54.2)
        >>> export_to_tensorboard(run, "logs")
        >>> [path.suffix for path in Path("logs", run.id).iterdir()]
        ['.runyard']
    """
    for run in _family_of(run_data, recursive=recursive):
        run._refresh()
        curves = read_points(run._connection, run.id, sorted(run.latest_metrics))
        if curves:
            _write(Path(logdir) / run.id, curves, (run.started_ms or 0) / 1000)
        count = sum(map(len, curves.values()))
        (logger or _logger).info("Run %s has %d points.", run.id, count)


def _family_of(run_data: Run | Sequence[Run], *, recursive: bool) -> Iterator[Run]:
    """Yield each run once, also when it lies below another that was given."""
    given = [run_data] if isinstance(run_data, Run) else run_data
    if not isinstance(given, list | tuple) or not all(isinstance(each, Run) for each in given):
        raise InvalidParameter(f"'run_data' must be a run or a list of runs, not {run_data!r}.")
    found: dict[str, Run] = {}
    for run in given:
        found.setdefault(run.id, run)
        for below in run.get_children(recursive=True) if recursive else ():
            found.setdefault(below.id, below)
    yield from found.values()


def _write(folder: Path, curves: dict[str, MetricPoints], started_s: float) -> None:
    """Write a file under a name that stays the same, whole or not at all: TensorBoard may be reading."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"events.out.tfevents.{int(started_s):010d}.runyard"
    part = folder / ".part"
    with part.open("wb") as file:
        file.writelines(records([first_event(started_s)]))
        for tag, points in curves.items():
            file.writelines(records(_events(tag, points)))
    part.replace(target)


def _events(tag: str, points: MetricPoints) -> Iterator[bytes]:
    """Yield the points of a curve; those that were logged without a step are counted, as Azure's are."""
    is_stepped = any(points.steps)
    for index, (when_ms, step, value) in enumerate(
        zip(points.timestamps_ms, points.steps, points.values, strict=True)
    ):
        yield scalar_event(when_ms / 1000, step if is_stepped else index, tag, value)
