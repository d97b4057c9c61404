"""The OpenAPI 3.1 document of the API, made from the route table itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec

from runyard._version import __version__
from runyard.auth.permissions import Open, Permission
from runyard.protocol.messages.openapi import OpenApiAnswer
from runyard.server.answers import NO_CONTENT
from runyard.server.routing import Route, Routes
from runyard.services import reach
from runyard.services.call import Call

_REFERENCE = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_ERROR = {
    "description": "What went wrong; the status says whether to try again.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error_code", "message"],
                "properties": {
                    "error_code": {"type": "string"},
                    "message": {"type": "string"},
                    "sqlstate": {"type": "string"},
                    "error_class": {"type": "string"},
                },
            }
        }
    },
}


_REFUSAL_PAGE = {"description": "What went wrong, for a person.", "content": {"text/html": {}}}


def describe(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document, without MLflow's ``/ajax-api`` twins, and without what is always refused."""
    told = [route for route in routes if not route.path.startswith("/ajax-api/") and not route.refusal]
    messages = {kind for route in told for kind in (route.request, route.answer) if kind is not None}
    in_order = sorted(messages, key=lambda kind: kind.__name__)
    schemas, components = msgspec.json.schema_components(in_order, ref_template=_REFERENCE)
    schema_of = dict(zip(in_order, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in told:
        path = _PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, schema_of, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Runyard", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def openapi_routes(described: Sequence[Route]) -> Routes:
    """Return the route that answers with the document of the ``described`` ones."""
    routes = Routes()
    document = cache(lambda: OpenApiAnswer(**describe(described)))

    @routes.get("/api/v1/openapi.json", permits=Permission.READ, of=reach.anywhere, summary="This document.")
    def openapi(call: Call) -> OpenApiAnswer:
        """Answer the document."""
        return document()

    return routes


def _operation(
    route: Route, schema_of: dict[type[msgspec.Struct], dict[str, Any]], components: dict[str, Any]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()} {route.path}",
        "summary": route.summary,
        "parameters": _parameters(route, components),
        "responses": {
            str(route.status): _answer(route, schema_of),
            "default": _REFUSAL_PAGE if route.is_page else _ERROR,
        },
        "security": [] if isinstance(route.permits, Open) else [{"bearer": []}],
    }
    if route.request is not None and route.method != "GET":
        body = {"application/json": {"schema": schema_of[route.request]}}
        operation["requestBody"] = {"required": route.method != "DELETE", "content": body}
    elif route.is_raw and route.method in ("PUT", "POST"):
        operation["requestBody"] = {"content": {"application/octet-stream": {}}}
    return operation


def _parameters(route: Route, components: dict[str, Any]) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(route.path)
    ]
    if route.request is None or route.method != "GET":
        return found
    schema = components[route.request.__name__]
    required = schema.get("required", ())
    return found + [
        {"name": name, "in": "query", "required": name in required, "schema": part}
        for name, part in schema["properties"].items()
    ]


def _answer(route: Route, schema_of: dict[type[msgspec.Struct], dict[str, Any]]) -> dict[str, Any]:
    if route.status == NO_CONTENT:
        return {"description": "Done."}
    if route.answer is not None:
        content = {"application/json": {"schema": schema_of[route.answer]}}
        return {"description": "Done.", "content": content | ({route.binary: {}} if route.binary else {})}
    if route.is_raw and not route.content_type:
        return {"description": "Done."}
    return {"description": "Done.", "content": {route.content_type if route.is_raw else "text/plain": {}}}
