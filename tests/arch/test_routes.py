"""The table of routes: every row says what it is, who may call it, and what it answers."""

from collections import Counter

import msgspec
import pytest
from msgspec import inspect

from runyard.auth.permissions import Open, Permission
from runyard.server.routes import ROUTES
from runyard.server.routing import Route

ANSWERS_MADE_BY_HAND = {"/get-artifact", "/health", "/metrics", "/version"}


def _named(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", ROUTES, ids=_named)
def test_a_route_says_what_it_does_and_what_it_needs(route: Route):
    assert isinstance(route.permits, Permission | Open)
    assert route.summary.endswith(".")
    assert route.summary[0].isupper()
    assert "\n" not in route.summary


@pytest.mark.parametrize("route", ROUTES, ids=_named)
def test_a_route_has_typed_messages_or_streams(route: Route):
    if route.request is not None:
        assert issubclass(route.request, msgspec.Struct)
    assert route.answer or route.is_raw or route.refusal or route.path in ANSWERS_MADE_BY_HAND


def test_open_routes_say_why_they_are_open():
    reasons = {_named(route): route.permits.why for route in ROUTES if isinstance(route.permits, Open)}
    assert reasons
    assert {row: why for row, why in reasons.items() if len(why.split()) < 3} == {}


def test_no_two_routes_answer_the_same_request():
    assert [
        row for row, count in Counter((route.method, route.path) for route in ROUTES).items() if count > 1
    ] == []


def test_every_route_of_mlflow_has_its_ajax_twin():
    rows = {(route.method, route.path): route for route in ROUTES}
    missing = [
        path
        for method, path in rows
        if path.startswith(("/api/2.0/", "/api/3.0/"))
        and (method, f"/ajax-api/{path.removeprefix('/api/')}") not in rows
    ]
    assert missing == []


def test_twins_need_the_same_permission():
    permits = {(route.method, route.path): route.permits for route in ROUTES}
    different = [
        path
        for (method, path), needed in permits.items()
        if path.startswith("/ajax-api/")
        and permits.get((method, path.replace("/ajax-api/", "/api/", 1)), needed) != needed
    ]
    assert different == []


def _unbounded(kind: inspect.Type, name: str, above: frozenset[type] = frozenset()) -> list[str]:
    """Return the numbers of a message that may be larger than what a database keeps."""
    if isinstance(kind, inspect.IntType):
        return [] if kind.ge is not None and kind.le is not None else [name]
    if isinstance(kind, inspect.StructType):
        if kind.cls in above:
            return []
        fields = [(each.type, f"{kind.cls.__name__}.{each.name}") for each in kind.fields]
        return [row for each, named in fields for row in _unbounded(each, named, above | {kind.cls})]
    parts = [getattr(kind, part, None) for part in ("item_type", "key_type", "value_type")]
    parts += [*getattr(kind, "types", ()), *getattr(kind, "item_types", ())]
    return [row for each in parts if each is not None for row in _unbounded(each, name, above)]


def test_no_number_of_a_request_is_larger_than_what_a_database_keeps():
    """A driver fails on such a one, and that is an answer of 500."""
    asked = {route.request for route in ROUTES if route.request is not None}
    found = {row for each in asked for row in _unbounded(inspect.type_info(each), each.__name__)}
    assert sorted(found) == []
