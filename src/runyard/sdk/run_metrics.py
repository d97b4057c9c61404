"""The metrics of a run: what was logged to it, read back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import text
from runyard.sdk.connection import Connection
from runyard.sdk.logged_values import marks_of, metric_keys, read_marked
from runyard.sdk.metric_values import MetricPoints, MetricValues, merged, read_metrics, read_points
from runyard.sdk.run_search import TagFilter


@names_arguments
class RunMetrics(ABC):
    """What a run tells of its metrics."""

    _connection: Connection

    @property
    @abstractmethod
    def id(self) -> str:
        """The run's id."""

    @property
    @abstractmethod
    def latest_metrics(self) -> dict[str, float]:
        """The last value of each metric."""

    @abstractmethod
    def get_children(
        self,
        recursive: bool = False,
        tags: TagFilter = None,
        properties: TagFilter = None,
        type: str | None = None,
        status: str | None = None,
    ) -> Iterator[RunMetrics]:
        """Yield the runs below this one."""

    @abstractmethod
    def _known_tags(self) -> Mapping[str, str]:
        """Return all tags that the run is known to have."""

    @abstractmethod
    def _flush_before(self) -> bool:
        """Send what was logged before; return whether it is sent."""

    @abstractmethod
    def _refresh(self) -> None:
        """Read the run again, with all that was logged before."""

    def get_metrics(
        self,
        name: str | None = None,
        recursive: bool = False,
        run_type: str | None = None,
        populate: bool = False,
    ) -> MetricValues:
        """Return the metrics: a number where one value was logged, the list of values where several were.

        Rows and tables come by their columns, pictures as the names of their files, and so do charts unless
        ``populate`` asks for them.

        Values are in the order in which they were logged. This reads every point; the charts of the
        Studio are thinned, this is not.

        Args:
            name: Only this metric; the answer is still a dict, and empty when the run has none of that name.
            recursive: Also the metrics of the runs below this one; values of equal names follow one another.
            run_type: With ``recursive``, only runs whose source is of this type.
            populate: Whether charts are read too, in the JSON that they were logged in.

        Raises:
            NotFound: The run does not exist any more.
            Unavailable: No server answers at the workspace's address.

        Example:
            >>> run.log_list("rmse", [61.2, 55.8, 53.9])
            >>> run.log("alpha", 0.1)
            >>> run.get_metrics("rmse")
            {'rmse': [61.2, 55.8, 53.9]}
        """
        self._refresh()
        below = list(self.get_children(recursive=True, type=run_type))[::-1] if recursive else []
        return merged(run._values(name, populate=populate) for run in [self, *below])

    def _values(self, name: str | None, *, populate: bool) -> MetricValues:
        marks = marks_of(self._known_tags())
        keys = list(self.latest_metrics)
        if name is not None:
            name = text(name, "name")
            marks, wanted = (
                {key: mark for key, mark in marks.items() if key == name},
                metric_keys(marks, name),
            )
            keys = [key for key in wanted if key in self.latest_metrics]
        numbers = read_metrics(self._connection, self.id, keys)
        return read_marked(self._connection, self.id, marks, numbers, populate=populate)

    def get_metric_points(self, name: str) -> MetricPoints:
        """Return every point of a metric with its step and time, as arrays; empty ones if it has none.

        Args:
            name: The metric.

        Raises:
            NotFound: The run does not exist any more.
            Unavailable: No server answers at the workspace's address.

        Example:
            >>> run.log_list("rmse", [61.2, 55.8, 53.9])
            >>> points = run.get_metric_points("rmse")
            >>> points.steps.tolist(), points.values.tolist()
            ([0, 1, 2], [61.2, 55.8, 53.9])
        """
        text(name, "name")
        self._flush_before()
        return read_points(self._connection, self.id, [name]).get(name, MetricPoints.empty())
