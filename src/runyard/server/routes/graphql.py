"""MLflow's GraphQL, which some of its pages ask instead of REST."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from typing import Any

from runyard.auth.permissions import Permission
from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.protocol.messages.graphql import AskGraphQl, AskGraphQlByQuery, GraphQlAnswer
from runyard.server.routes import artifacts, experiments, metrics, model_versions, runs
from runyard.server.routing import Routes
from runyard.services import reach
from runyard.services.call import Call

routes = Routes()
_PATH = "/graphql"
_ABSENT = (
    "GraphQL needs the package graphql-core: pip install 'runyard[mlflow-ui]'. All that it tells, REST does."
)


@routes.get(
    _PATH, permits=Permission.READ, of=reach.searched, summary="Answer a GraphQL query of MLflow's pages."
)
def query_graphql(call: Call, body: AskGraphQlByQuery) -> GraphQlAnswer:
    """Answer a query that is in the address."""
    return _answered(call, body.query, _variables(body.variables), body.operation_name)


@routes.post(
    _PATH, permits=Permission.READ, of=reach.searched, summary="Answer a GraphQL query of MLflow's pages."
)
def post_graphql(call: Call, body: AskGraphQl) -> GraphQlAnswer:
    """Answer a query; those that MLflow calls mutations change nothing either."""
    return _answered(call, body.query, body.variables, body.operation_name)


def _answered(call: Call, query: str, variables: dict[str, Any], operation_name: str | None) -> GraphQlAnswer:
    if find_spec("graphql") is None:
        raise NotImplementedHere(_ABSENT)
    # Loaded when it is first asked: a server whose pages nobody opens has no use for it.
    execution = import_module("runyard.server.graphql_execution")
    nouns = (experiments, runs, metrics, artifacts, model_versions)
    asked = chain.from_iterable(noun.routes for noun in nouns)
    answer: GraphQlAnswer = execution.answer_query(call, asked, query, variables, operation_name)
    return answer


def _variables(text: str) -> dict[str, Any]:
    try:
        variables = json.loads(text or "{}")
    except (ValueError, RecursionError):
        variables = None
    if not isinstance(variables, dict):
        raise InvalidParameter("'variables' must be a JSON object.")
    return variables
