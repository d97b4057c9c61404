"""The contract of a source: what an import can be asked to take over."""

from __future__ import annotations

import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from runyard.errors import InvalidParameter, RunyardError
from runyard.protocol.span_content import without_odd_numbers
from runyard.sdk.spool.records import Point
from runyard.sdk.transfer.evaluation import Evaluation
from runyard.sdk.transfer.records import (
    SourceExperiment,
    SourceFile,
    SourceModel,
    SourceRegisteredModel,
    SourceRun,
    SourceTrace,
    SourceVersion,
)
from runyard.sdk.transfer.trace_contents import TraceContents

POINTS_AT_ONCE = 1000

Item = TypeVar("Item")


class Unreadable(Exception):
    """Something in a source can't be read; the rest of it can."""


def sound(items: Iterator[Item], name: str) -> Iterator[Item]:
    """Yield what is read from a source of that name.

    Raises:
        InvalidParameter: What it holds there is of another shape than it should be.
    """
    try:
        yield from items
    except RunyardError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InvalidParameter(f"{name} holds something that can't be read: {error!r}") from error


def encoded_span(span: Mapping[str, Any]) -> bytes:
    """Return a span as JSON.

    Raises:
        Unreadable: It can't be written so.
    """
    try:
        return json.dumps(without_odd_numbers(span), ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError) as error:
        raise Unreadable(f"A span can't be written as JSON: {error}") from error


def is_sendable(name: str) -> bool:
    """Whether the name of a file is text of UTF-8; Linux takes any bytes for one."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    """Return a text that may have such a name in it, with the odd bytes written out."""
    return text.encode(errors="backslashreplace").decode()


class Source(ABC):
    """Experiments, runs and logged models that lie elsewhere, read piece by piece.

    Its methods may be called from several threads, each iterator from one. What is broken raises
    :class:`Unreadable`, or is noted in :attr:`problems` where there is something to go on with. What models
    are judged by is read by :attr:`evaluation`.

    Args:
        name: Where it is, without secrets; the same whenever the same source is opened.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[str] = []
        self.evaluation = Evaluation()

    @abstractmethod
    def experiments(self) -> list[SourceExperiment]:
        """Return all experiments, active and deleted."""

    @abstractmethod
    def count_runs(self, experiment: SourceExperiment) -> int:
        """Return about how many runs an experiment has; 0 where nobody knows before they are read."""

    @abstractmethod
    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        """Yield the runs of an experiment, active and deleted, a page in memory at most."""

    @abstractmethod
    def points(self, run: SourceRun) -> Iterator[list[Point]]:
        """Yield all points of a run's metrics, 1000 at most at once."""

    def count_points(self, run: SourceRun) -> int:
        """Return how many points a run has."""
        return sum(len(points) for points in self.points(run))

    @abstractmethod
    def models(self, experiment: SourceExperiment) -> Iterator[SourceModel]:
        """Yield the logged models of an experiment."""

    def registered_models(self) -> Iterator[SourceRegisteredModel]:
        """Yield the registered models and prompts; a source of experiments alone has none."""
        yield from ()

    def versions(self, model: SourceRegisteredModel) -> Iterator[SourceVersion]:
        """Yield the versions of a registered model, the lowest number first."""
        yield from ()

    def traces(self, experiment: SourceExperiment) -> Iterator[SourceTrace]:
        """Yield the traces of an experiment; a source that has none yields nothing."""
        yield from ()

    def spans(self, trace: SourceTrace) -> Iterator[dict[str, Any]]:
        """Yield the spans of a trace, each as one of MLflow's versions writes it into a file.

        Raises:
            Unreadable: They are broken, or lie where this source must not look.
        """
        yield from ()

    def contents(self, trace: SourceTrace) -> TraceContents:
        """Return how many spans a trace has, and what is attached to it.

        Raises:
            Unreadable: As for its spans.
        """
        found = TraceContents()
        for span in self.spans(trace):
            found.spans += 1
            found.look_into(trace.trace.trace_id, encoded_span(span))
        return found

    def attachment(self, trace: SourceTrace, attachment_id: str) -> contextlib.AbstractContextManager[Path]:
        """Have a file that is attached to a trace on this machine's disk for a while.

        Raises:
            NotFound: It is not there.
            Unreadable: It is not there, or lies where this source must not look.
        """
        raise Unreadable(f"{attachment_id} lies nowhere.")

    @abstractmethod
    def remote_location(self, uri: str) -> str | None:
        """Return where a store has the files that this source can't copy; None if it can."""

    @abstractmethod
    def files(self, owner: SourceRun | SourceModel) -> Iterator[SourceFile]:
        """Yield the files of a run or a model.

        Raises:
            Unreadable: They lie where this source must not look.
        """

    @contextlib.contextmanager
    def fetched(self, owner: SourceRun | SourceModel, file: SourceFile) -> Iterator[Path]:
        """Have a file on this machine's disk for a while."""
        if file.local is None:
            raise Unreadable(f"{file.path} lies nowhere.")
        yield file.local

    def close(self) -> None:
        """Let go of connections."""
        return
