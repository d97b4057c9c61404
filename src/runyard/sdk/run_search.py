"""Finding runs: what tags they must have, said to the server where its grammar can, checked here always."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from runyard.entities.experiment import View
from runyard.errors import InternalError
from runyard.protocol.messages.common import mapping
from runyard.protocol.messages.runs import RunAnswer, RunId, SearchRuns, SearchRunsAnswer, WireRun
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.logged_values import PROPERTY_PREFIX
from runyard.sdk.pages import pages
from runyard.sdk.spool.outbox import flush_all

NEWEST_FIRST = ("attributes.start_time DESC",)

_PAGE_SIZE = 200

TagFilter = str | Mapping[str, str | None] | None
"""One tag by its key, or several with their values; a value of None asks for the tag alone."""


@dataclass(frozen=True, slots=True)
class WantedTags:
    """The tags that runs must have, and those that they must not have.

    Args:
        present: Keys and values; None asks for the key alone.
        absent: Keys that a run must not have.
    """

    present: Mapping[str, str | None] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()

    def __and__(self, other: WantedTags) -> WantedTags:
        return WantedTags({**self.present, **other.present}, self.absent | other.absent)

    def without(self, key: str) -> WantedTags:
        """Return the same for runs that have not this tag either."""
        return replace(self, absent=self.absent | {key})

    def accept(self, tags: Mapping[str, str]) -> bool:
        """Tell whether these are the tags of a run that is wanted."""
        has_all = all(
            key in tags and (value is None or tags[key] == value) for key, value in self.present.items()
        )
        return has_all and not self.absent & tags.keys()

    def filter_text(self) -> str:
        """Return what the server's grammar can say of it; it has no way to quote a quote."""
        clauses = [
            f"tags.`{key}` = '{value}'"
            for key, value in self.present.items()
            if value and "`" not in key and "'" not in value and "\\" not in value
        ]
        return " AND ".join(clauses)


def wanted_tags(tags: TagFilter) -> WantedTags:
    """Return what a caller gave as a tag, as tags with values, or not at all.

    Raises:
        TypeError: It is something else.
    """
    if tags is None:
        return WantedTags()
    if isinstance(tags, str):
        return WantedTags({tags: None})
    if isinstance(tags, Mapping):
        return WantedTags({str(key): None if value is None else str(value) for key, value in tags.items()})
    raise TypeError(f"Tags are given as a text or as a mapping, not as {type(tags).__name__}.")


def wanted_properties(properties: TagFilter) -> WantedTags:
    """Return the tags that keep the properties that a caller asks for.

    Raises:
        TypeError: It is neither text nor mapping.
    """
    wanted = wanted_tags(properties)
    return WantedTags(
        {
            key if key.startswith("mlflow.") else f"{PROPERTY_PREFIX}{key}": value
            for key, value in wanted.present.items()
        }
    )


def search_runs(
    connection: Connection,
    experiment_ids: Collection[str],
    wanted: WantedTags | None = None,
    *,
    filter_text: str = "",
    order_by: Collection[str] = NEWEST_FIRST,
    view: View = View.ACTIVE_ONLY,
) -> Iterator[WireRun]:
    """Yield the runs of some experiments, reading further pages as they are needed.

    Args:
        connection: Reaches the workspace.
        experiment_ids: Where to look.
        wanted: The tags that they must and must not have.
        filter_text: Conditions in MLflow's grammar.
        order_by: MLflow's order clauses.
        view: Whether to look at active runs, at those in the trash, or at both.

    Raises:
        InvalidFilter: The filter or the order does not follow the grammar.
    """
    flush_all()
    wanted = wanted or WantedTags()
    # Joined with AND, a caller's OR would mean something else; the tags are checked below in any case.
    conditions = filter_text or wanted.filter_text()

    def ask(page_token: str | None) -> SearchRunsAnswer:
        search = SearchRuns(
            experiment_ids=list(experiment_ids),
            filter=conditions or None,
            run_view_type=view.value,
            max_results=_PAGE_SIZE,
            order_by=list(order_by),
            page_token=page_token,
        )
        return connection.post(f"{MLFLOW}/runs/search", search, SearchRunsAnswer, is_repeatable=True)

    for answer in pages(ask):
        yield from (run for run in answer.runs or () if wanted.accept(mapping(run.data.tags)))


def read_run(connection: Connection, run_id: str) -> WireRun:
    """Return a run as it is now, with all that this process logged before.

    Raises:
        NotFound: The workspace has no such run.
    """
    flush_all()
    found = connection.get(f"{MLFLOW}/runs/get", RunAnswer, RunId(run_id=run_id)).run
    if found.info.run_id != run_id:
        raise InternalError(f"The server answered with run {found.info.run_id!r} instead of {run_id!r}.")
    return found
