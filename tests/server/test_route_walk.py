"""S07 to S10: every row of the route table with no credential, too small a one, or another workspace's.

The calls are made from the table itself, so a new route is walked the day it is written.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict

import pytest

from runyard.auth.permissions import Open, Permission, Scope
from runyard.protocol.error_classes import error_body
from runyard.server.middleware import _UPLOAD
from runyard.server.routes import ROUTES
from runyard.services.guesses import Guesses
from runyard.settings import Settings
from tests.server.planted import NOBODY_LISTENS, SECRETS, Planted
from tests.server.route_targets import body_for, plain, target
from tests.server.team import ADDRESSES, Team

# Every route that answers without a credential, and why that is right. To add one, add it here.
OPEN_ROUTES = {
    ("GET", "/health"): "a load balancer probes it and has no credential; it says OK and nothing else",
    ("GET", "/healthz"): "whoever restarts dead servers probes it; it says that the process is alive",
    ("GET", "/readyz"): "a load balancer probes it; its four sentences name no place, no name and no number",
}
OPEN_ROUTES |= {
    (
        "GET",
        "/metadata/endpoints",
    ): "Azure's clients ask it before they have a token; it says where it was asked",
    ("GET", "/discovery"): "Azure's first SDK sends it no token; it says where it was asked and nothing else",
}
OPEN_ROUTES |= {
    (
        "GET",
        "/api/v1/sign-in",
    ): "the sign-in page asks it before anybody is signed in",
    ("GET", "/api/v1/oidc/login"): "begins a sign-in: sends the browser to the provider and tells nothing",
    ("GET", "/api/v1/oidc/callback"): "the provider sends the browser here; its answer is the credential",
    ("POST", "/api/v1/oidc/backchannel-logout"): "the provider's signed logout token is the credential",
    ("POST", "/api/v1/device/authorize"): "a machine asks to be logged in and gets codes that open nothing",
    ("POST", "/api/v1/device/token"): "the machine's own code, of 256 bits, is the credential",
}
# Every route that a setting opens, and why one may want that. Without the setting it needs its permission.
OPENED_ROUTES = {
    ("GET", "/metrics", "metrics_open"): "a scraper has no credential; it counts and names nobody",
}
# Besides the table: the Studio's own files hold no data; what they show they ask the API for.
OPEN_FILES = ("/", "/index.html", "/workspaces/alpha/", "/workspaces/nowhere/")

# What people do for themselves: nothing that they make reaches further than what they sent.
OWN_BUSINESS = {
    "/api/v1/keys",
    "/api/v1/keys/{key_id}",
    "/api/v1/session",
    "/api/v1/device/requests/{user_code}/approve",
    "/api/v1/device/requests/{user_code}/deny",
    "/msi/token",
    "/msi/token/",
}
# What people may ask about themselves, and the walk asks about somebody else.
OF_SOMEBODY_ELSE = {
    "/api/2.0/mlflow/users/get",
    "/api/3.0/mlflow/users/roles/list",
    "/api/3.0/mlflow/users/permissions/list",
    "/api/3.0/mlflow/users/permissions/get",
}
# Routes that answer the same in all workspaces, and in one that isn't there.
OF_SERVER = {"/api/3.0/mlflow/server-info"}
# Deleted by MLflow's words a workspace must be empty, and the walked one is not.
NOT_EMPTY = {("DELETE", "/api/3.0/mlflow/workspaces/{workspace_name}")}
# Open routes that answer something else where nothing was begun.
NOTHING_BEGUN = {
    "/api/v1/oidc/login": 404,
    "/api/v1/oidc/callback": 403,
    "/api/v1/oidc/backchannel-logout": 400,
    "/api/v1/device/token": 400,
}

# Every POST that a reader may send. A new one belongs here only if it changes nothing.
READING_POSTS = {
    *OWN_BUSINESS,
    "/api/2.0/mlflow/artifacts/presigned-download-url",
    "/api/2.0/mlflow/experiments/search",
    "/api/2.0/mlflow/experiments/search-datasets",
    "/api/2.0mlflow/experiments/search-datasets",
    "/api/2.0/mlflow/logged-models/search",
    "/api/2.0/mlflow/registered-models/get-latest-versions",
    "/api/2.0/mlflow/runs/search",
    "/api/3.0/mlflow/ui-telemetry",
    "/api/3.0/mlflow/datasets/search",
    "/api/3.0/mlflow/issues/search",
    "/api/3.0/mlflow/traces/batchGetInfos",
    "/api/3.0/mlflow/traces/calculate-filter-correlation",
    "/api/3.0/mlflow/traces/metrics",
    "/api/3.0/mlflow/traces/search",
    "/api/v1/series",
    "/api/v1/token",
    "/graphql",
}
# The routes that stream a body of any size; all others are bound by max_body_bytes.
UPLOADS = {
    "/api/2.0/mlflow-artifacts/artifacts/{artifact_path:path}",
    "/api/v1/datastores/{datastore}/files/{file_path:path}",
    "/blobs.blob.core.windows.net/{workspace_name}/{artifact_path:path}",
    "/api/v1/snapshots/{sha256}",
}
# What a job's own agent alone may tell.
OF_AGENTS = re.compile(r"/api/v1/jobs/\{run_id\}/(?:begin|report|end)")


# What is refused whoever asks is walked by itself, in tests/clients/test_mlflow_endpoints.py.
ANSWERED = [route for route in ROUTES if not route.refusal]

# MLflow's pages call the same routes below an address of their own.
EVERYWHERE = ("", *(address.format("alpha") for address in ADDRESSES), "/mlflow", "/workspaces/alpha/mlflow")


def walked(kind=lambda route: True):
    chosen = [route for route in ANSWERED if kind(route)]
    return pytest.mark.parametrize("route", chosen, ids=[f"{route.method} {route.path}" for route in chosen])


def needs_credential(route):
    return not isinstance(route.permits, Open)


def allows(scope, route):
    """Whether a scope is enough for a route, wherever it is addressed to."""
    return isinstance(route.permits, Open) or scope.allows(route.permits)


def first_of_each(route):
    """The twins below /ajax-api/ share a handler: walks that call each route many times take one of them."""
    return needs_credential(route) and not route.path.startswith("/ajax-api/")


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    team = Team(tmp_path_factory.mktemp("walk") / "home", outbound_allow=NOBODY_LISTENS, local_slots=1)
    yield team
    team.close()


@pytest.fixture
def own_team(tmp_path):
    team = Team(tmp_path / "home", outbound_allow=NOBODY_LISTENS, local_slots=1)
    yield team
    team.close()


@pytest.fixture(scope="module")
def beta(team):
    """What workspace beta holds: an experiment, a run, a model and a file, each with planted secrets."""
    return Planted(team)


def has_failed(answer):
    """Whether the server itself broke; saying that something is not supported is no failure."""
    return answer.status_code >= 500 and answer.status_code != 501


def is_an_error(answer, status, code):
    assert answer.status_code == status, answer.text
    if answer.request.method != "HEAD":
        body = answer.json()
        # Where Azure's services put it, too.
        of_azure = {"code": code, "message": body["message"], "details": []}
        assert body.pop("error", of_azure) == of_azure
        assert body == error_body(code, body["message"])
    return True


# --- the table --------------------------------------------------------------------------------------------


def test_s07_the_routes_that_need_no_credential_are_the_reviewed_ones():
    found = {(route.method, route.path) for route in ROUTES if not needs_credential(route)}
    assert found == set(OPEN_ROUTES)
    assert all(len(why) > 20 for why in OPEN_ROUTES.values())


def test_s07_the_routes_that_a_setting_opens_are_the_reviewed_ones():
    found = {(route.method, route.path, route.opened_by) for route in ROUTES if route.opened_by}
    assert found == set(OPENED_ROUTES)
    assert not any(getattr(Settings(), setting) for _, _, setting in found)


def test_s09_the_posts_that_a_reader_may_send_are_the_reviewed_ones():
    found = {
        plain(route.path)
        for route in ANSWERED
        if route.method != "GET" and needs_credential(route) and allows(Scope.READER, route)
    }
    assert found == READING_POSTS


def test_s08_the_routes_that_ask_for_no_workspace_are_the_reviewed_ones():
    found = {plain(route.path) for route in ROUTES if route.is_of_server}
    assert found == OF_SERVER


def test_the_bodies_that_the_wall_does_not_bound_are_those_of_uploads():
    found = {plain(route.path) for route in ROUTES if route.method == "PUT" and _UPLOAD.fullmatch(route.path)}
    assert found == UPLOADS


# What this storage does not offer; nobody may use it, so it is no hole.
(END_OF_SESSION,) = (each for each in ROUTES if (each.method, each.path) == ("DELETE", "/api/v1/session"))
NOT_SUPPORTED = re.compile(r"/(?:mpu|presigned|presigned-(?:down|up)load-url)(?:/|$)")


def when(route):
    """First what needs the objects, then what deletes parts of them, then all, then what restores."""
    ends = ("/delete", "/restore")
    end = route.path[route.path.rindex("/") :]
    rank = 2 + ends.index(end) if end in ends and route.method == "POST" else 0
    is_last = rank or "delete" in route.path or route.method == "DELETE"
    return (is_last, "mlflow-artifacts" in route.path, -len(route.path))


def test_the_walk_calls_each_route_as_one_who_may_would(own_team):
    """Else a refusal below might only say that the call made no sense."""
    team, planted = own_team, Planted(own_team)
    unique = [route for route in ANSWERED if not route.path.startswith("/ajax-api/")]
    for route in sorted(unique, key=when):
        path, body = target(route, planted)
        answer = team.ask(route.method, "/workspaces/beta" + path, body, key=team.admin_key)
        if NOT_SUPPORTED.search(route.path):
            assert answer.status_code in (400, 501)
        else:
            if OF_AGENTS.fullmatch(route.path):
                assert is_an_error(answer, 403, "PERMISSION_DENIED")
                continue
            is_refused = route == END_OF_SESSION or (route.method, route.path) in NOT_EMPTY
            status = NOTHING_BEGUN.get(route.path, 400 if is_refused else route.status)
            assert answer.status_code == status, f"{route.method} {route.path}: {answer.text}"


# --- S07: nobody ------------------------------------------------------------------------------------------


@walked(needs_credential)
def test_s07_serve_asks_for_a_credential(route, team, beta):
    path, body = target(route, beta)
    for prefix in EVERYWHERE:
        answer = team.ask(route.method, prefix + path, body)
        assert is_an_error(answer, 401, "UNAUTHENTICATED")
    if route.method == "GET":
        assert is_an_error(team.ask("HEAD", path, body), 401, "UNAUTHENTICATED")


@walked(needs_credential)
def test_s07_a_made_up_credential_is_none(route, team, beta):
    path, body = target(route, beta)
    team.operation.guesses = Guesses()  # else it would be told to wait, and soon
    answer = team.ask(route.method, path, body, key="ry_000000000000_" + "A" * 43)
    assert is_an_error(answer, 401, "UNAUTHENTICATED")


def test_s07_nobody_has_changed_anything(team, beta):
    before = team.kept()
    for route in ANSWERED:
        path, body = target(route, beta)
        if (
            route.path != "/api/v1/device/authorize"
        ):  # what it keeps opens nothing, and is forgotten in ten minutes
            team.ask(route.method, path, body)
    assert team.kept() == before


@walked(lambda route: not needs_credential(route))
def test_an_open_route_answers_even_to_an_ended_credential(route, team):
    status = NOTHING_BEGUN.get(route.path, 200)
    body = {"device_code": "none"} if route.method == "POST" else None
    for key in (None, "ry_000000000000_" + "A" * 43):
        assert team.ask(route.method, route.path, body, key=key).status_code == status


@pytest.mark.parametrize("path", OPEN_FILES)
def test_the_studios_own_page_needs_no_credential_and_tells_nothing_of_the_data(path, team, beta):
    answer = team.ask("GET", path)
    assert answer.status_code in (200, 503)
    assert answer.headers["content-type"].startswith("text/html")
    assert not any(secret in answer.text for secret in SECRETS)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path",
    ["/no/such", "/api/2.0/mlflow/nothing", "/workspaces/beta/nothing", "/health/", "/api/v1"],
)
def test_an_unknown_address_is_the_same_error_as_any_other(method, path, team):
    is_an_error(team.ask(method, path, key=team.key(Scope.READER)), 404, "ENDPOINT_NOT_FOUND")
    is_an_error(team.ask(method, path), 401, "UNAUTHENTICATED")


# --- S09: too small a credential --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys_for_beta(team, beta):
    return {scope: team.key(scope, "beta") for scope in Scope} | {None: team.key(Scope.READER)}


@walked(first_of_each)
def test_s09_a_scope_opens_exactly_the_routes_that_it_allows(route, team, beta, keys_for_beta):
    path, body = target(route, beta)
    for scope in Scope:
        if allows(scope, route) and route.permits is not Permission.ADMINISTER:
            continue
        before = beta.kept()
        answer = team.ask(route.method, "/workspaces/beta" + path, body, key=keys_for_beta[scope])
        assert is_an_error(answer, 403, "PERMISSION_DENIED")
        assert beta.kept() == before


def test_s09_a_reader_changes_nothing_whatever_they_call(team, beta, keys_for_beta):
    token = team.ask("POST", "/api/v1/token", {}, key=keys_for_beta[None]).json()["access_token"]
    before = team.kept()
    for route in ANSWERED:
        if plain(route.path) in OWN_BUSINESS or not needs_credential(route):
            continue
        path, body = target(route, beta)
        for key in (keys_for_beta[None], token):
            answer = team.ask(route.method, "/workspaces/beta" + path, body, key=key)
            refused = not allows(Scope.READER, route) or plain(route.path) in OF_SOMEBODY_ELSE
            assert (answer.status_code == 403) == (
                refused or (plain(route.path) == "/api/v1/token" and key == token)
            )
            assert not has_failed(answer), f"{route.method} {route.path}: {answer.text}"
    assert team.kept() == before


def test_s09_a_reader_sees_what_they_may(team, beta, keys_for_beta):
    answer = team.ask(
        "GET",
        "/workspaces/beta/api/2.0/mlflow/runs/get",
        {"run_id": beta.run_id},
        key=keys_for_beta[Scope.READER],
    )
    assert SECRETS[1] in answer.text


# --- S08, S10: a credential of another workspace ----------------------------------------------------------


@walked(lambda route: first_of_each(route) and not route.is_of_server)
def test_s08_the_key_of_one_workspace_opens_no_address_of_another(route, team, beta):
    key = team.key(Scope.OWNER, "alpha")
    path, body = target(route, beta)
    texts = defaultdict(set)
    for name in ("beta", "nowhere"):
        for address in ADDRESSES:
            answer = team.ask(route.method, address.format(name) + path, body, key=key)
            assert is_an_error(answer, 403, "PERMISSION_DENIED")
            texts[address].add(answer.text)
        answer = team.ask(route.method, path, body, key=key, headers={"X-MLFLOW-WORKSPACE": name})
        assert is_an_error(answer, 403, "PERMISSION_DENIED")
        texts[""].add(answer.text)
    # A workspace that is there is refused as one that is not.
    assert {len(each) for each in texts.values()} == {1}


@walked(first_of_each)
def test_s08_the_ids_of_another_workspace_lead_nowhere(route, team, beta):
    key = team.key(Scope.OWNER, "alpha")
    path, body = target(route, beta)
    before = beta.kept()
    answer = team.ask(route.method, "/workspaces/alpha" + path, body, key=key)
    assert not has_failed(answer), answer.text
    shown = answer.text.replace(path, "")
    for secret in SECRETS:
        # What the caller wrote may come back in an error; what only the other workspace knows may not.
        if secret not in json.dumps(body if not isinstance(body, bytes) else "") + path:
            assert secret not in shown
    assert beta.kept() == before


@pytest.mark.parametrize("scope", Scope)
def test_s10_lists_and_searches_hold_the_callers_rows_only(scope, team, beta):
    key = team.key(scope, "alpha")
    for path, body in [
        ("/api/2.0/mlflow/experiments/search", {"max_results": 1000, "view_type": "ALL"}),
        ("/api/2.0/mlflow/runs/search", {"experiment_ids": [beta.experiment_id, "0"], "max_results": 1000}),
        ("/api/2.0/mlflow/runs/search", {"experiment_ids": [], "max_results": 1000}),
        ("/api/2.0/mlflow/logged-models/search", {"experiment_ids": [beta.experiment_id], "max_results": 50}),
        ("/api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": [beta.experiment_id]}),
        ("/api/3.0/mlflow/traces/search", {"locations": body_for(beta)["locations"]}),
        ("/api/3.0/mlflow/traces/batchGetInfos", {"trace_ids": [beta.trace_id]}),
        ("/api/v1/series", {"run_ids": [beta.run_id], "keys": [beta.metric_key], "x": "step", "width": 5}),
    ]:
        answer = team.ask("POST", "/workspaces/alpha" + path, body, key=key)
        asked_for = json.dumps(body)
        assert not has_failed(answer)
        assert not any(secret in answer.text for secret in SECRETS if secret not in asked_for), path
        assert answer.status_code >= 400 or beta.run_id not in answer.text
    found = team.ask("GET", "/workspaces/alpha/api/v1/workspaces", key=key).json()["workspaces"]
    assert [workspace["name"] for workspace in found] == ["alpha"]


def test_s08_the_workspace_of_somebody_else_looks_like_none(team, beta):
    key = team.key(Scope.OWNER, "alpha")
    own = team.ask("GET", "/workspaces/alpha/api/v1/workspaces/alpha", key=key)
    assert own.json()["workspace"]["name"] == "alpha"
    other, none = (
        team.ask("GET", f"/workspaces/alpha/api/v1/workspaces/{name}", key=key) for name in ("beta", "none")
    )
    assert other.status_code == none.status_code == 404
    assert other.text.replace("beta", "none") == none.text


def test_s08_a_header_and_a_path_that_name_different_workspaces_are_refused(team):
    answer = team.ask(
        "GET",
        "/workspaces/alpha/version",
        key=team.admin_key,
        headers={"X-MLFLOW-WORKSPACE": "beta"},
    )
    assert is_an_error(answer, 400, "INVALID_PARAMETER_VALUE")


# --- on up ------------------------------------------------------------------------------------------------


def test_a_redirect_to_a_workspaces_page_stays_on_this_host(team):
    for name in ("alpha", "https:evil.example", "%5C%5Cevil.example", "javascript:alert(1)"):
        answer = team.ask("GET", f"/workspaces/{name}")
        assert answer.status_code == 308
        assert re.match(r"\./[^/\\]+/$", answer.headers["location"])


@pytest.mark.parametrize(
    "sent", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_s16_a_body_that_a_form_could_send_is_refused(sent, team):
    before = team.kept()
    for route in ANSWERED:
        if route.request is None or route.method not in ("POST", "PATCH", "PUT"):
            continue
        answer = team.ask(
            route.method,
            re.sub(r"\{[^}]+\}", "x", route.path),
            json.dumps({"name": "forged"}).encode(),
            key=team.admin_key,
            headers={"Content-Type": sent},
        )
        assert is_an_error(answer, 400, "INVALID_PARAMETER_VALUE")
        assert "Content-Type" in answer.json()["message"]
    assert team.kept() == before
