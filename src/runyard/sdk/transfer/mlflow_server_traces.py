"""The traces of a running server: of MLflow from version 2.14, or of a Runyard."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from runyard.entities.trace import RUN_KEY
from runyard.errors import MethodNotAllowed, NotFound
from runyard.sdk.transfer.mlflow_pages import answers
from runyard.sdk.transfer.mlflow_traces import (
    each_sound,
    older_trace,
    prompts_in,
    spans_in_json,
    trace_of_today,
)
from runyard.sdk.transfer.mlflow_values import mapping
from runyard.sdk.transfer.records import SourceExperiment, SourceTrace

PAGE = 100
NEWER = "/api/3.0/mlflow/traces/search"
OLDER = "/api/2.0/mlflow/traces"
SPANS = "/ajax-api/2.0/mlflow/get-trace-artifact"

Get = Callable[[str, Mapping[str, str]], dict[str, Any]]
Post = Callable[[str, Mapping[str, Any]], dict[str, Any]]
Fetch = Callable[[str, Mapping[str, str]], bytes]


class ServerTraces:
    """Reads traces page by page, the oldest first.

    Args:
        get: Sends a query to an address and returns the answer.
        post: Sends a body to an address and returns the answer.
        fetch: Gets what is at an address, with a query.
        problems: Where it is noted what was left out.
    """

    def __init__(self, get: Get, post: Post, fetch: Fetch, problems: list[str]) -> None:
        self._get = get
        self._post = post
        self._fetch = fetch
        self._problems = problems

    def traces(
        self, experiment: SourceExperiment, run_ids: Callable[[], Iterator[str]]
    ) -> Iterator[SourceTrace]:
        """Yield the traces of an experiment.

        Args:
            experiment: Which.
            run_ids: Tells the runs of the experiment, once there is a trace that may be linked to one.
        """
        try:
            yield from each_sound(self._problems, self._newer(experiment, run_ids))
        except (NotFound, MethodNotAllowed):
            yield from each_sound(self._problems, self._older(experiment))

    def spans(self, trace: SourceTrace) -> Iterator[dict[str, Any]]:
        """Yield the spans of a trace, wherever the server keeps them."""
        try:
            content = self._fetch(SPANS, {"request_id": trace.trace.trace_id})
        except NotFound:
            return
        yield from spans_in_json(content, f"The file of trace {trace.trace.trace_id}")

    def _newer(
        self, experiment: SourceExperiment, run_ids: Callable[[], Iterator[str]]
    ) -> Iterator[tuple[str, Callable[[], SourceTrace]]]:
        links: dict[str, list[str]] | None = None
        for found in self._pages(experiment, ""):
            if links is None:
                links = self._links(experiment, run_ids())
            linked = links.get(found.get("trace_id", ""), [])
            yield str(found.get("trace_id")), partial(_trace, found, linked)

    def _links(self, experiment: SourceExperiment, run_ids: Iterator[str]) -> dict[str, list[str]]:
        """Return the runs of each trace: a trace does not tell of them, only a search for those of a run."""
        links: dict[str, list[str]] = defaultdict(list)
        for run_id in run_ids:
            for found in self._pages(experiment, f"run_id = '{run_id}'"):
                if found.get("trace_metadata", {}).get(RUN_KEY) != run_id:
                    links[found["trace_id"]].append(run_id)
        return links

    def _pages(self, experiment: SourceExperiment, condition: str) -> Iterator[dict[str, Any]]:
        body: dict[str, Any] = {
            "locations": [
                {
                    "type": "MLFLOW_EXPERIMENT",
                    "mlflow_experiment": {"experiment_id": experiment.source_id},
                }
            ],
            "max_results": PAGE,
            # Traces that begin meanwhile come last, so none is passed over.
            "order_by": ["timestamp_ms ASC"],
        }
        if condition:
            body["filter"] = condition
        for answer in answers(lambda page: self._post(NEWER, page), body):
            yield from answer.get("traces", [])

    def _older(self, experiment: SourceExperiment) -> Iterator[tuple[str, Callable[[], SourceTrace]]]:
        query = {
            "experiment_ids": experiment.source_id,
            "max_results": str(PAGE),
            "order_by": "timestamp_ms ASC",
        }
        with contextlib.suppress(NotFound, MethodNotAllowed):  # MLflow before version 2.14
            for answer in answers(lambda page: self._get(OLDER, page), query):
                for found in answer.get("traces", []):
                    yield str(found.get("request_id")), partial(_older_trace, found)


def _trace(found: Mapping[str, Any], run_ids: list[str]) -> SourceTrace:
    trace = trace_of_today(found)
    return SourceTrace(trace, run_ids=sorted(run_ids), prompts=prompts_in(trace.tags))


def _older_trace(found: Mapping[str, Any]) -> SourceTrace:
    trace = older_trace(found, mapping(found.get("request_metadata")), mapping(found.get("tags")))
    return SourceTrace(trace, prompts=prompts_in(trace.tags))
