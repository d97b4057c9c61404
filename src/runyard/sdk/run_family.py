"""Runs below a run: a search's trials, a training's folds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from runyard.entities.experiment import View
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.limits import check_key
from runyard.protocol.messages.runs import WireRun
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import optional_path, optional_text, text, whole_number
from runyard.sdk.connection import Connection
from runyard.sdk.job_records import optional_status
from runyard.sdk.run_beginning import PARENT_TAG
from runyard.sdk.run_search import TagFilter, search_runs, wanted_properties, wanted_tags

if TYPE_CHECKING:
    from runyard.sdk.run import Run

MAX_CHILDREN_AT_ONCE = 1_000


@names_arguments
class RunFamily(ABC):
    """The children of a run, and its parent."""

    _connection: Connection

    @property
    @abstractmethod
    def id(self) -> str:
        """The run's id."""

    @property
    @abstractmethod
    def experiment_id(self) -> str:
        """The id of its experiment."""

    @property
    @abstractmethod
    def started_ms(self) -> int | None:
        """When it began."""

    @abstractmethod
    def _known_tags(self) -> Mapping[str, str]:
        """Return all tags that the run is known to have."""

    @abstractmethod
    def _relative(self, record: WireRun) -> Run:
        """Return another run of the same experiment."""

    @abstractmethod
    def _begin_below(self, name: str | None, tags: Mapping[str, str], run_id: str | None) -> Run:
        """Begin a run of the same experiment."""

    @abstractmethod
    def _run_of(self, run_id: str) -> Run:
        """Return another run of the workspace."""

    def child_run(
        self, name: str | None = None, run_id: str | None = None, outputs: str | None = None
    ) -> Run:
        """Begin a run below this one.

        Args:
            name: What it is called; a name is drawn if there is none.
            run_id: An id of the caller's own, as 32 hexadecimal digits.
            outputs: A folder of this machine that is uploaded when the run ends.

        Raises:
            InvalidParameter: No run can have this id.
            Forbidden: The credential does not allow it.

        Example:
            >>> with run.child_run("fold 1") as fold:
            ...     fold.log("accuracy", 0.9)
            >>> [child.display_name for child in run.get_children()]
            ['fold 1']
        """
        optional_path(outputs, "outputs")
        child = self._begin_below(optional_text(name, "name"), {PARENT_TAG: self.id}, run_id)
        child._outputs = outputs
        return child

    def create_children(
        self,
        count: int | None = None,
        tag_key: str | None = None,
        tag_values: Sequence[str] | None = None,
    ) -> list[Run]:
        """Begin several runs below this one, and return them.

        Args:
            count: How many; or
            tag_key: the tag by which they differ, and
            tag_values: the value of each.

        Raises:
            InvalidParameter: Neither or both were given, or too many.

        Example:
            >>> folds = run.create_children(tag_key="fold", tag_values=["1", "2", "3"])
            >>> [fold.tags["fold"] for fold in folds]
            ['1', '2', '3']
        """
        if (count is None) == (tag_key is None or tag_values is None):
            raise InvalidParameter("create_children takes either count=, or tag_key= with tag_values=.")
        wanted: list[dict[str, str]] = [{}] * whole_number(count, "count") if count is not None else []
        if tag_key is not None and tag_values is not None:
            check_key(tag_key, "tag_key")
            wanted = [{tag_key: str(value)} for value in tag_values]
        if not 1 <= len(wanted) <= MAX_CHILDREN_AT_ONCE:
            raise InvalidParameter(
                f"{len(wanted)} children were asked for; the least is 1, the limit {MAX_CHILDREN_AT_ONCE}."
            )
        return [self._begin_below(None, {PARENT_TAG: self.id, **tags}, None) for tags in wanted]

    def get_children(
        self,
        recursive: bool = False,
        tags: TagFilter = None,
        properties: TagFilter = None,
        type: str | None = None,
        status: str | None = None,
    ) -> Iterator[Run]:
        """Yield the runs of the same experiment that have this one as their parent, the newest first.

        Args:
            recursive: Also the children's children, after all children.
            tags: Only runs with these tags.
            properties: Only runs with these properties.
            type: Only runs whose source is of this type.
            status: Only runs with this status, as :meth:`Run.get_status` words it.

        Raises:
            Unavailable: No server answers at the workspace's address.

        Example:
            >>> fold = run.child_run("fold 1")
            >>> [child.display_name for child in run.get_children()]
            ['fold 1']
        """
        wanted = wanted_tags(tags) & wanted_properties(properties)
        if type is not None:
            wanted &= wanted_tags({"mlflow.source.type": text(type, "type")})
        optional_status(status)
        waiting, seen = [self.id], {self.id}
        while waiting:
            parent = wanted_tags({PARENT_TAG: waiting.pop(0)})
            for record in search_runs(self._connection, [self.experiment_id], parent):
                child = self._relative(record)
                is_new = child.id not in seen
                if is_new and wanted.accept(child._known_tags()) and status in {None, child.status}:
                    yield child
                if recursive and is_new:
                    waiting.append(child.id)
                seen.add(child.id)

    @property
    def number(self) -> int:
        """Its place among the runs of its experiment, from 1, by when they began.

        Those in the trash count; what was removed for good doesn't. It is counted each time, by reading all
        runs that began before, so :attr:`id` or ``display_name`` are better to tell runs apart by.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> run.number, experiment.start_logging().number
            (1, 2)
        """
        began_ms = self.started_ms or 0
        before = f"attributes.start_time <= {began_ms}"
        found = search_runs(self._connection, [self.experiment_id], filter_text=before, view=View.ALL)
        places = {(record.info.start_time or 0, record.info.run_id) for record in found}
        if (began_ms, self.id) not in places:
            raise NotFound(f"Experiment {self.experiment_id!r} has no run {self.id!r} any more.")
        return sorted(places).index((began_ms, self.id)) + 1

    @property
    def parent(self) -> Run | None:
        """The run that this one belongs to, or None.

        Example:
            >>> fold = run.child_run("fold 1")
            >>> fold.parent == run
            True
        """
        parent_id = self._known_tags().get(PARENT_TAG)
        return self._run_of(parent_id) if parent_id else None
