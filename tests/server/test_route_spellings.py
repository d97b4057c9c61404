"""S07 and S09 at other spellings of each route, and by methods that it does not declare.

A proxy, a browser or a framework may take a slash more, a capital letter or a header for the same request.
Here each is another address or the same one with the same rules, and never the same one with none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from runyard.auth.permissions import Open, Permission, Scope
from runyard.server.routes import ROUTES
from tests.server.team import Team

GUARDED = [
    route
    for route in ROUTES
    if not isinstance(route.permits, Open) and not route.refusal and not route.path.startswith("/ajax-api/")
]
OPEN = {route.path for route in ROUTES if isinstance(route.permits, Open)}
WRITING = [
    route
    for route in GUARDED
    if route.method != "GET" and isinstance(route.permits, Permission) and route.permits > Permission.READ
]
# Words that no MLflow client sends, which servers and proxies take for the method that is meant.
OVERRIDES = {
    "X-HTTP-Method-Override": "DELETE",
    "X-HTTP-Method": "DELETE",
    "X-Method-Override": "DELETE",
    "X-Original-URL": "/health",
    "X-Rewrite-URL": "/health",
    "X-Forwarded-Path": "/health",
}
METHODS = (
    "GET",
    "HEAD",
    "OPTIONS",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "get",
    "X",
)
REFUSED = (401, 403, 404, 405, 415)


def filled(path: str) -> str:
    """A route's path with a word for each parameter."""
    return re.sub(r"\{\w+(?::path)?\}", "0" * 32, path)


def spellings(path: str) -> Iterator[str]:
    """The same address as somebody else might read it; no dots as they are, which the client resolves."""
    head, _, last = path.rpartition("/")
    yield f"{head}%2f{last}"
    yield f"{head}%2F{last}"
    yield f"{head}%252f{last}"
    yield f"{path}/"
    yield f"{path}//"
    yield f"/{path}"
    yield f"{head}//{last}"
    yield f"{path};x=y"
    yield f"{head};x=y/{last}"
    yield path.upper()
    yield path.title()
    yield f"{head}/%2e/{last}"
    yield f"{head}/x/.%2e/{last}"
    yield f"{head}/x/%2e%2e/{last}"
    yield f"/health/%2e%2e{path}"
    yield f"/static-files/%2e%2e{path}"
    yield f"{path}%00"
    yield f"{path}%0a"
    yield f"{path}%20"
    yield f"{path}.json"
    yield "".join(f"%{ord(letter):02x}" if letter != "/" else letter for letter in path)
    yield f"/workspaces/alpha{path}/%2e%2e/%2e%2e/health"
    yield f"/workspaces/alpha%2f%2e%2e%2f{path}"
    yield f"/mlflow/workspaces/beta{path}"
    yield quote(path, safe="")


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    team = Team(tmp_path_factory.mktemp("spellings") / "home")
    # What a server makes once, when it is first asked for: its own id.
    team.ask("POST", "/api/v1/token", {}, key=team.admin_key).raise_for_status()
    yield team
    team.close()


def is_page(answer):
    """Whether it is one of the Studio's own files, or the way to them: they hold no data."""
    is_redirect = answer.status_code == 308 and answer.headers["location"].startswith("./")
    return is_redirect or answer.headers.get("content-type", "").startswith("text/html")


def named(route):
    return f"{route.method} {route.path}"


def test_s07_no_spelling_of_a_route_answers_without_a_credential(team):
    before = team.kept()
    answered = []
    for route in GUARDED:
        for spelling in spellings(filled(route.path)):
            answer = team.ask(route.method, spelling)
            if answer.status_code not in REFUSED and not is_page(answer):
                answered.append((named(route), spelling, answer.status_code))
    assert answered == []
    assert team.kept() == before


def test_s09_no_spelling_of_a_route_lets_a_reader_write(team):
    reader = team.key(Scope.READER, "alpha")
    before = team.kept()
    answered = []
    for route in WRITING:
        for spelling in spellings(f"/workspaces/alpha{filled(route.path)}"):
            answer = team.ask(route.method, spelling, key=reader)
            if answer.status_code < 400:
                answered.append((named(route), spelling, answer.status_code))
    assert answered == []
    assert team.kept() == before


def test_s07_no_method_opens_a_route_to_a_stranger(team):
    answered = []
    for path in sorted({route.path for route in GUARDED} - OPEN):
        for method in METHODS:
            answer = team.ask(method, filled(path), b"")
            if answer.status_code not in REFUSED:
                answered.append((method, path, answer.status_code))
    assert answered == []


def test_s09_no_header_makes_another_request_of_what_a_reader_sends(team):
    reader = team.key(Scope.READER, "alpha")
    before = team.kept()
    paths = {route.path for route in GUARDED if route.method == "GET"}
    for route in GUARDED:
        if route.path not in paths and route.method != "DELETE":
            continue
        path = f"/workspaces/alpha{filled(route.path)}"
        plain = team.ask("GET", path, key=reader).status_code
        for name, value in OVERRIDES.items():
            assert team.ask("GET", path, key=reader, headers={name: value}).status_code == plain, (path, name)
            assert team.ask("GET", path, headers={name: value}).status_code in REFUSED
    assert team.kept() == before


def test_s09_methods_that_ask_only_what_there_is_change_nothing(team):
    before = team.kept()
    for path in sorted({route.path for route in GUARDED}):
        for method in ("HEAD", "OPTIONS", "TRACE"):
            answer = team.ask(method, f"/workspaces/alpha{filled(path)}", b"", key=team.admin_key)
            assert answer.status_code < 500 or answer.status_code == 501, (method, path)
            assert "access-control-allow-origin" not in answer.headers
            if method == "TRACE":
                assert team.admin_key not in answer.text
                assert answer.status_code >= 400
    assert team.kept() == before
