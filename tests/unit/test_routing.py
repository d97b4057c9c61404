"""The route table: what a route is made of, its twins, and how one is found."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response

from runyard.auth.permissions import Open, Permission
from runyard.errors import MethodNotAllowed, RouteNotFound
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.runs import RunAnswer, RunId
from runyard.server.routes import ROUTES
from runyard.server.routing import Routes, RouteTable
from runyard.services.call import Call


def get_run(call: Call, body: RunId) -> RunAnswer: ...  # type: ignore[empty-body]


def health(call: Call) -> str:
    return "OK"


def get_thing(call: Call, name: str) -> Empty:
    return Empty()


async def download(call: Call, http: Request, path: str) -> Response:
    return Response()


def table_of(*declared):
    routes = Routes()
    for method, path, handler in declared:
        routes.add(method, path, permits=Permission.READ, summary="A route.")(handler)
    return RouteTable(routes)


def test_a_route_can_not_be_declared_without_a_permission():
    with pytest.raises(TypeError, match="permits"):
        Routes().get("/x", summary="No permission.")  # type: ignore[call-arg]


def test_a_route_knows_its_messages_from_the_handlers_signature():
    routes = Routes()
    routes.get("/api/2.0/x", permits=Permission.READ, summary="Read.")(get_run)
    routes.get("/health", permits=Open("probed"), summary="Alive.")(health)
    routes.put("/files/{path:path}", permits=Permission.READ, summary="Raw.")(download)
    read, _twin, alive, raw = routes
    assert (read.request, read.answer, read.is_raw, read.has_parameters) == (RunId, RunAnswer, False, False)
    assert (alive.request, alive.answer, alive.is_raw) == (None, None, False)
    assert (raw.request, raw.answer, raw.is_raw, raw.has_parameters) == (None, None, True, True)


@pytest.mark.parametrize(
    ("path", "paths"),
    [
        ("/api/2.0/mlflow/x", ["/api/2.0/mlflow/x", "/ajax-api/2.0/mlflow/x"]),
        ("/api/3.0/mlflow/{name}", ["/api/3.0/mlflow/{name}", "/ajax-api/3.0/mlflow/{name}"]),
        ("/api/v1/series", ["/api/v1/series"]),
        ("/health", ["/health"]),
    ],
)
def test_mlflows_paths_have_a_twin_for_its_pages(path, paths):
    routes = Routes()
    routes.get(path, permits=Permission.READ, summary="A route.")(health)
    assert [route.path for route in routes] == paths


def test_a_route_says_whether_it_is_written_together_with_others():
    routes = Routes()
    routes.post("/x", permits=Permission.READ, summary="Together.", commits_together=True)(get_run)
    routes.post("/y", permits=Permission.READ, summary="Alone.")(get_run)
    assert [route.commits_together for route in routes] == [True, False]


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_each_method_has_its_declaration(method):
    routes = Routes()
    declared = getattr(routes, method)("/x", permits=Permission.MANAGE, summary="A route.")(health)
    (route,) = routes
    assert declared is health
    assert (route.method, route.permits, route.handler) == (method.upper(), Permission.MANAGE, health)


def test_two_routes_at_one_place_are_refused():
    with pytest.raises(ValueError, match="Two routes stand at GET /x"):
        table_of(("GET", "/x", health), ("GET", "/x", get_thing))


def test_a_route_is_found_by_its_exact_path_before_any_pattern():
    table = table_of(("GET", "/x/{name}", get_thing), ("GET", "/x/y", health), ("POST", "/x/y", get_run))
    assert table.find("GET", "/x/y")[0].handler is health
    assert table.find("POST", "/x/y")[0].handler is get_run
    assert table.find("HEAD", "/x/y")[0].handler is health
    route, values = table.find("GET", "/x/z")
    assert (route.handler, values) == (get_thing, {"name": "z"})


def test_a_parameter_is_one_part_of_the_path_unless_it_says_path():
    table = table_of(("GET", "/x/{name}", get_thing), ("PUT", "/files/{path:path}", download))
    assert table.find("PUT", "/files/a/b c/../d")[1] == {"path": "a/b c/../d"}
    for path in ("/x/a/b", "/x/", "/x", "/X/a", "/x/a/"):
        with pytest.raises(RouteNotFound):
            table.find("GET", path)


@pytest.mark.parametrize("control", ["\n", "\r\n", "\x00", "\x0b", "\u2028"])
def test_a_line_s_end_is_a_character_of_a_path_as_any_other(control: str):
    table = table_of(
        ("GET", "/x/{name}", get_thing),
        ("PUT", "/files/{path:path}", download),
        ("GET", "/files/{path:path}/end", get_run),
    )
    assert table.find("GET", f"/x/a{control}")[1] == {"name": f"a{control}"}
    for path in (f"a{control}b/c", f"{control}a", f"a{control}"):
        assert table.find("PUT", f"/files/{path}")[1] == {"path": path}
    with pytest.raises(MethodNotAllowed):
        table.find("GET", f"/files/a/end{control}")


def test_a_wrong_method_is_told_the_right_ones():
    table = table_of(("POST", "/x", get_run), ("GET", "/x", health), ("DELETE", "/y/{name}", get_thing))
    with pytest.raises(MethodNotAllowed, match="PATCH is not a method of this endpoint, which has GET, POST"):
        table.find("PATCH", "/x")
    with pytest.raises(MethodNotAllowed, match="which has DELETE"):
        table.find("HEAD", "/y/a")


def test_an_unknown_path_is_cut_in_the_text():
    with pytest.raises(RouteNotFound) as refused:
        table_of().find("GET", "/" + "x" * 10_000)
    assert len(str(refused.value)) < 300


def test_every_route_of_the_server_is_found_at_its_own_path():
    table = RouteTable(ROUTES)
    for route in ROUTES:
        path = route.path.replace("{", "").replace("}", "").replace(":path", "")
        assert table.find(route.method, path)[0] is route


def test_a_pattern_is_found_by_its_first_segments_however_few_it_has():
    table = table_of(
        ("GET", "/{name}", get_thing),
        ("GET", "/a/b/c/{name}", get_thing),
        ("GET", "/a/b/c-{name}", get_thing),
        ("GET", "/files/{path:path}", download),
    )
    found = {
        path: table.find("GET", path)[0].path for path in ("/x", "/a/b/c/x", "/a/b/c-x", "/files/a/b/c/x")
    }
    assert found == {
        "/x": "/{name}",
        "/a/b/c/x": "/a/b/c/{name}",
        "/a/b/c-x": "/a/b/c-{name}",
        "/files/a/b/c/x": "/files/{path:path}",
    }
    with pytest.raises(RouteNotFound):
        table.find("GET", "/a/b/d/x")
