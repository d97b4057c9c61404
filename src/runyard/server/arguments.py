"""What a handler is called with, of a request's path, query and body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import structs

from runyard.errors import InvalidParameter
from runyard.protocol import wire
from runyard.server.routing import Route

_JSON = "application/json"
_MAX_QUERY_FIELDS = 2000


def arguments_of(
    route: Route, values: Mapping[str, str], query: bytes, body: bytes, accept: str | None
) -> dict[str, object]:
    """Return the values of the path, and the decoded body or query.

    Args:
        route: Whose handler it is.
        values: What the path names.
        query: The query as it was sent.
        body: The body as it was sent.
        accept: Which forms of the answer the client takes.

    Raises:
        InvalidParameter: It is not what the route expects.
    """
    request = route.request
    if request is None:
        return dict(values)
    arguments: dict[str, object] = {**values, "body": _decode(route, request, query, body)}
    return arguments if route.binary is None else {**arguments, "accept": accept}


def named_in(arguments: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of the body or query, and above them the values of the path."""
    body = arguments.get("body")
    fields = structs.asdict(body) if isinstance(body, msgspec.Struct) else {}
    return {**fields, **arguments}


def check_content_type(sent: str | None) -> None:
    """Refuse a body that a form on another site could have sent (MLflow's guard and words)."""
    if sent == _JSON:
        return
    if sent is None:
        raise InvalidParameter("Bad Request. Content-Type header is missing.")
    if sent.split(";")[0].strip().lower() != _JSON:
        raise InvalidParameter(f"Bad Request. Content-Type must be one of ['{_JSON}'].")


def _decode(route: Route, request: type[msgspec.Struct], query: bytes, body: bytes) -> Any:
    if route.method == "GET":
        return wire.decode_query(request, _pairs(query), body)
    if route.method == "DELETE" and not body:
        return wire.decode_query(request, _pairs(query))
    return wire.decode(request, body)


def _pairs(query: bytes) -> list[tuple[str, str]]:
    text = query.decode("latin-1")
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_QUERY_FIELDS)
    except ValueError:
        raise InvalidParameter(
            f"The query is not valid UTF-8, or has more than {_MAX_QUERY_FIELDS} fields."
        ) from None
