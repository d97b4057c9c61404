"""Answers GraphQL queries out of the routes that answer the same questions over REST.

Each field at the root of a query *is* one of the routes: its message reads the input, what it needs is
asked of the caller, its handler answers. So GraphQL gives nobody anything that REST does not. Needs
graphql-core; the route loads this module when it is first asked.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLList,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    build_schema,
    execute_sync,
    validate,
)
from msgspec import structs
from starlette.responses import Response

from runyard.auth.permissions import Open, authorize
from runyard.errors import Forbidden, RunyardError
from runyard.protocol import wire
from runyard.protocol.graphql_limits import read_query
from runyard.protocol.graphql_schema import SCHEMA
from runyard.protocol.messages.graphql import GraphQlAnswer
from runyard.server.routing import Route
from runyard.services.call import Call
from runyard.services.reach import check_reach

_V2: Final = "/api/2.0/mlflow"
_GET_EXPERIMENT: Final = ("GET", f"{_V2}/experiments/get")
_SEARCH_RUNS: Final = ("POST", f"{_V2}/runs/search")
_SEARCH_MODEL_VERSIONS: Final = ("GET", f"{_V2}/model-versions/search")
_ROOT_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "mlflowGetExperiment": _GET_EXPERIMENT,
    "mlflowGetRun": ("GET", f"{_V2}/runs/get"),
    "mlflowSearchRuns": _SEARCH_RUNS,
    "mlflowListArtifacts": ("GET", f"{_V2}/artifacts/list"),
    "mlflowGetMetricHistoryBulkInterval": ("GET", f"{_V2}/metrics/get-history-bulk-interval"),
    "mlflowSearchModelVersions": _SEARCH_MODEL_VERSIONS,
    "mlflowSearchDatasets": ("POST", f"{_V2}/experiments/search-datasets"),
}
_RUNS_AT_ONCE: Final = 100
_VERSIONS_AT_ONCE: Final = 1_000
# MLflow's server reads protobuf messages, where an unset scalar has a value: a run that goes on ends at "0".
_LEFT_OUT: Final[Mapping[str, Any]] = {"String": "", "LongString": 0, "Boolean": False}
_CAPITAL: Final = re.compile(r"[A-Z]")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One query: who asks, the routes that answer, and what was read for all of its runs at once.

    Args:
        call: Who asks.
        routes: The routes by method and path.
        experiments: Experiments of runs, by id.
        run_ids: The runs that the query has found.
        versions: Versions of models that were made of these, by the id of the run; empty until asked for.
    """

    call: Call
    routes: Mapping[tuple[str, str], Route]
    experiments: dict[str, Json | None] = field(default_factory=dict)
    run_ids: list[str] = field(default_factory=list)
    versions: dict[str, list[Json]] = field(default_factory=dict)

    def answer(self, at: tuple[str, str], asked: Json) -> Json:
        """Return what a route answers to this caller.

        Raises:
            RunyardError: It refuses.
        """
        route = self.routes[at]
        assert route.request is not None
        body: Any = wire.convert(route.request, asked)
        if route.of is None:
            authorize(self.call.caller, route.permits, self.call.workspace.name)
        elif not isinstance(route.permits, Open):
            check_reach(self.call, route.permits, route.of, structs.asdict(body))
        return _plain(route.handler(self.call, body=body))

    def experiment(self, experiment_id: str) -> Json | None:
        """Return an experiment, which is read once for all its runs."""
        if experiment_id not in self.experiments:
            found = self.answer(_GET_EXPERIMENT, {"experiment_id": experiment_id})
            self.experiments[experiment_id] = found.get("experiment")
        return self.experiments[experiment_id]

    def versions_of(self, run_id: str) -> list[Json]:
        """Return the versions of models that a run made; they are searched once for all runs of the answer.

        Models belong to the workspace: who has a role in single experiments alone sees none.
        """
        waiting = [each for each in self.run_ids if each not in self.versions]
        for start in range(0, len(waiting), _RUNS_AT_ONCE):
            some = waiting[start : start + _RUNS_AT_ONCE]
            self.versions.update({each: [] for each in some})
            try:
                for version in self._search_versions(some):
                    self.versions[version["run_id"]].append(version)
            except Forbidden:
                continue
        return self.versions[run_id]

    def _search_versions(self, run_ids: list[str]) -> Iterator[Json]:
        listed = ",".join(f"'{run_id}'" for run_id in run_ids)
        asked: Json = {"filter": f"run_id IN ({listed})", "max_results": _VERSIONS_AT_ONCE}
        while True:
            page = self.answer(_SEARCH_MODEL_VERSIONS, asked)
            yield from page.get("model_versions", ())
            if not page.get("next_page_token"):
                return
            asked["page_token"] = page["next_page_token"]


def answer_query(
    call: Call, routes: Iterable[Route], query: str, variables: Json, operation_name: str | None
) -> GraphQlAnswer:
    """Return what a caller may know of what a query asks.

    Raises:
        RunyardError: The server can't answer now, or the query is longer than any may be.
    """
    asked = _Asked(call, {(route.method, route.path): route for route in routes})
    try:
        document = read_query(query)
    except GraphQLError as error:
        return GraphQlAnswer(data=None, errors=[error.message])
    errors = validate(_SCHEMA, document)
    if errors:
        return GraphQlAnswer(data=None, errors=[error.message for error in errors])
    return _answered(_executed(document, asked, variables, operation_name))


def _executed(document: DocumentNode, asked: _Asked, variables: Json, name: str | None) -> ExecutionResult:
    result = execute_sync(
        _SCHEMA,
        document,
        context_value=asked,
        variable_values=variables,
        operation_name=name,
        field_resolver=_field,
    )
    for error in result.errors or ():
        # What is no fault of the query is the wall's to tell: the library would send its text to the caller.
        if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
            raise error.original_error
    return result


def _answered(result: ExecutionResult) -> GraphQlAnswer:
    errors = [error.message for error in result.errors or ()]
    return GraphQlAnswer(data=result.data, errors=errors or None)


def _root(source: Any, info: GraphQLResolveInfo, input: Json | None = None) -> Json:
    """Answer a field at the root; what its route refuses stands in ``apiError``, where pages look for it."""
    asked: _Asked = info.context
    sent = {_snake(name): value for name, value in (input or {}).items()}
    try:
        found = asked.answer(_ROOT_FIELDS[info.field_name], sent)
    except RunyardError as error:
        if error.http_status >= 500:
            raise
        return {"api_error": {"code": error.code, "message": error.message}}
    runs = [found["run"]] if "run" in found else found.get("runs", ())
    asked.run_ids.extend(run["info"]["run_id"] for run in runs)
    return found


def _experiment_of_run(run: Json, info: GraphQLResolveInfo) -> Json | None:
    asked: _Asked = info.context
    return asked.experiment(run["info"]["experiment_id"])


def _versions_of_run(run: Json, info: GraphQLResolveInfo) -> list[Json]:
    asked: _Asked = info.context
    return asked.versions_of(run["info"]["run_id"])


def _number(source: Json, info: GraphQLResolveInfo) -> float | None:
    """Return a value of a metric; GraphQL has no word for what is not finite."""
    value = float(source[_snake(info.field_name)])
    return value if math.isfinite(value) else None


def _echo(source: Any, info: GraphQLResolveInfo, **named: str | None) -> Json:
    return {"output": named.get("inputString")}


def _field(source: Json, info: GraphQLResolveInfo) -> Any:
    """Return a field of what a route answered, or what MLflow's messages have where it is left out."""
    value = source.get(_snake(info.field_name))
    if value is not None:
        return value
    return [] if isinstance(info.return_type, GraphQLList) else _LEFT_OUT.get(str(info.return_type))


def _snake(name: str) -> str:
    return _CAPITAL.sub(lambda capital: "_" + capital[0].lower(), name)


def _plain(answer: Any) -> Json:
    """Return the JSON that a route would send."""
    content = answer.body if isinstance(answer, Response) else wire.encode(answer)
    plain: Json = json.loads(bytes(content))
    return plain


def _made_schema() -> Any:
    schema = build_schema(SCHEMA)
    kinds = schema.type_map
    long = kinds["LongString"]
    assert isinstance(long, GraphQLScalarType)
    long.serialize = str  # type: ignore[assignment]  # how the library has it done
    for kind in kinds.values():
        if not isinstance(kind, GraphQLObjectType):
            continue
        for name, each in kind.fields.items():
            if name in _ROOT_FIELDS:
                each.resolve = _root
            elif name in ("test", "testMutation"):
                each.resolve = _echo
            elif name == "value" and str(each.type) == "Float":
                each.resolve = _number
    runs = kinds["MlflowRunExtension"]
    assert isinstance(runs, GraphQLObjectType)
    runs.fields["experiment"].resolve = _experiment_of_run
    runs.fields["modelVersions"].resolve = _versions_of_run
    return schema


_SCHEMA: Final = _made_schema()
