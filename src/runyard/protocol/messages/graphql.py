"""What is sent to ``/graphql`` and answered there, as MLflow's pages do it."""

from __future__ import annotations

from typing import Any

from runyard.protocol.messages.common import Wire


class AskGraphQl(Wire, rename={"operation_name": "operationName"}):
    """Body of a POST to ``/graphql``."""

    query: str
    variables: dict[str, Any] = {}
    operation_name: str | None = None


class AskGraphQlByQuery(Wire, rename={"operation_name": "operationName"}):
    """Query of a GET of ``/graphql``: the variables are JSON."""

    query: str
    variables: str = ""
    operation_name: str | None = None


class GraphQlAnswer(Wire, omit_defaults=False):
    """What was found; what is wrong with the query itself is told in sentences, as MLflow does."""

    data: dict[str, Any] | None
    errors: list[str] | None
