"""The widgets: one run, a table of runs, runs side by side."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from runyard.entities.experiment import View
from runyard.errors import InvalidParameter, InvalidState, NotFound
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import Connection
from runyard.sdk.run_record import RunRecord
from runyard.sdk.run_search import search_runs
from runyard.sdk.run_sinks import ScreenSink
from runyard.sdk.widgets.content import Content, compare_content, is_going_on, run_content, runs_content
from runyard.sdk.widgets.live import LiveView

if TYPE_CHECKING:
    from runyard.sdk.experiment import Experiment
    from runyard.sdk.run import Run

MAX_COMPARED = 20
MAX_LISTED = 1_000
_RUNS_A_REQUEST = 100


@names_arguments
class RunWidget(LiveView):
    """A run with its facts, metrics and curves, kept up to date while it goes on.

    Args:
        run: The run.

    Raises:
        NotFound: It does not exist any more.
        Unavailable: No server answers at the workspace's address.

    Example:
        >>> RunWidget(run)
        RunWidget('...', name='ridge', status='Running')
    """

    def __init__(self, run: Run) -> None:
        self._runs = _Followed([run])
        super().__init__()

    def _read(self) -> Content:
        (record,) = self._runs.read()
        return run_content(self._runs.connection, record, self._runs.address)

    @property
    def _is_active(self) -> bool:
        return self._runs.is_active

    def __repr__(self) -> str:
        run = self.content["run"]
        return f"RunWidget({run['id']!r}, name={run['name']!r}, status={run['status']!r})"


@names_arguments
class RunsWidget(LiveView):
    """A table of runs that can be sorted and searched; runs can be chosen in it.

    Args:
        runs: An experiment, whose newest runs are shown, or runs of one workspace.
        max_runs: How many at most, up to 1,000.

    Raises:
        InvalidParameter: ``max_runs`` is not between 1 and 1,000.
        Unavailable: No server answers at the workspace's address.

    Example:
        >>> table = RunsWidget(Experiment(ws, "diabetes"))
        >>> table
        RunsWidget('diabetes', 0 runs)
    """

    def __init__(self, runs: Experiment | Iterable[Run], max_runs: int = 200) -> None:
        if not 1 <= max_runs <= MAX_LISTED:
            raise InvalidParameter(f"max_runs={max_runs} must be between 1 and {MAX_LISTED}.")
        if not isinstance(runs, Iterable) and not hasattr(runs, "get_runs"):
            raise InvalidParameter(f"runs must be an experiment or runs, not {runs!r}.")
        self._max_runs = max_runs
        self._source = runs if isinstance(runs, Iterable) else None
        self._experiment = None if isinstance(runs, Iterable) else runs
        self._has_more = False
        self._listed: list[Run] = []
        self._runs: _Followed | None = None
        super().__init__()

    @property
    def selected(self) -> list[Run]:
        """The runs that are chosen on the page, in the order of the table.

        Example:
            >>> RunsWidget([run]).selected
            []
        """
        chosen = set(self._page.selected) if self._page is not None else set()
        return [run for run in self._listed if run.id in chosen]

    def _read(self) -> Content:
        if self._experiment is not None:
            self._list(self._experiment.get_runs(include_children=True))
            self._runs = _Followed(self._listed)
        elif self._runs is None:
            self._list(self._source or ())
            self._runs = _Followed(self._listed)
        records = self._runs.records if self._experiment is not None else self._runs.read()
        title = "Runs" if self._experiment is None else self._experiment.name
        return runs_content(records, self._runs.address, title, has_more=self._has_more)

    def _list(self, runs: Iterable[Run]) -> None:
        found = list(itertools.islice(runs, self._max_runs + 1))
        self._listed, self._has_more = found[: self._max_runs], len(found) > self._max_runs

    @property
    def _is_active(self) -> bool:
        return any(row["is_active"] for row in self.content["rows"])

    def __repr__(self) -> str:
        return f"RunsWidget({self.content['title']!r}, {len(self._listed)} runs)"


@names_arguments
class CompareWidget(LiveView):
    """Runs side by side: the params that differ, the latest metrics, and their curves over one another.

    Args:
        runs: Between 2 and 20 runs of one workspace.

    Raises:
        InvalidParameter: These are fewer or more.
        NotFound: One of them does not exist any more.
        Unavailable: No server answers at the workspace's address.

    Example:
        >>> CompareWidget([run, run.child_run("fold 1")])
        CompareWidget(2 runs)
    """

    def __init__(self, runs: Iterable[Run]) -> None:
        chosen = list(dict.fromkeys(itertools.islice(runs, MAX_COMPARED + 1)))
        if not 2 <= len(chosen) <= MAX_COMPARED:
            amount = f"more than {MAX_COMPARED}" if len(chosen) > MAX_COMPARED else len(chosen)
            raise InvalidParameter(f"runs has {amount} runs, and must have between 2 and {MAX_COMPARED}.")
        self._runs = _Followed(chosen)
        super().__init__()

    def _read(self) -> Content:
        return compare_content(self._runs.connection, self._runs.read(), self._runs.address)

    @property
    def _is_active(self) -> bool:
        return self._runs.is_active

    def __repr__(self) -> str:
        return f"CompareWidget({len(self.content['runs'])} runs)"


class _Followed:
    """Runs of one workspace that are read again, apart from the objects that somebody logs to."""

    def __init__(self, runs: Sequence[Run]) -> None:
        for run in runs:
            if not isinstance(run, RunRecord):
                raise InvalidParameter(f"A widget shows runs, and {run!r} is none.")
            if isinstance(run._sink, ScreenSink):
                raise InvalidState(f"Run {run.id!r} is offline: what was logged to it was only printed.")
        self._runs = runs
        self._addresses = {run.id: run.get_portal_url() for run in runs}
        self.records: Sequence[RunRecord] = runs

    @property
    def is_active(self) -> bool:
        """Whether one of them goes on."""
        return any(is_going_on(record) for record in self.records)

    @property
    def connection(self) -> Connection:
        """Reaches their workspace."""
        return self._runs[0]._connection

    def address(self, record: RunRecord) -> str:
        """Return where a run's page is."""
        return self._addresses[record.id]

    def read(self) -> Sequence[RunRecord]:
        """Return them as they are now, what this process has logged to them among it."""
        for run in self._runs:
            if is_going_on(run):
                run._flush_before()
        found = {record.id: record for record in self._found()}
        gone = [run.id for run in self._runs if run.id not in found]
        if gone:
            raise NotFound(f"The workspace has no run {gone[0]!r} any more.")
        self.records = [found[run.id] for run in self._runs]
        return self.records

    def _found(self) -> Iterator[RunRecord]:
        for start in range(0, len(self._runs), _RUNS_A_REQUEST):
            part = self._runs[start : start + _RUNS_A_REQUEST]
            condition = f"attributes.run_id IN ({', '.join(repr(run.id) for run in part)})"
            experiments = {run.experiment_id for run in part}
            found = search_runs(self.connection, experiments, filter_text=condition, view=View.ALL)
            yield from map(RunRecord, found)
