"""What a collection of the trash, or the end of a workspace, freed so far and in all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runyard.entities.trash import NOTHING_FREED, Freed
from runyard.protocol.messages.trash import CollectedAnswer
from runyard.sdk.argument_errors import names_arguments

OnProgress = Callable[[Freed], None]


@names_arguments
@dataclass(frozen=True, slots=True)
class Collected:
    """What was freed, or would be.

    Args:
        freed: How many things, points and bytes of them.
        database_bytes: How long the database is now.

    Example:
        >>> run.delete()
        >>> ws.trash.collect().freed.runs
        1
    """

    freed: Freed
    database_bytes: int


def until_done(
    step: Callable[[CollectedAnswer | None], CollectedAnswer], on_progress: OnProgress
) -> Collected:
    """Return the sum of the answers of calls, each of which knows the one before, until all is done."""
    freed, last = NOTHING_FREED, None
    while last is None or not last.is_done:
        last = step(last)
        freed += Freed(
            experiments=last.experiments,
            runs=last.runs,
            logged_models=last.logged_models,
            datasets=last.datasets,
            traces=last.traces,
            trace_bytes=last.trace_bytes,
            metric_points=last.metric_points,
            metric_bytes=last.metric_bytes,
            other_bytes=last.other_bytes,
            artifact_files=last.artifact_files,
            artifact_bytes=last.artifact_bytes,
        )
        on_progress(freed)
    return Collected(freed, last.database_bytes)
