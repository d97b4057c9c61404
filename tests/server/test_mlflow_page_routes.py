"""MLflow's pages below a server's addresses: who may open them, and that what they call is this server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.team import ADDRESSES, Team

PREFIXES = ("", *(address.format("alpha") for address in ADDRESSES))
OWN = {"Origin": "http://127.0.0.1:5000"}
SERVER_INFO = "/mlflow/ajax-api/3.0/mlflow/server-info"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """As much of MLflow's package as is looked at; the browser tests open the whole of it."""
    site: Path = tmp_path_factory.mktemp("site")
    built = site / "mlflow" / "server" / "js" / "build"
    (built / "static").mkdir(parents=True)
    (site / "mlflow" / "__init__.py").touch()
    (built / "index.html").write_text("<!doctype html><title>MLflow</title>")
    (built / "static" / "main.1.js").write_text("void 0;")
    return site


@pytest.fixture
def team(tmp_path, package, monkeypatch):
    monkeypatch.syspath_prepend(package)
    team = Team(tmp_path / "home")
    yield team
    team.close()


def signed_in(team, key):
    """The cookie of a browser that has signed in with an API key."""
    answer = team.ask("POST", "/api/v1/session", key=key, headers=OWN)
    answer.raise_for_status()
    team._client.cookies.clear()
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_page_is_for_who_is_signed_in(team, prefix):
    page = f"{prefix}/mlflow/"
    asked = team.ask("GET", page)
    # No fragment of its own: the browser keeps that of the page that was asked for.
    assert (asked.status_code, asked.headers["location"]) == (303, "../?to=mlflow")
    browser = signed_in(team, team.admin_key)
    shown = team.ask("GET", page, headers=browser)
    assert (shown.status_code, shown.text) == (200, "<!doctype html><title>MLflow</title>")
    assert shown.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
    assert team.ask("HEAD", f"{page}index.html", headers=browser).status_code == 200


def test_an_ended_session_is_none(team):
    browser = signed_in(team, team.admin_key)
    team.ask("DELETE", "/api/v1/session", headers=browser | OWN).raise_for_status()
    assert team.ask("GET", "/mlflow/", headers=browser).status_code == 303
    assert team.ask("GET", "/mlflow/", headers={"Authorization": "Bearer nonsense"}).status_code == 303


@pytest.mark.parametrize("prefix", PREFIXES)
def test_its_files_are_for_everybody_as_the_package_is(team, prefix):
    answer = team.ask("GET", f"{prefix}/mlflow/static-files/static/main.1.js")
    assert (answer.status_code, answer.text) == (200, "void 0;")
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert team.ask("GET", f"{prefix}/mlflow/static-files/static/main.2.js").status_code == 401
    assert team.ask("GET", f"{prefix}/static-files/static/main.1.js").status_code == 401


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_address_without_its_slash_leads_to_it(team, prefix):
    answer = team.ask("GET", f"{prefix}/mlflow")
    assert (answer.status_code, answer.headers["location"]) == (308, "./mlflow/")


@pytest.mark.parametrize("prefix", PREFIXES)
def test_what_the_page_calls_is_the_workspaces_api(team, prefix):
    browser = signed_in(team, team.admin_key)
    made = team.ask(
        "POST",
        f"{prefix}/mlflow/ajax-api/2.0/mlflow/experiments/create",
        {"name": "from the page"},
        headers=browser | OWN,
    )
    assert made.status_code == 200, made.text
    asked = {"experiment_id": made.json()["experiment_id"]}
    told = team.ask("GET", f"{prefix}/api/2.0/mlflow/experiments/get", asked, key=team.admin_key)
    assert told.json()["experiment"]["workspace"] == ("alpha" if prefix else "default")
    assert team.ask("GET", f"{prefix}/mlflow/version", headers=browser).text == "3.17.2"


def test_s16_a_page_of_another_site_changes_nothing_by_these_addresses_either(team):
    browser, before = signed_in(team, team.admin_key), team.kept()
    create = "/mlflow/ajax-api/2.0/mlflow/experiments/create"
    for origin in ({}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = team.ask("POST", create, {"name": "x"}, headers=browser | origin)
        assert answer.status_code == 403
    assert team.ask("POST", "/mlflow/graphql", {"query": "{test}"}, headers=browser).status_code == 403
    assert team.kept() == before


def test_a_page_of_one_workspace_shows_that_one_whatever_the_browser_remembers(team):
    browser = signed_in(team, team.admin_key)
    for prefix in PREFIXES:
        told = team.ask("GET", prefix + SERVER_INFO, headers=browser).json()
        assert told["workspaces_enabled"] is not bool(prefix)
    remembered = browser | {"X-MLFLOW-WORKSPACE": "beta"}
    asked = {"experiment_id": "0"}
    get = "/mlflow/ajax-api/2.0/mlflow/experiments/get"
    told = team.ask("GET", f"/workspaces/alpha{get}", asked, headers=remembered).json()
    assert told["experiment"]["workspace"] == "alpha"
    assert team.ask("GET", get, asked, headers=remembered).json()["experiment"]["workspace"] == "beta"


def test_the_studio_is_told_that_they_are_there(team):
    assert team.ask("GET", "/api/v1/server", key=team.admin_key).json()["has_mlflow_pages"] is True


def test_pages_are_told_that_nobody_wants_to_know_how_they_are_used(team):
    reader = team.person("rea")
    team.grant("rea", "reader", "default")
    before = team.kept()
    path = "/mlflow/ajax-api/3.0/mlflow/ui-telemetry"
    told = team.ask("GET", path, key=reader).json()
    assert told == {"disable_ui_telemetry": True, "disable_ui_events": [], "ui_rollout_percentage": 0}
    sent = team.ask("POST", path, {"records": [{"event_name": "click"}]}, key=reader)
    assert sent.json() == {"status": "disabled"}
    assert team.kept() == before


def test_pages_are_told_that_there_is_no_gateway(team):
    proxy = "/mlflow/ajax-api/2.0/mlflow/gateway-proxy"
    asked = {"gateway_path": "api/2.0/endpoints/"}
    assert team.ask("GET", proxy, asked, key=team.admin_key).json() == {"endpoints": []}
    other = team.ask("GET", proxy, {"gateway_path": "http://169.254.169.254/"}, key=team.admin_key)
    assert (other.status_code, other.json()["error_code"]) == (501, "NOT_IMPLEMENTED")


@pytest.mark.parametrize("handed_on", ["", "/below"])
def test_they_lie_below_the_path_of_a_proxy_too(tmp_path, package, monkeypatch, handed_on):
    monkeypatch.syspath_prepend(package)
    team = Team(tmp_path / "home", root_path="/below")
    assert team.ask("GET", f"{handed_on}/mlflow").headers["location"] == "./mlflow/"
    assert team.ask("GET", f"{handed_on}/mlflow/").headers["location"] == "../?to=mlflow"
    browser = signed_in(team, team.admin_key)
    assert team.ask("GET", f"{handed_on}/mlflow/", headers=browser).status_code == 200
    assert team.ask("GET", f"{handed_on}/mlflow/version", headers=browser).status_code == 200
    team.close()


def test_a_setting_turns_them_off(tmp_path, package, monkeypatch):
    monkeypatch.syspath_prepend(package)
    team = Team(tmp_path / "home", mlflow_ui=False)
    answer = team.ask("GET", "/mlflow/")
    assert (answer.status_code, "mlflow_ui = false" in answer.text) == (404, True)
    assert team.ask("GET", "/api/v1/server", key=team.admin_key).json()["has_mlflow_pages"] is False
    team.close()


def test_without_the_package_a_page_says_which_extra_to_install(tmp_path):
    team = Team(tmp_path / "home")
    answer = team.ask("GET", "/workspaces/alpha/mlflow/")
    assert (answer.status_code, "runyard[mlflow-ui]" in answer.text) == (404, True)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    team.close()
